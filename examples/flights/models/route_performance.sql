-- One row: a route, from an airport of New York to a destination. Key: origin, dest. A destination
-- that dim_airport does not know has no name, and has_known_destination is false.
WITH routes AS (
  SELECT origin,
         dest,
         count(*) AS flights,
         count(DISTINCT carrier) AS carriers,
         count(DISTINCT CASE WHEN has_known_aircraft THEN tailnum END) AS known_aircraft,
         max(distance) AS distance_miles,
         count(CASE WHEN outcome = 'arrived' THEN 1 END) AS arrived,
         count(CASE WHEN is_late THEN 1 END) AS late,
         round(avg(arr_delay), 1) AS mean_arr_delay,
         round(avg(air_time), 1) AS mean_air_minutes,
         round(60 * sum(CASE WHEN air_time IS NOT NULL THEN distance END) / sum(air_time), 1) AS mean_speed_mph
  FROM analytics.fact_flight
  GROUP BY origin, dest
)
SELECT r.origin,
       r.dest,
       d.airport AS destination,
       d.faa IS NOT NULL AS has_known_destination,
       r.flights,
       round(100 * r.flights / sum(r.flights) OVER (PARTITION BY r.origin), 2) AS percent_of_origin,
       r.carriers,
       r.known_aircraft,
       r.distance_miles,
       r.arrived,
       r.late,
       round(100 * r.late / r.arrived, 1) AS late_percent,
       r.mean_arr_delay,
       r.mean_air_minutes,
       r.mean_speed_mph
FROM routes AS r
LEFT JOIN analytics.dim_airport AS d ON d.faa = r.dest
