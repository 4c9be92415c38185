-- One row: a flight number between two airports. Key: flight_no, departure_airport, arrival_airport. The days of
-- the week on which it flies are a sorted array (1 is Monday), and a text; durations are means, in
-- seconds, as planned and as flown.
WITH flown AS (
  SELECT f.flight_no,
         f.departure_airport,
         f.arrival_airport,
         count(*) AS flights,
         sort_array(collect_set(f.aircraft_code)) AS aircraft_codes,
         sort_array(collect_set(f.day_of_week)) AS days_of_week,
         array_join(sort_array(collect_set(struct(f.day_of_week, f.day_name))).day_name, ' ') AS day_names,
         CAST(avg(b.scheduled_arrival - b.scheduled_departure) AS BIGINT) AS planned_seconds,
         CAST(avg(b.actual_arrival - b.actual_departure) AS BIGINT) AS actual_seconds
  FROM analytics.dim_flight AS f
  JOIN analytics.bronze_flights AS b ON b.flight_id = f.flight_id
  GROUP BY f.flight_no, f.departure_airport, f.arrival_airport
)
SELECT r.flight_no,
       r.departure_airport,
       d.city AS departure_city,
       r.arrival_airport,
       a.city AS arrival_city,
       r.flights,
       r.aircraft_codes,
       r.days_of_week,
       r.day_names,
       size(r.days_of_week) = 7 AS is_daily,
       r.planned_seconds,
       r.actual_seconds
FROM flown AS r
LEFT JOIN analytics.dim_airport AS d ON d.airport_code = r.departure_airport
LEFT JOIN analytics.dim_airport AS a ON a.airport_code = r.arrival_airport
