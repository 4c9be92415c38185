-- One row: a flight number on a day of the week. Key: flight_no, day_of_week. Its days come from the array in
-- routes; occupancy is that of flights that have left with an aircraft that is known.
WITH days AS (
  SELECT flight_no, day_of_week
  FROM analytics.routes
  LATERAL VIEW explode(days_of_week) d AS day_of_week
),
flights AS (
  SELECT d.flight_no, d.day_of_week, d.day_name, f.occupancy_percent, f.boarded, f.seats, f.revenue
  FROM analytics.dim_flight AS d
  JOIN analytics.fact_flight AS f ON f.flight_id = d.flight_id
)
SELECT d.flight_no,
       d.day_of_week,
       max(f.day_name) AS day_name,
       count(*) AS flights,
       CAST(sum(f.revenue) AS DECIMAL(14,2)) AS revenue,
       round(100 * sum(CASE WHEN f.occupancy_percent IS NOT NULL THEN f.boarded END)
             / sum(CASE WHEN f.occupancy_percent IS NOT NULL THEN f.seats END), 1) AS occupancy_percent
FROM (SELECT DISTINCT flight_no, day_of_week FROM days) AS d
JOIN flights AS f ON f.flight_no = d.flight_no AND f.day_of_week = d.day_of_week
GROUP BY d.flight_no, d.day_of_week
