-- One row: a kind of weather at an airport of New York. Key: origin, weather. 'unknown' are the
-- flights in whose hour nobody measured. Delays are in minutes, of the flights that left.
SELECT origin,
       weather,
       count(*) AS flights,
       count(dep_delay) AS departed,
       round(100 * count(CASE WHEN outcome = 'cancelled' THEN 1 END) / count(*), 1) AS cancelled_percent,
       round(avg(dep_delay), 1) AS mean_dep_delay,
       round(100 * count(CASE WHEN dep_delay > 60 THEN 1 END) / count(dep_delay), 1) AS over_an_hour_percent,
       min(temp_c) AS lowest_temp_c,
       max(temp_c) AS highest_temp_c,
       max(wind_mph) AS strongest_wind_mph
FROM analytics.fact_flight
GROUP BY origin, weather
