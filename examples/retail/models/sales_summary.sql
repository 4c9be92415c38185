-- One row: a month with sales. Key: sale_month. Sales of unknown customers and products count, and
-- are counted: they have no profit, so profit is that of the sales of known products.
WITH months AS (
  SELECT sale_month,
         count(*) AS sales,
         sum(quantity) AS items,
         count(DISTINCT customer_id) AS customers,
         CAST(sum(amount) AS DECIMAL(14,2)) AS revenue,
         CAST(sum(profit) AS DECIMAL(14,2)) AS profit,
         CAST(CAST(sum(amount) AS DOUBLE) / count(*) AS DECIMAL(12,2)) AS mean_sale,
         round(100 * count(CASE WHEN channel IN ('web', 'app') THEN 1 END) / count(*), 1) AS online_percent,
         count(CASE WHEN NOT has_known_customer THEN 1 END) AS sales_without_customer,
         count(CASE WHEN NOT has_known_product THEN 1 END) AS sales_without_product
  FROM analytics.fact_sales
  GROUP BY sale_month
)
SELECT sale_month,
       sales,
       items,
       customers,
       revenue,
       profit,
       mean_sale,
       online_percent,
       sales_without_customer,
       sales_without_product,
       CAST(revenue - lag(revenue) OVER (ORDER BY sale_month) AS DECIMAL(14,2)) AS revenue_change,
       CAST(sum(revenue) OVER (ORDER BY sale_month) AS DECIMAL(14,2)) AS revenue_to_date
FROM months
