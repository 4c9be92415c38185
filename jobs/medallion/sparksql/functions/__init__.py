"""The functions of Spark's SQL, by kind."""
