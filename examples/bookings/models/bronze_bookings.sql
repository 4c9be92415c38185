-- One row: a booking. Key: book_ref. Times are in UTC, as all are.
SELECT book_ref,
       book_date AS booked_at,
       CAST(book_date AS DATE) AS booked_on,
       total_amount
FROM processed.bookings
