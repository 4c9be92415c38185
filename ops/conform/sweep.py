"""Remove what conform makes beside Terraform: queue and rule, jobs and machines to probe with."""

from __future__ import annotations

from ops.target import Target


def sweep(target: Target, name: str) -> None:
    """Remove all of it by name, also what an earlier call that was killed has left."""
    topic = target.outputs.notification_topic_arn
    pages = target.sns.get_paginator("list_subscriptions_by_topic").paginate(TopicArn=topic)
    for subscription in [one for page in pages for one in page["Subscriptions"]]:
        if f":{name}-conform" in subscription["Endpoint"]:
            target.sns.unsubscribe(SubscriptionArn=subscription["SubscriptionArn"])
    for rule in target.events.list_rules(NamePrefix=f"{name}-conform")["Rules"]:
        target.events.remove_targets(Rule=rule["Name"], Ids=["queue"])
        target.events.delete_rule(Name=rule["Name"])
    for url in target.sqs.list_queues(QueueNamePrefix=f"{name}-conform").get("QueueUrls", []):
        target.sqs.delete_queue(QueueUrl=url)
    jobs = [
        job for page in target.glue.get_paginator("get_jobs").paginate() for job in page["Jobs"]
    ]
    for job in jobs:
        if job["Name"].startswith(f"{name}-scout"):
            target.glue.delete_job(JobName=job["Name"])
    crawlers = target.glue.get_paginator("get_crawlers").paginate()
    if f"{name}-try" in [one["Name"] for page in crawlers for one in page["Crawlers"]]:
        target.glue.delete_crawler(Name=f"{name}-try")
    machines = target.stepfunctions.get_paginator("list_state_machines").paginate()
    for machine in [one for page in machines for one in page["stateMachines"]]:
        if machine["name"].startswith(f"{name}-try-"):
            target.stepfunctions.delete_state_machine(stateMachineArn=machine["stateMachineArn"])
