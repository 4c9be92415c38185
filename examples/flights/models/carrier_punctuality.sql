-- One row: an airline in a month. Key: flight_month, carrier. Delays are in minutes; late is more
-- than 15 of them at arrival, in percent of the flights that arrived. The latest airline ranks first.
WITH months AS (
  SELECT flight_month,
         carrier,
         count(*) AS flights,
         count(CASE WHEN outcome = 'arrived' THEN 1 END) AS arrived,
         count(CASE WHEN outcome = 'cancelled' THEN 1 END) AS cancelled,
         count(CASE WHEN is_late THEN 1 END) AS late,
         round(100 * count(CASE WHEN is_late THEN 1 END) / count(arr_delay), 1) AS late_percent,
         round(avg(dep_delay), 1) AS mean_dep_delay,
         round(avg(arr_delay), 1) AS mean_arr_delay,
         max(arr_delay) AS longest_arr_delay
  FROM analytics.fact_flight
  GROUP BY flight_month, carrier
)
SELECT m.flight_month,
       m.carrier,
       coalesce(a.airline, m.carrier) AS airline,
       m.flights,
       m.arrived,
       m.cancelled,
       m.late,
       m.late_percent,
       m.mean_dep_delay,
       m.mean_arr_delay,
       m.longest_arr_delay,
       rank() OVER (PARTITION BY m.flight_month ORDER BY m.late_percent DESC) AS rank_in_month
FROM months AS m
LEFT JOIN analytics.dim_airline AS a ON a.carrier = m.carrier
