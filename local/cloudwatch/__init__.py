"""CloudWatch: metrics that clients put and ask for, metric math, and alarms on demand."""
