"""CloudWatch Logs, as services and jobs write to it."""
