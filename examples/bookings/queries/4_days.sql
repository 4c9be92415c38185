-- How full are the flights, day by day? UNNEST makes rows of an array.
SELECT day, round(avg(d.occupancy_percent), 1) AS mean_occupancy_percent
FROM workshop_analytics.routes AS r
CROSS JOIN UNNEST(r.days_of_week) AS t (day)
JOIN workshop_analytics.route_days AS d ON d.flight_no = r.flight_no AND d.day_of_week = day
GROUP BY day
ORDER BY day
