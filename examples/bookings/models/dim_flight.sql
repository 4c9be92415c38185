-- One row: a flight on a day. Key: flight_id. `day_of_week` is 1 on Mondays. A flight of an aircraft or an
-- airport that no table knows is kept, and a flag says so.
SELECT f.flight_id,
       f.flight_no,
       f.departure_airport,
       f.arrival_airport,
       f.aircraft_code,
       f.status,
       f.scheduled_departure,
       f.scheduled_arrival,
       CAST(f.scheduled_departure AS DATE) AS flight_date,
       weekday(f.scheduled_departure) + 1 AS day_of_week,
       date_format(f.scheduled_departure, 'E') AS day_name,
       a.aircraft_code IS NOT NULL AS has_known_aircraft,
       d.airport_code IS NOT NULL AND h.airport_code IS NOT NULL AS has_known_airports
FROM analytics.bronze_flights AS f
LEFT JOIN analytics.dim_aircraft AS a ON a.aircraft_code = f.aircraft_code
LEFT JOIN analytics.dim_airport AS d ON d.airport_code = f.departure_airport
LEFT JOIN analytics.dim_airport AS h ON h.airport_code = f.arrival_airport
