-- One row: a product that has a price. Key: product_id.
SELECT product_id,
       name AS product_name,
       category,
       price,
       cost,
       margin,
       round(100 * CAST(margin AS DOUBLE) / CAST(price AS DOUBLE), 1) AS margin_percent,
       price_band
FROM processed.products
