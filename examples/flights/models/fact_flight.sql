-- One row: a flight that was given an aircraft. Key: flight_date, carrier, flight, origin.
-- Partitioned by flight_month. With the weather at its airport in the hour of scheduled departure.
-- No flight is lost: where the aircraft, the destination, the airline or the weather is in no table,
-- the flight is kept, and a flag says so; the mart orphans counts them.
SELECT CAST(f.sched_dep_at AS DATE) AS flight_date,
       f.carrier,
       f.flight,
       f.origin,
       f.dest,
       f.tailnum,
       f.sched_dep_at,
       f.dep_at,
       f.sched_arr_at,
       f.arr_at,
       f.day_of_week,
       CASE WHEN f.dep_delay IS NULL THEN 'cancelled' WHEN f.arr_delay IS NULL THEN 'no arrival' ELSE 'arrived' END AS outcome,
       f.dep_delay,
       f.arr_delay,
       f.is_late,
       f.air_time,
       f.distance,
       f.speed_mph,
       a.carrier IS NOT NULL AS has_known_airline,
       d.faa IS NOT NULL AS has_known_destination,
       p.tailnum IS NOT NULL AS has_known_aircraft,
       w.origin IS NOT NULL AS has_weather,
       CASE WHEN w.origin IS NULL THEN 'unknown'
            WHEN w.precip > 0.1 THEN 'heavy rain'
            WHEN w.precip > 0 THEN 'some rain'
            WHEN w.visib < 3 THEN 'fog'
            ELSE 'fair' END AS weather,
       w.temp_c,
       w.wind_speed AS wind_mph,
       w.wind_from,
       w.precip AS precip_inches,
       w.visib AS visibility_miles,
       date_format(f.sched_dep_at, 'yyyy-MM') AS flight_month
FROM processed.flights AS f
LEFT JOIN analytics.dim_airline AS a ON a.carrier = f.carrier
LEFT JOIN analytics.dim_airport AS d ON d.faa = f.dest
LEFT JOIN analytics.dim_aircraft AS p ON p.tailnum = f.tailnum
LEFT JOIN processed.weather AS w ON w.origin = f.origin AND w.time_hour = f.time_hour
