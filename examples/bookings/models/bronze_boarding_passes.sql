-- One row: a boarding pass, of a ticket on a flight. Key: ticket_no, flight_id.
SELECT ticket_no,
       flight_id,
       boarding_no,
       seat_no
FROM processed.boarding_passes
