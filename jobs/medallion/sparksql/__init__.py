"""Spark's SQL, written for DuckDB with the same meaning."""
