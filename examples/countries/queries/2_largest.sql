-- In which countries do most live in one town?
SELECT country, largest_town, largest_percent, inhabitants
FROM workshop_analytics.country_summary
WHERE inhabitants > 10000000
ORDER BY largest_percent DESC, country_code
LIMIT 8
