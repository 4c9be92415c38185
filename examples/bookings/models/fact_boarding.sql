-- One row: somebody who boarded a flight. Key: ticket_no, flight_id. `is_upgraded` tells that the seat is of a
-- dearer fare than the one that was paid; unknown where seat or sale are.
WITH fares AS (
  SELECT fare, place FROM VALUES ('Economy', 1), ('Comfort', 2), ('Business', 3) AS f (fare, place)
)
SELECT p.ticket_no,
       p.flight_id,
       f.flight_no,
       f.flight_date,
       p.boarding_no,
       p.seat_no,
       s.fare_conditions AS seat_fare,
       t.fare_conditions AS paid_fare,
       seat.place > paid.place AS is_upgraded,
       s.seat_no IS NOT NULL AS has_known_seat,
       t.ticket_no IS NOT NULL AS has_known_sale
FROM analytics.bronze_boarding_passes AS p
LEFT JOIN analytics.dim_flight AS f ON f.flight_id = p.flight_id
LEFT JOIN analytics.bronze_seats AS s ON s.aircraft_code = f.aircraft_code AND s.seat_no = p.seat_no
LEFT JOIN analytics.bronze_ticket_flights AS t ON t.ticket_no = p.ticket_no AND t.flight_id = p.flight_id
LEFT JOIN fares AS seat ON seat.fare = s.fare_conditions
LEFT JOIN fares AS paid ON paid.fare = t.fare_conditions
