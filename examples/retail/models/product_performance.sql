-- One row: a product of dim_product, also one that was never sold. Key: product_id.
-- Equal revenue in a category is equal rank.
WITH sold AS (
  SELECT product_id,
         count(*) AS sales,
         sum(quantity) AS items,
         count(DISTINCT customer_id) AS customers,
         CAST(sum(amount) AS DECIMAL(14,2)) AS revenue,
         CAST(sum(profit) AS DECIMAL(14,2)) AS profit,
         max(sale_date) AS last_sale_on
  FROM analytics.fact_sales
  WHERE has_known_product
  GROUP BY product_id
),
products AS (
  SELECT p.product_id,
         p.product_name,
         p.category,
         p.price_band,
         coalesce(s.sales, 0) AS sales,
         coalesce(s.items, 0) AS items,
         coalesce(s.customers, 0) AS customers,
         CAST(coalesce(s.revenue, 0) AS DECIMAL(14,2)) AS revenue,
         CAST(coalesce(s.profit, 0) AS DECIMAL(14,2)) AS profit,
         s.last_sale_on
  FROM analytics.dim_product AS p
  LEFT JOIN sold AS s ON s.product_id = p.product_id
)
SELECT product_id,
       product_name,
       category,
       price_band,
       sales,
       items,
       customers,
       revenue,
       profit,
       round(100 * CAST(profit AS DOUBLE) / CAST(revenue AS DOUBLE), 1) AS profit_percent,
       round(100 * CAST(revenue AS DOUBLE) / CAST(sum(revenue) OVER (PARTITION BY category) AS DOUBLE), 1) AS percent_of_category,
       rank() OVER (PARTITION BY category ORDER BY revenue DESC) AS rank_in_category,
       last_sale_on
FROM products
