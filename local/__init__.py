"""A local AWS: moto behind a gateway that runs jobs, crawlers and queries, and enforces IAM."""
