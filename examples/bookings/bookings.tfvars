# An airline's bookings: eight tables as its systems send them, and what is asked of them, in four stages of SQL.
# The source writes \N for what it does not know. What is no JSON, no date or no amount refuses its row.
# All eight are one group, since the models join them: files that come together make one run of all of them.
datasets = {
  aircrafts = {
    group       = "bookings"
    null_values = ["", "\\N"]
    columns = [
      { name = "aircraft_code", type = "string", required = true, clean = ["trim", "upper"] },
      { name = "model", type = "string", required = true }, # JSON: the name by language
      { name = "range", type = "int" },                     # km
    ]
    key = ["aircraft_code"]
    derive = [
      # A text that is no JSON object is no number either, and so refuses its row.
      { name = "languages", type = "int", expression = "coalesce(CAST(array_size(json_object_keys(model)) AS STRING), model)" },
    ]
    checks = { row_count = { min = 1 } }
  }

  airports = {
    group       = "bookings"
    null_values = ["", "\\N"]
    columns = [
      { name = "airport_code", type = "string", required = true, clean = ["trim", "upper"] },
      { name = "airport_name", type = "string", required = true }, # JSON, as city
      { name = "city", type = "string", required = true },
      { name = "coordinates", type = "string", required = true }, # (longitude,latitude)
      { name = "timezone", type = "string", required = true },
    ]
    key = ["airport_code"]
    derive = [
      { name = "languages", type = "int", expression = "coalesce(CAST(array_size(json_object_keys(airport_name)) AS STRING), airport_name)" },
      { name = "longitude", type = "double", expression = "split_part(translate(coordinates, '()', ''), ',', 1)" },
      { name = "latitude", type = "double", expression = "split_part(translate(coordinates, '()', ''), ',', 2)" },
    ]
    checks = {
      not_null = ["longitude", "latitude"]
      sql      = { on_the_globe = "SELECT airport_code FROM airports WHERE abs(latitude) > 90 OR abs(longitude) > 180" }
    }
  }

  boarding_passes = {
    group       = "bookings"
    null_values = ["", "\\N"]
    columns = [
      { name = "ticket_no", type = "string", required = true, clean = ["trim"] },
      { name = "flight_id", type = "bigint", required = true },
      { name = "boarding_no", type = "int", required = true },
      { name = "seat_no", type = "string", required = true, clean = ["trim", "upper"] },
    ]
    key = ["ticket_no", "flight_id"]
  }

  bookings = {
    group       = "bookings"
    null_values = ["", "\\N"]
    columns = [
      { name = "book_ref", type = "string", required = true, clean = ["trim", "upper"] },
      { name = "book_date", type = "timestamp", required = true },
      { name = "total_amount", type = "decimal(10,2)", required = true }, # EUR, as all amounts
    ]
    key    = ["book_ref"] # of a booking that comes again the later row counts
    checks = { row_count = { min = 1 } }
  }

  flights = {
    group       = "bookings"
    null_values = ["", "\\N"]
    columns = [
      { name = "flight_id", type = "bigint", required = true },
      { name = "flight_no", type = "string", required = true, clean = ["trim", "upper"] },
      { name = "departure_airport", type = "string", required = true, clean = ["trim", "upper"] },
      { name = "arrival_airport", type = "string", required = true, clean = ["trim", "upper"] },
      { name = "aircraft_code", type = "string", required = true, clean = ["trim", "upper"] },
      { name = "scheduled_departure", type = "timestamp", required = true },
      { name = "scheduled_arrival", type = "timestamp", required = true },
      { name = "status", type = "string", required = true, clean = ["trim", "title"] },
      { name = "actual_departure", type = "timestamp" },
      { name = "actual_arrival", type = "timestamp" },
    ]
    key    = ["flight_id"] # a flight comes again when its status changes
    filter = "actual_arrival IS NULL OR actual_arrival > actual_departure"
    checks = {
      accepted_values = { status = ["Scheduled", "On Time", "Delayed", "Departed", "Arrived", "Cancelled"] }
      row_count       = { min = 1 }
      sql             = { leaves_before_it_lands = "SELECT flight_id FROM flights WHERE scheduled_arrival <= scheduled_departure" }
    }
  }

  seats = {
    group       = "bookings"
    null_values = ["", "\\N"]
    columns = [
      { name = "aircraft_code", type = "string", required = true, clean = ["trim", "upper"] },
      { name = "seat_no", type = "string", required = true, clean = ["trim", "upper"] },
      { name = "fare_conditions", type = "string", required = true, clean = ["trim", "title"] },
    ]
    key    = ["aircraft_code", "seat_no"]
    checks = { accepted_values = { fare_conditions = ["Business", "Comfort", "Economy"] } }
  }

  ticket_flights = {
    group       = "bookings"
    null_values = ["", "\\N"]
    columns = [
      { name = "ticket_no", type = "string", required = true, clean = ["trim"] },
      { name = "flight_id", type = "bigint", required = true },
      { name = "fare_conditions", type = "string", required = true, clean = ["trim", "title"] },
      { name = "amount", type = "decimal(10,2)", required = true },
    ]
    key    = ["ticket_no", "flight_id"]
    filter = "amount >= 0" # what is paid back is no sale
    checks = { row_count = { min = 1 } }
  }

  tickets = {
    group       = "bookings"
    null_values = ["", "\\N"]
    columns = [
      { name = "ticket_no", type = "string", required = true, clean = ["trim"] },
      { name = "book_ref", type = "string", required = true, clean = ["trim", "upper"] },
      { name = "passenger_id", type = "string", required = true, clean = ["trim"] },
      { name = "passenger_name", type = "string", required = true, clean = ["trim", "upper"] },
      { name = "contact_data", type = "string" }, # JSON: phone, email
    ]
    key    = ["ticket_no"]
    checks = { row_count = { min = 1 } }
  }
}

stages           = ["bronze", "dimension", "fact", "complex"]
models_directory = "examples/bookings/models"

models = {
  # The sources as the other models read them: names by language and contacts taken from JSON, durations computed.
  bronze_aircrafts = {
    stage  = "bronze"
    checks = { not_null = ["aircraft_code"], unique = [["aircraft_code"]], row_count = { min = 1 } }
  }

  bronze_airports = {
    stage  = "bronze"
    checks = { not_null = ["airport_code"], unique = [["airport_code"]], row_count = { min = 1 } }
  }

  bronze_boarding_passes = {
    stage  = "bronze"
    checks = { unique = [["ticket_no", "flight_id"]] }
  }

  bronze_bookings = {
    stage  = "bronze"
    checks = { not_null = ["booked_at"], unique = [["book_ref"]] }
  }

  bronze_flights = {
    stage = "bronze"
    checks = {
      not_null = ["flight_id", "planned_seconds"]
      unique   = [["flight_id"]]
      sql      = { takes_its_time = "SELECT flight_id FROM bronze_flights WHERE planned_seconds <= 0 OR actual_seconds <= 0" }
    }
  }

  bronze_seats = {
    stage  = "bronze"
    checks = { not_null = ["seat_row", "seat_letter"], unique = [["aircraft_code", "seat_no"]] }
  }

  bronze_ticket_flights = {
    stage  = "bronze"
    checks = { not_null = ["amount"], unique = [["ticket_no", "flight_id"]] }
  }

  bronze_tickets = {
    stage = "bronze"
    checks = {
      unique          = [["ticket_no"]]
      accepted_values = { contact = ["given", "none", "malformed"] }
      sql             = { phone_is_given = "SELECT ticket_no FROM bronze_tickets WHERE phone IS NOT NULL AND contact <> 'given'" }
    }
  }

  dim_aircraft = {
    stage = "dimension"
    checks = {
      not_null = ["aircraft_code", "model"]
      unique   = [["aircraft_code"]]
      sql      = { fares_have_seats = "SELECT aircraft_code FROM dim_aircraft WHERE cardinality(fares) > seats" }
    }
  }

  dim_airport = {
    stage  = "dimension"
    checks = { not_null = ["airport_code", "airport", "city"], unique = [["airport_code"]] }
  }

  dim_flight = {
    stage = "dimension"
    checks = {
      not_null = ["flight_id", "flight_date", "has_known_aircraft", "has_known_airports"]
      unique   = [["flight_id"]]
      sql      = { day_is_of_a_week = "SELECT flight_id FROM dim_flight WHERE day_of_week NOT BETWEEN 1 AND 7" }
    }
  }

  dim_passenger = {
    stage = "dimension"
    checks = {
      not_null = ["passenger_id", "passenger_name"]
      unique   = [["passenger_id"]]
      sql      = { email_is_among_all = "SELECT passenger_id FROM dim_passenger WHERE email IS NOT NULL AND NOT contains(emails, email)" }
    }
  }

  fact_boarding = {
    stage = "fact"
    checks = {
      not_null = ["seat_no", "has_known_seat", "has_known_sale"]
      unique   = [["ticket_no", "flight_id"]]
      sql      = { no_boarding_is_lost = "SELECT f.n FROM (SELECT count(*) AS n FROM fact_boarding) AS f CROSS JOIN (SELECT count(*) AS n FROM workshop_processed.boarding_passes) AS p WHERE f.n <> p.n" }
    }
  }

  fact_flight = {
    stage = "fact"
    checks = {
      not_null = ["flight_id", "tickets", "boarded"]
      unique   = [["flight_id"]]
      sql = {
        no_flight_is_lost = "SELECT f.n FROM (SELECT count(*) AS n FROM fact_flight) AS f CROSS JOIN (SELECT count(*) AS n FROM workshop_processed.flights) AS p WHERE f.n <> p.n"
        nobody_stands     = "SELECT flight_id FROM fact_flight WHERE occupancy_percent NOT BETWEEN 0 AND 100"
      }
    }
  }

  fact_ticket_sale = {
    stage        = "fact"
    partition_by = ["sale_month"]
    checks = {
      not_null = ["amount", "has_known_ticket", "has_known_booking", "has_known_flight", "has_known_fare", "sale_month"]
      unique   = [["ticket_no", "flight_id"]]
      sql = {
        # The database of the processed layer is called <database_prefix>_processed.
        no_sale_is_lost = "SELECT f.n FROM (SELECT sum(amount) AS n FROM fact_ticket_sale) AS f CROSS JOIN (SELECT sum(amount) AS n FROM workshop_processed.ticket_flights) AS p WHERE f.n <> p.n"
      }
    }
  }

  airport_delays = {
    stage = "complex"
    checks = {
      unique = [["departure_airport"]]
      sql    = { no_flight_is_lost = "SELECT m.n FROM (SELECT sum(flights) AS n FROM airport_delays) AS m CROSS JOIN (SELECT count(*) AS n FROM fact_flight) AS f WHERE m.n <> f.n" }
    }
  }

  itineraries = {
    stage = "complex"
    checks = {
      not_null = ["path", "amount"]
      unique   = [["ticket_no"]]
      sql = {
        legs_are_flights  = "SELECT ticket_no FROM itineraries WHERE cardinality(legs) <> flights"
        begins_with_a_leg = "SELECT ticket_no FROM itineraries WHERE element_at(legs, 1).departs_at <> departs_at"
      }
    }
  }

  orphans = {
    stage = "complex"
    checks = {
      unique    = [["refers_to"]]
      row_count = { min = 8, max = 8 }
      # Some orphans are in the nature of the source; that many would be a join that does not fit.
      sql = { most_are_known = "SELECT refers_to FROM orphans WHERE orphans_percent > 10" }
    }
  }

  route_days = {
    stage = "complex"
    checks = {
      unique = [["flight_no", "day_of_week"]]
      sql    = { no_flight_is_lost = "SELECT m.n FROM (SELECT sum(flights) AS n FROM route_days) AS m CROSS JOIN (SELECT count(*) AS n FROM fact_flight) AS f WHERE m.n <> f.n" }
    }
  }

  route_revenue = {
    stage = "complex"
    checks = {
      unique = [["departure_airport", "arrival_airport", "fare_conditions"]]
      sql    = { no_revenue_is_lost = "SELECT m.n FROM (SELECT sum(revenue) AS n FROM route_revenue) AS m CROSS JOIN (SELECT sum(amount) AS n FROM fact_ticket_sale WHERE has_known_flight) AS f WHERE m.n <> f.n" }
    }
  }

  routes = {
    stage = "complex"
    checks = {
      not_null = ["days_of_week", "day_names", "planned_seconds"]
      unique   = [["flight_no", "departure_airport", "arrival_airport"]]
      sql      = { flies_on_a_day = "SELECT flight_no FROM routes WHERE cardinality(days_of_week) NOT BETWEEN 1 AND 7 OR array_max(days_of_week) > 7" }
    }
  }
}
