-- One row: a ticket with its flights, in the order in which they leave. Key: ticket_no. `legs` is an array of structs,
-- `path` the airports as a text. Only flights and tickets that are known are in it.
WITH tickets AS (
  SELECT s.ticket_no,
         s.passenger_id,
         sort_array(collect_list(struct(f.scheduled_departure AS departs_at, f.flight_no, f.departure_airport AS origin,
                                        f.arrival_airport AS destination))) AS legs,
         CAST(sum(s.amount) AS DECIMAL(14,2)) AS amount,
         CAST(max(f.scheduled_arrival) - min(f.scheduled_departure) AS BIGINT) AS seconds
  FROM analytics.fact_ticket_sale AS s
  JOIN analytics.dim_flight AS f ON f.flight_id = s.flight_id
  WHERE s.has_known_ticket
  GROUP BY s.ticket_no, s.passenger_id
)
SELECT ticket_no,
       passenger_id,
       legs,
       size(legs) AS flights,
       concat(array_join(legs.origin, ' - '), ' - ', element_at(legs, -1).destination) AS path,
       legs[0].origin = element_at(legs, -1).destination AS is_round_trip,
       array_contains(legs.origin, 'FRA') OR array_contains(legs.destination, 'FRA') AS is_by_frankfurt,
       legs[0].departs_at AS departs_at,
       seconds,
       amount
FROM tickets
