-- One row: a customer with an active account. Key: customer_id.
SELECT customer_id,
       full_name,
       email,
       email_is_valid,
       country,
       signup_date,
       signup_year
FROM processed.customers
