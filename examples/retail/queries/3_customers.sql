-- Where do the best customers live?
SELECT c.country,
       count(DISTINCT c.customer_id) AS customers,
       round(sum(s.amount) / count(DISTINCT c.customer_id), 2) AS revenue_a_customer
FROM sales AS s
JOIN customers AS c ON c.customer_id = s.customer_id
GROUP BY c.country
ORDER BY revenue_a_customer DESC, c.country
LIMIT 5
