-- One row: an airport. Key: airport_code.
SELECT airport_code,
       airport_name.en AS airport,
       airport_name.de AS airport_de,
       city.en AS city,
       city.de AS city_de,
       longitude,
       latitude,
       time_zone
FROM analytics.bronze_airports
