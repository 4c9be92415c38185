-- One row: a customer of dim_customer, also one who has bought nothing. Key: customer_id.
-- Equal revenue in a country is equal rank.
WITH bought AS (
  SELECT customer_id,
         count(*) AS sales,
         sum(quantity) AS items,
         CAST(sum(amount) AS DECIMAL(14,2)) AS revenue,
         CAST(CAST(sum(amount) AS DOUBLE) / count(*) AS DECIMAL(12,2)) AS mean_sale,
         min(sale_date) AS first_sale_on,
         max(sale_date) AS last_sale_on,
         count(DISTINCT sale_month) AS active_months
  FROM analytics.fact_sales
  WHERE has_known_customer
  GROUP BY customer_id
),
customers AS (
  SELECT c.customer_id,
         c.full_name,
         c.country,
         c.signup_date,
         coalesce(b.sales, 0) AS sales,
         coalesce(b.items, 0) AS items,
         CAST(coalesce(b.revenue, 0) AS DECIMAL(14,2)) AS revenue,
         b.mean_sale,
         b.first_sale_on,
         b.last_sale_on,
         coalesce(b.active_months, 0) AS active_months
  FROM analytics.dim_customer AS c
  LEFT JOIN bought AS b ON b.customer_id = c.customer_id
)
SELECT customer_id,
       full_name,
       country,
       signup_date,
       sales,
       items,
       revenue,
       mean_sale,
       first_sale_on,
       last_sale_on,
       datediff(last_sale_on, first_sale_on) AS days_as_buyer,
       active_months,
       CASE WHEN sales = 0 THEN 'none' WHEN revenue < 1000 THEN 'small' WHEN revenue < 3000 THEN 'middle' ELSE 'large' END AS segment,
       rank() OVER (PARTITION BY country ORDER BY revenue DESC) AS rank_in_country
FROM customers
