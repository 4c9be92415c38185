"""Athena: Trino's SQL on DuckDB, over the tables of the catalog, with the caller's permissions."""
