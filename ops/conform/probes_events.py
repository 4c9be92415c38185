"""Probes of EventBridge, S3's events, SNS and CloudWatch: what reaches whom, and in which words."""

from __future__ import annotations

import time
from datetime import UTC, datetime, timedelta
from typing import Any

from ops.conform import probes_glue
from ops.conform.findings import Finding, NotProbed
from ops.conform.lab import EVENT_SECONDS, METRIC_SECONDS, Lab

# In the folder of no dataset, so that the arrival is recorded with its key.
ODD_KEY = "incoming/nobody/über + 100% {}.csv"


def event_key(lab: Lab) -> Finding:
    key = ODD_KEY.format(f"{time.time_ns():x}")
    mark = key.rsplit(" ", 1)[-1]
    before = set(lab.keys("runs/arrivals/"))
    lab.put(key, b"x")

    def look() -> str | None:
        for record in set(lab.keys("runs/arrivals/")) - before:
            told = str((lab.target.read_json(record) or {}).get("key"))
            if mark in told:
                return told
        return None

    told = lab.wait("the record of the arrival", look, EVENT_SECONDS)
    lab.target.s3.delete_object(Bucket=lab.bucket, Key=key)
    return Finding(told == key, f"{key!r} came as {told!r}")


def copied_without_tags(lab: Lab) -> Finding:
    if "files" not in lab.evidence.runs:
        raise NotProbed("no file was dropped")
    kept, refused = lab.keys("archive/returns/"), lab.keys("quarantine/returns/files/")
    seen = f"{len(kept)} files in archive/, {len(refused)} objects in quarantine/"
    return Finding(bool(kept) and bool(refused), seen)


def triggered_rules(lab: Lab) -> Finding:
    probes_glue.failed_run(lab)
    rule = f"{lab.name}-job-failed"

    def look() -> float | None:
        now = datetime.now(UTC)
        answer = lab.target.cloudwatch.get_metric_statistics(
            Namespace="AWS/Events",
            MetricName="TriggeredRules",
            Dimensions=[{"Name": "RuleName", "Value": rule}],
            StartTime=now - timedelta(hours=3),
            EndTime=now + timedelta(minutes=1),
            Period=60,
            Statistics=["Sum"],
        )
        return sum(point["Sum"] for point in answer["Datapoints"]) or None

    count = lab.wait("a count of TriggeredRules", look, METRIC_SECONDS)
    return Finding(True, f"a job failed, and the rule counts {count:.0f}")


def mail_by_rule(lab: Lab) -> Finding:
    """A run that is stopped: the rule run-cut-off publishes what its transformer makes of it."""
    later = datetime.now(UTC) + timedelta(hours=2)
    document = {"trigger": "event", "group": "returns", "not_before": f"{later:%Y-%m-%dT%H:%M:%SZ}"}
    arn = lab.start(document, "cut")
    run = arn.rsplit(":", 1)[-1]
    lab.target.stepfunctions.stop_execution(executionArn=arn, cause="to see what the rule says")
    mail = lab.wait(
        "a mail by a rule", lambda: lab.ear.find("mail", lambda text: run in text), EVENT_SECONDS
    )
    return Finding(True, _first(mail))


def transformed_text(lab: Lab) -> Finding:
    """Values stand in the quoted texts of the rule's template as they are."""
    mail = lab.ear.find("mail", lambda text: "CUT OFF" in text)
    if mail is None:
        mail_by_rule(lab)
        mail = lab.ear.find("mail", lambda text: "CUT OFF" in text)
    assert mail is not None
    lines = mail.splitlines()
    run = lines[0].strip('"').rsplit(" ", 1)[-1]
    wanted = (f"[{lab.name}] CUT OFF: run {run}", f"Pipeline run {run} ended ABORTED at ")
    holds = all(text in mail for text in wanted) and "<" not in mail and '"' not in run
    return Finding(holds and len(lines) >= 4, _first(mail))


def _first(mail: str) -> str:
    return f"heard: {mail.splitlines()[0]}"


def mail_by_alarm(lab: Lab) -> Finding:
    """The alarm job-failed is told to ring, and publishes."""
    name = f"{lab.name}-job-failed"
    lab.ear.forget()
    for state in ("OK", "ALARM"):  # actions follow a change
        lab.target.cloudwatch.set_alarm_state(
            AlarmName=name, StateValue=state, StateReason="make conform wants to hear it"
        )

    def heard() -> Any:
        return lab.ear.find("mail", lambda text: name in text and "AlarmName" in text)

    lab.wait("a mail by an alarm", heard, EVENT_SECONDS)
    return Finding(True, f"heard of the alarm {name}")
