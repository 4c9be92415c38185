-- One row: a ticket of a passenger. Key: ticket_no. `contact` tells whether there is a way to reach
-- whoever has it: given, none, or malformed, which is JSON that cannot be read.
SELECT ticket_no,
       book_ref,
       passenger_id,
       passenger_name,
       get_json_object(contact_data, '$.phone') AS phone,
       lower(get_json_object(contact_data, '$.email')) AS email,
       CASE WHEN contact_data IS NULL THEN 'none'
            WHEN json_object_keys(contact_data) IS NULL THEN 'malformed'
            ELSE 'given' END AS contact
FROM processed.tickets
