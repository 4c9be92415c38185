"""The code of the jobs, in packages by what they know."""
