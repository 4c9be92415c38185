# The towns of the world (GeoNames, CC BY 4.0), fetched as a zip and partitioned by country.
datasets = {
  cities = {
    # Put the file that `python examples/countries/prepare.py <folder>` writes on a web server, and name it here.
    source      = { type = "http", url = "https://data.example.com/cities.zip" }
    format      = "csv"
    null_values = ["", "00"] # 00 is GeoNames' code of no administrative division
    columns = [
      { name = "geoname_id", type = "bigint", required = true },
      { name = "name", type = "string", required = true, clean = ["trim"] },
      { name = "country_code", type = "string", required = true, clean = ["trim", "upper"] },
      { name = "country_name", type = "string", clean = ["trim"] },
      { name = "admin1_code", type = "string", clean = ["trim"] },
      { name = "latitude", type = "decimal(8,5)", required = true },
      { name = "longitude", type = "decimal(8,5)", required = true },
      { name = "population", type = "bigint", required = true },
      { name = "timezone", type = "string", required = true, clean = ["trim"] },
    ]
    key = ["geoname_id"]
    derive = [
      # As people type it: Côte d'Ivoire.
      { name = "country", type = "string", expression = "replace(country_name, '’', '\\'')" },
      { name = "inhabitants", type = "bigint", expression = "nullif(population, 0)" }, # 0 is unknown
      { name = "hemisphere", type = "string", expression = "CASE WHEN latitude < 0 THEN 'south' ELSE 'north' END" },
    ]
    partition_by = ["country"]
    checks = {
      not_null        = ["country_code"]
      accepted_values = { hemisphere = ["north", "south"] }
      row_count       = { min = 100000 }
      sql = {
        # The folder's name against the column in the file: blanks, accents and apostrophes come back as they are.
        country_is_read_as_it_is = "SELECT country, country_name FROM cities WHERE country IS DISTINCT FROM replace(country_name, '’', '''')"
        only_kosovo_has_no_name  = "SELECT country_code FROM cities WHERE (country IS NULL) <> (country_code = 'XK')"
        on_the_globe             = "SELECT geoname_id FROM cities WHERE abs(latitude) > 90 OR abs(longitude) > 180"
      }
    }
  }
}

stages           = ["mart"]
models_directory = "examples/countries/models"

models = {
  country_summary = {
    stage = "mart"
    checks = {
      not_null  = ["country_code", "towns"]
      unique    = [["country_code"]]
      row_count = { min = 200, max = 260 }
      sql = {
        # The database of the processed layer is called <database_prefix>_processed.
        no_town_is_lost = "SELECT m.n FROM (SELECT sum(towns) AS n FROM country_summary) AS m CROSS JOIN (SELECT count(*) AS n FROM workshop_processed.cities) AS c WHERE m.n <> c.n"
        percent_is_sane = "SELECT largest_percent FROM country_summary WHERE largest_percent NOT BETWEEN 0 AND 100"
      }
    }
  }

  time_zones = {
    stage = "mart"
    checks = {
      not_null  = ["timezone", "towns"]
      unique    = [["timezone"]]
      row_count = { min = 300 }
    }
  }
}
