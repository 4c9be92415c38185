-- One row: a kind of thing that others refer to. Key: refers_to. How many rows refer to one that no table knows;
-- a count of 0 is a row, too.
WITH found AS (
  SELECT 'aircraft' AS refers_to, 'dim_flight' AS in_table, has_known_aircraft AS is_known
  FROM analytics.dim_flight
  UNION ALL
  SELECT 'airport' AS refers_to, 'dim_flight' AS in_table, has_known_airports AS is_known
  FROM analytics.dim_flight
  UNION ALL
  SELECT 'ticket' AS refers_to, 'fact_ticket_sale' AS in_table, has_known_ticket AS is_known
  FROM analytics.fact_ticket_sale
  UNION ALL
  SELECT 'booking' AS refers_to, 'fact_ticket_sale' AS in_table, has_known_booking AS is_known
  FROM analytics.fact_ticket_sale
  UNION ALL
  SELECT 'flight' AS refers_to, 'fact_ticket_sale' AS in_table, has_known_flight AS is_known
  FROM analytics.fact_ticket_sale
  UNION ALL
  SELECT 'fare' AS refers_to, 'fact_ticket_sale' AS in_table, has_known_fare AS is_known
  FROM analytics.fact_ticket_sale
  UNION ALL
  SELECT 'seat' AS refers_to, 'fact_boarding' AS in_table, has_known_seat AS is_known
  FROM analytics.fact_boarding
  UNION ALL
  SELECT 'sale' AS refers_to, 'fact_boarding' AS in_table, has_known_sale AS is_known
  FROM analytics.fact_boarding
)
SELECT refers_to,
       in_table,
       count(*) AS all_rows,
       count_if(NOT is_known) AS orphans,
       round(100 * count_if(NOT is_known) / count(*), 2) AS orphans_percent
FROM found
GROUP BY refers_to, in_table
