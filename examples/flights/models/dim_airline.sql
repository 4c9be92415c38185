-- One row: an airline. Key: carrier.
SELECT carrier,
       name AS airline
FROM processed.airlines
