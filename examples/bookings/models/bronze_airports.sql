-- One row: an airport. Key: airport_code. Names by language are structs; places are in degrees.
SELECT airport_code,
       from_json(airport_name, 'en STRING, de STRING') AS airport_name,
       from_json(city, 'en STRING, de STRING') AS city,
       longitude,
       latitude,
       timezone AS time_zone
FROM processed.airports
