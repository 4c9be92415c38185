"""EventBridge and what it delivers to: the bus, its targets, queues of SQS, topics of SNS."""
