-- One row: an airport from which flights have left. Key: departure_airport. Delays are of departure, in minutes.
SELECT d.departure_airport,
       a.airport,
       count(*) AS flights,
       count_if(d.status = 'Cancelled') AS cancelled,
       count(f.departure_delay_minutes) AS departed,
       count_if(f.departure_delay_minutes > 15) AS late,
       round(100 * count_if(f.departure_delay_minutes > 15) / count(f.departure_delay_minutes), 1) AS late_percent,
       round(avg(f.departure_delay_minutes), 1) AS mean_delay_minutes,
       median(f.departure_delay_minutes) AS median_delay_minutes,
       max(f.departure_delay_minutes) AS longest_delay_minutes
FROM analytics.dim_flight AS d
JOIN analytics.fact_flight AS f ON f.flight_id = d.flight_id
LEFT JOIN analytics.dim_airport AS a ON a.airport_code = d.departure_airport
GROUP BY d.departure_airport, a.airport
