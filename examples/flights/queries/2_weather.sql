-- What does the weather do to departures?
SELECT CASE WHEN w.precip > 0.1 THEN 'heavy rain' WHEN w.precip > 0 THEN 'some rain'
            WHEN w.visib < 3 THEN 'fog' ELSE 'fair' END AS weather,
       count(*) AS flights,
       round(avg(f.dep_delay), 1) AS mean_delay_minutes,
       round(100.0 * count_if(f.dep_delay > 60) / count(*), 1) AS over_an_hour_percent
FROM flights AS f
JOIN weather AS w ON w.origin = f.origin AND w.time_hour = f.time_hour
WHERE f.dep_at IS NOT NULL
GROUP BY 1
ORDER BY mean_delay_minutes DESC, weather
