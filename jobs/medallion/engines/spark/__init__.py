"""Spark, on a session: the contract's meaning in Spark's own words, and tables by executors."""
