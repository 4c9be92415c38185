-- One row: a country. Key: country_code. Of a town whose inhabitants are not known, none are counted;
-- the largest town is the one of the most inhabitants, of equals the one that GeoNames knew first.
WITH ranked AS (
  SELECT country_code,
         country,
         name,
         inhabitants,
         timezone,
         latitude,
         row_number() OVER (PARTITION BY country_code ORDER BY coalesce(inhabitants, 0) DESC, geoname_id) AS place
  FROM processed.cities
),
countries AS (
  SELECT country_code,
         max(country) AS country,
         count(*) AS towns,
         count(CASE WHEN inhabitants >= 1000000 THEN 1 END) AS towns_of_a_million,
         count(CASE WHEN inhabitants IS NULL THEN 1 END) AS towns_of_unknown_size,
         sum(inhabitants) AS inhabitants,
         max(CASE WHEN place = 1 AND inhabitants IS NOT NULL THEN name END) AS largest_town,
         max(inhabitants) AS largest_inhabitants,
         count(DISTINCT timezone) AS time_zones,
         max(latitude) AS northernmost,
         min(latitude) AS southernmost
  FROM ranked
  GROUP BY country_code
)
SELECT country_code,
       country,
       towns,
       towns_of_a_million,
       towns_of_unknown_size,
       inhabitants,
       largest_town,
       largest_inhabitants,
       round(100 * largest_inhabitants / inhabitants, 1) AS largest_percent,
       time_zones,
       northernmost,
       southernmost
FROM countries
