-- One row: a fare between two airports. Key: departure_airport, arrival_airport, fare_conditions. Sales of flights that
-- no table knows are in none.
WITH fares AS (
  SELECT f.departure_airport,
         f.arrival_airport,
         s.fare_conditions,
         count(*) AS tickets,
         count(DISTINCT s.passenger_id) AS passengers,
         CAST(sum(s.amount) AS DECIMAL(14,2)) AS revenue,
         CAST(CAST(sum(s.amount) AS DOUBLE) / count(*) AS DECIMAL(12,2)) AS mean_amount,
         round(avg(s.days_ahead), 1) AS mean_days_ahead
  FROM analytics.fact_ticket_sale AS s
  JOIN analytics.dim_flight AS f ON f.flight_id = s.flight_id
  GROUP BY f.departure_airport, f.arrival_airport, s.fare_conditions
)
SELECT departure_airport,
       arrival_airport,
       fare_conditions,
       tickets,
       passengers,
       revenue,
       mean_amount,
       mean_days_ahead,
       round(100 * CAST(revenue AS DOUBLE) / CAST(sum(revenue) OVER (PARTITION BY departure_airport, arrival_airport) AS DOUBLE), 1) AS percent_of_route,
       rank() OVER (PARTITION BY fare_conditions ORDER BY revenue DESC) AS rank_in_fare
FROM fares
