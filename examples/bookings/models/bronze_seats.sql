-- One row: a seat of an aircraft type. Key: aircraft_code, seat_no.
SELECT aircraft_code,
       seat_no,
       CAST(regexp_extract(seat_no, '^([0-9]+)([A-Z])$', 1) AS INT) AS seat_row,
       regexp_extract(seat_no, '^([0-9]+)([A-Z])$', 2) AS seat_letter,
       fare_conditions
FROM processed.seats
