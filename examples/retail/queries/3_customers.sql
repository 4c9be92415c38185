-- Where do the best customers live?
SELECT country,
       count(*) AS customers,
       count_if(segment = 'large') AS large,
       round(sum(revenue) / count(*), 2) AS revenue_a_customer
FROM workshop_analytics.customer_metrics
WHERE sales > 0
GROUP BY country
ORDER BY revenue_a_customer DESC, country
LIMIT 5
