"""What all jobs do: arguments, reports, errors, approval, a guard of their inputs."""
