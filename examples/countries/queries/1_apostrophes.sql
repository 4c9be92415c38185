-- What is in the partitions whose names are not plain?
SELECT country, count(*) AS towns, sum(inhabitants) AS inhabitants
FROM workshop_processed.cities
WHERE country IN ('Côte d''Ivoire', 'Åland Islands', 'Korea (North)', 'Trinidad & Tobago') OR country IS NULL
GROUP BY country
ORDER BY country
