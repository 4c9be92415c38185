"""What a job asks of the engine that runs its SQL, and which engines there are."""
