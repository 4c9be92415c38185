"""S3: what moto does otherwise than AWS, large objects on disk, and the events of objects."""
