"""Files as the world sends them, read row by row into Parquet."""
