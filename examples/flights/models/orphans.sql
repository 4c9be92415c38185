-- One row: a kind of thing that flights refer to. Key: refers_to. How many flights refer to one that
-- is in no table, and to how many such; a count of 0 is a row, too.
WITH flights AS (
  SELECT 'airline' AS refers_to, carrier AS value, has_known_airline AS is_known
  FROM analytics.fact_flight
  UNION ALL
  SELECT 'aircraft' AS refers_to, tailnum AS value, has_known_aircraft AS is_known
  FROM analytics.fact_flight
  UNION ALL
  SELECT 'destination' AS refers_to, dest AS value, has_known_destination AS is_known
  FROM analytics.fact_flight
  UNION ALL
  SELECT 'weather' AS refers_to,
         concat(origin, ' ', date_format(sched_dep_at, 'yyyy-MM-dd HH')) AS value,
         has_weather AS is_known
  FROM analytics.fact_flight
)
SELECT refers_to,
       count(*) AS flights,
       count(CASE WHEN NOT is_known THEN 1 END) AS orphans,
       round(100 * count(CASE WHEN NOT is_known THEN 1 END) / count(*), 2) AS orphans_percent,
       count(DISTINCT CASE WHEN NOT is_known THEN value END) AS missing_values
FROM flights
GROUP BY refers_to
