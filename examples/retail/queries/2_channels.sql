-- How do the channels do, quarter by quarter?
SELECT coalesce(channel, 'unknown') AS channel,
       sum(CASE WHEN month(sold_at) <= 3 THEN amount END) AS q1,
       sum(CASE WHEN month(sold_at) BETWEEN 4 AND 6 THEN amount END) AS q2,
       sum(CASE WHEN month(sold_at) BETWEEN 7 AND 9 THEN amount END) AS q3,
       sum(CASE WHEN month(sold_at) >= 10 THEN amount END) AS q4
FROM sales
GROUP BY 1
ORDER BY 1
