-- Which flights do not go every day, on which days, and how long do they take?
SELECT flight_no, departure_city, arrival_city, days_of_week, day_names,
       planned_seconds / 60 AS planned_minutes,
       actual_seconds / 60 AS actual_minutes
FROM workshop_analytics.routes
WHERE NOT is_daily AND arrival_city IS NOT NULL
ORDER BY cardinality(days_of_week), flight_no
LIMIT 5
