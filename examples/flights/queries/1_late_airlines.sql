-- Which airlines are late most often?
SELECT a.name,
       count(*) AS flights,
       round(100.0 * count_if(f.is_late) / count(*), 1) AS late_percent,
       round(avg(f.arr_delay), 1) AS mean_delay_minutes
FROM flights AS f
JOIN airlines AS a ON a.carrier = f.carrier
WHERE f.arr_at IS NOT NULL
GROUP BY a.name
HAVING count(*) > 1000
ORDER BY late_percent DESC, a.name
LIMIT 5
