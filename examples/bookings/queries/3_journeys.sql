-- On which paths do most tickets lead, flight after flight?
SELECT path, flights,
       count(*) AS tickets,
       sum(amount) AS revenue
FROM workshop_analytics.itineraries
GROUP BY path, flights
ORDER BY tickets DESC, path
LIMIT 5
