-- What does each fare bring in?
SELECT fare_conditions,
       sum(tickets) AS tickets,
       sum(revenue) AS revenue,
       round(sum(revenue) / sum(tickets), 2) AS revenue_a_ticket
FROM workshop_analytics.route_revenue
GROUP BY fare_conditions
ORDER BY revenue DESC
