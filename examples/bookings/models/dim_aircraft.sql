-- One row: an aircraft type. Key: aircraft_code. `fares` are those that it has seats of, sorted.
WITH seats AS (
  SELECT aircraft_code,
         count(*) AS seats,
         count_if(fare_conditions = 'Business') AS business_seats,
         sort_array(collect_set(fare_conditions)) AS fares
  FROM analytics.bronze_seats
  GROUP BY aircraft_code
)
SELECT a.aircraft_code,
       a.model.en AS model,
       a.model.de AS model_de,
       a.range_km,
       coalesce(s.seats, 0) AS seats,
       coalesce(s.business_seats, 0) AS business_seats,
       s.fares
FROM analytics.bronze_aircrafts AS a
LEFT JOIN seats AS s ON s.aircraft_code = a.aircraft_code
