-- Which airlines are late most often, and in how many months among the three worst?
SELECT p.airline,
       sum(p.flights) AS flights,
       round(100.0 * sum(p.late) / sum(p.arrived), 1) AS late_percent,
       count_if(p.rank_in_month <= 3) AS months_among_worst
FROM workshop_analytics.carrier_punctuality AS p
GROUP BY p.airline
HAVING sum(p.flights) > 1000
ORDER BY late_percent DESC, p.airline
LIMIT 5
