-- One row: a ticket on a flight, and what was paid for it. Key: ticket_no, flight_id.
SELECT ticket_no,
       flight_id,
       fare_conditions,
       amount
FROM processed.ticket_flights
