-- One row: a flight on a day, with what was sold of it and who came. Key: flight_id. Occupancy is that of
-- flights that have left, in percent of the seats. Late is over 15 minutes.
WITH sales AS (
  SELECT flight_id, count(*) AS tickets, CAST(sum(amount) AS DECIMAL(14,2)) AS revenue
  FROM analytics.fact_ticket_sale
  GROUP BY flight_id
),
boardings AS (
  SELECT flight_id, count(*) AS boarded, count_if(is_upgraded) AS upgraded
  FROM analytics.fact_boarding
  GROUP BY flight_id
)
SELECT f.flight_id,
       f.flight_no,
       f.flight_date,
       f.status,
       b.planned_seconds,
       b.actual_seconds,
       b.departure_delay_minutes,
       b.arrival_delay_minutes,
       b.actual_arrival - b.scheduled_arrival > INTERVAL 15 MINUTES AS is_late,
       a.seats,
       coalesce(s.tickets, 0) AS tickets,
       CAST(coalesce(s.revenue, 0) AS DECIMAL(14,2)) AS revenue,
       coalesce(p.boarded, 0) AS boarded,
       coalesce(p.upgraded, 0) AS upgraded,
       CASE WHEN b.actual_departure IS NOT NULL THEN round(100 * coalesce(p.boarded, 0) / a.seats, 1) END AS occupancy_percent
FROM analytics.dim_flight AS f
JOIN analytics.bronze_flights AS b ON b.flight_id = f.flight_id
LEFT JOIN analytics.dim_aircraft AS a ON a.aircraft_code = f.aircraft_code
LEFT JOIN sales AS s ON s.flight_id = f.flight_id
LEFT JOIN boardings AS p ON p.flight_id = f.flight_id
