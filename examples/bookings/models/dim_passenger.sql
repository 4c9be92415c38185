-- One row: a passenger, however many tickets there are of it. Key: passenger_id. Name, phone and email are
-- those of the last booking that tells them; `emails` are all that were ever given, sorted.
WITH tickets AS (
  SELECT t.passenger_id,
         t.passenger_name,
         t.phone,
         t.email,
         t.book_ref,
         b.booked_at,
         row_number() OVER (PARTITION BY t.passenger_id ORDER BY b.booked_at DESC, t.ticket_no DESC) AS place,
         row_number() OVER (PARTITION BY t.passenger_id, t.phone IS NULL ORDER BY b.booked_at DESC, t.ticket_no DESC) AS phone_place,
         row_number() OVER (PARTITION BY t.passenger_id, t.email IS NULL ORDER BY b.booked_at DESC, t.ticket_no DESC) AS email_place
  FROM analytics.bronze_tickets AS t
  LEFT JOIN analytics.bronze_bookings AS b ON b.book_ref = t.book_ref
)
SELECT passenger_id,
       max(CASE WHEN place = 1 THEN passenger_name END) AS passenger_name,
       max(CASE WHEN phone_place = 1 THEN phone END) AS phone,
       max(CASE WHEN email_place = 1 THEN email END) AS email,
       sort_array(collect_set(email)) AS emails,
       count(*) AS tickets,
       count(DISTINCT book_ref) AS bookings,
       min(booked_at) AS first_booked_at,
       max(booked_at) AS last_booked_at
FROM tickets
GROUP BY passenger_id
