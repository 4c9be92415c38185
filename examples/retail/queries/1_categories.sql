-- What sells, and what is left of it?
SELECT p.category,
       count(*) AS sales,
       sum(s.amount) AS revenue,
       round(100 * sum(s.quantity * p.margin) / sum(s.amount), 1) AS margin_percent
FROM sales AS s
JOIN products AS p ON p.product_id = s.product_id
GROUP BY p.category
ORDER BY revenue DESC, p.category
