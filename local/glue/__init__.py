"""Glue: the catalog, crawlers that read Parquet, and jobs that run as processes."""
