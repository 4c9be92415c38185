-- One row: an airport. Key: faa, its code with the FAA.
SELECT faa,
       name AS airport,
       lat,
       lon,
       alt AS altitude_feet,
       alt_m AS altitude_m,
       tz AS utc_offset_hours,
       tzone AS time_zone
FROM processed.airports
