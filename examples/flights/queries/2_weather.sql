-- What does the weather do to departures?
SELECT weather,
       count(*) AS flights,
       round(avg(dep_delay), 1) AS mean_delay_minutes,
       round(100.0 * count_if(dep_delay > 60) / count(*), 1) AS over_an_hour_percent
FROM workshop_analytics.fact_flight
WHERE outcome <> 'cancelled'
GROUP BY weather
ORDER BY mean_delay_minutes DESC, weather
