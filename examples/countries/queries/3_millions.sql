-- Where are the large towns?
SELECT country, towns_of_a_million, towns, inhabitants
FROM workshop_analytics.country_summary
ORDER BY towns_of_a_million DESC, country_code
LIMIT 8
