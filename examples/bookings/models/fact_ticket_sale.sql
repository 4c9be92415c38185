-- One row: a ticket sold on a flight. Key: ticket_no, flight_id. Partitioned by sale_month, the month of the
-- booking. No sale is lost: one whose ticket, booking, flight or fare no table knows is kept, and a
-- flag says so; the model orphans counts them.
SELECT s.ticket_no,
       s.flight_id,
       t.book_ref,
       t.passenger_id,
       f.flight_no,
       f.flight_date,
       b.booked_at,
       datediff(f.flight_date, b.booked_on) AS days_ahead,
       s.fare_conditions,
       s.amount,
       t.ticket_no IS NOT NULL AS has_known_ticket,
       b.book_ref IS NOT NULL AS has_known_booking,
       f.flight_id IS NOT NULL AS has_known_flight,
       s.fare_conditions IN ('Business', 'Comfort', 'Economy') AS has_known_fare,
       coalesce(date_format(b.booked_at, 'yyyy-MM'), 'unknown') AS sale_month
FROM analytics.bronze_ticket_flights AS s
LEFT JOIN analytics.bronze_tickets AS t ON t.ticket_no = s.ticket_no
LEFT JOIN analytics.bronze_bookings AS b ON b.book_ref = t.book_ref
LEFT JOIN analytics.dim_flight AS f ON f.flight_id = s.flight_id
