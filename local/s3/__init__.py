"""S3: what moto does otherwise than AWS, and the events of objects."""
