"""DuckDB, in the job's own process."""
