-- One row: a sale; returned goods are none. Key: sale_id. Partitioned by sale_month.
-- No sale is lost: one whose customer or product is in no dimension (inactive, refused, never
-- there) is kept, and its flag says so. What it cost is then unknown.
SELECT s.sale_id,
       s.customer_id,
       s.product_id,
       s.sold_at,
       s.sale_date,
       coalesce(s.channel, 'unknown') AS channel,
       s.quantity,
       s.unit_price,
       s.amount,
       CAST(s.quantity * p.cost AS DECIMAL(12,2)) AS cost_amount,
       CAST(s.amount - s.quantity * p.cost AS DECIMAL(12,2)) AS profit,
       c.customer_id IS NOT NULL AS has_known_customer,
       p.product_id IS NOT NULL AS has_known_product,
       CAST(s.sale_month AS STRING) AS sale_month
FROM processed.sales AS s
LEFT JOIN analytics.dim_customer AS c ON c.customer_id = s.customer_id
LEFT JOIN analytics.dim_product AS p ON p.product_id = s.product_id
