-- One row: a flight on a day. Key: flight_id. A delay is below 0 where a flight was early; what has not
-- happened is null.
SELECT flight_id,
       flight_no,
       departure_airport,
       arrival_airport,
       aircraft_code,
       status,
       scheduled_departure,
       scheduled_arrival,
       actual_departure,
       actual_arrival,
       CAST(scheduled_arrival - scheduled_departure AS BIGINT) AS planned_seconds,
       CAST(actual_arrival - actual_departure AS BIGINT) AS actual_seconds,
       timestampdiff(MINUTE, scheduled_departure, actual_departure) AS departure_delay_minutes,
       timestampdiff(MINUTE, scheduled_arrival, actual_arrival) AS arrival_delay_minutes
FROM processed.flights
