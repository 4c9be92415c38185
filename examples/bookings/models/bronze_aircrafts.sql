-- One row: an aircraft type. Key: aircraft_code. Its model by language is a struct.
SELECT aircraft_code,
       from_json(model, 'en STRING, de STRING') AS model,
       range AS range_km
FROM processed.aircrafts
