-- One row: a time zone in which there are towns. Key: timezone.
SELECT timezone,
       split_part(timezone, '/', 1) AS region,
       count(*) AS towns,
       count(DISTINCT country_code) AS countries,
       sum(inhabitants) AS inhabitants,
       round(avg(CAST(latitude AS DOUBLE)), 2) AS mean_latitude
FROM processed.cities
GROUP BY timezone
