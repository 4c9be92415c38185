-- Who flies the oldest planes, and whose are they?
SELECT a.name, p.maker,
       count(DISTINCT p.tailnum) AS planes,
       round(avg(p.age_in_2013), 1) AS mean_age_years,
       max(p.age_in_2013) AS oldest_years
FROM flights AS f
JOIN planes AS p ON p.tailnum = f.tailnum
JOIN airlines AS a ON a.carrier = f.carrier
WHERE f.month = '7'
GROUP BY a.name, p.maker
HAVING count(DISTINCT p.tailnum) >= 10
ORDER BY mean_age_years DESC, planes DESC
LIMIT 5
