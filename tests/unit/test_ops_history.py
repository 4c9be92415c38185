"""Histories of executions become lines of progress."""

from __future__ import annotations

import json
from datetime import timedelta

from ops.history import History, Unit
from ops.progress import problem, unit_line
from tests.unit.ops_fakes import (
    START,
    Script,
    machine,
)


def job(script: Script, iteration: int, dataset: str) -> int:
    """One Map item: a job run, and then its report is read."""
    last = script.enter("Task", iteration, "IngestDataset", {"dataset": dataset})
    last = script.add("TaskScheduled", last, resourceType="glue", resource="startJobRun.sync")
    output = json.dumps({"JobRunId": f"jr_{dataset}"})
    last = script.add("TaskSubmitted", last, resourceType="glue", output=output)
    last = script.add("TaskSucceeded", last, resourceType="glue", output='{"Id": "x"}')
    last = script.exit("Task", last, "IngestDataset", {"JobRunState": "SUCCEEDED"})
    last = script.enter("Task", last, "ReadIngestReport", {"JobRunState": "SUCCEEDED"})
    last = script.add("TaskScheduled", last, resourceType="aws-sdk:s3", resource="getObject")
    last = script.add("TaskSucceeded", last, resourceType="aws-sdk:s3", output="{}")
    report = {"rows": {"in": 12, "out": 10, "refused": 2}, "files": {"accepted": 1, "refused": 1}}
    return script.exit("Task", last, "ReadIngestReport", {"dataset": dataset, "report": report})


def text(unit: Unit) -> str | None:
    line = unit_line(unit)
    return " ".join(line.plain.split()) if line else None


def test_map_items__are_named_after_their_dataset_and_tell_their_counts() -> None:
    script = Script()
    last = script.enter("Map", 0, "IngestDatasets")
    started = script.add("MapStateStarted", last, length=2)
    first = script.add("MapIterationStarted", started, name="IngestDatasets", index=0)
    second = script.add("MapIterationStarted", started, name="IngestDatasets", index=1)
    end_second = job(script, second, "weather")
    script.add("MapIterationSucceeded", end_second, name="IngestDatasets", index=1)
    end_first = job(script, first, "flights")
    script.add("MapIterationSucceeded", end_first, name="IngestDatasets", index=0)
    ended = History(machine("pipeline")).feed(script.events)
    assert [(unit.state, unit.item, unit.job_run_id) for unit in ended] == [
        ("IngestDataset", "weather", "x"),
        ("IngestDataset", "flights", "x"),
    ]
    assert ended[0].seconds == 9.0
    assert text(ended[0]) == (
        "✔ IngestDataset weather 9.0 s 1 file, 10 rows, 1 file refused, 2 rows refused"
    )


def test_state_after_a_map__is_no_item_of_it() -> None:
    # On AWS the end of a Map leads back to the end of one of its items.
    script = Script()
    last = script.enter("Map", 0, "IngestDatasets")
    last = script.add("MapStateStarted", last, length=1)
    last = script.add("MapIterationStarted", last, name="IngestDatasets", index=0)
    last = job(script, last, "flights")
    last = script.add("MapIterationSucceeded", last, name="IngestDatasets", index=0)
    last = script.add("MapStateSucceeded", last)
    last = script.exit("Map", last, "IngestDatasets", [])
    last = script.enter("Task", last, "CrawlProcessed", {"dataset": "not an item"})
    last = script.add("TaskScheduled", last, resourceType="states", resource="startExecution")
    last = script.add("TaskSucceeded", last, resourceType="states", output="{}")
    script.exit("Task", last, "CrawlProcessed", {})
    ended = History(machine("pipeline")).feed(script.events)
    assert [(unit.state, unit.item) for unit in ended] == [
        ("IngestDataset", "flights"),
        ("CrawlProcessed", ""),
    ]
    assert text(ended[1]) == "✔ CrawlProcessed 3.0 s"


def test_failed_task__tells_why_even_when_it_is_caught() -> None:
    script = Script()
    last = script.enter("Task", 0, "CrawlRaw", {})
    last = script.add("TaskScheduled", last, resourceType="states", resource="startExecution")
    last = script.add("TaskFailed", last, error="States.TaskFailed", cause="no\n  such crawler")
    last = script.exit("Task", last, "CrawlRaw", {"failure": {}})
    (unit,) = History(machine("pipeline")).feed(script.events)
    assert text(unit) == "✘ CrawlRaw 3.0 s States.TaskFailed: no such crawler"


def test_failed_item__tells_what_the_machine_recorded() -> None:
    script = Script()
    last = script.add("MapIterationStarted", 0, name="IngestDatasets", index=0)
    last = script.enter("Task", last, "IngestDataset", {"dataset": "flights"})
    last = script.add("TaskScheduled", last, resourceType="glue", resource="startJobRun.sync")
    cause = json.dumps({"Id": "jr_1", "JobRunState": "FAILED"})
    last = script.add("TaskFailed", last, error="States.TaskFailed", cause=cause)
    last = script.exit("Task", last, "IngestDataset", {"error": "States.TaskFailed"})
    last = script.enter("Pass", last, "RecordIngestFailure", {})
    failure = {"error": "Glue job run FAILED", "cause": "ConfigError: no such type"}
    last = script.exit("Pass", last, "RecordIngestFailure", {"failure": failure})
    script.add("MapIterationSucceeded", last, name="IngestDatasets", index=0)
    (unit,) = History(machine("pipeline")).feed(script.events)
    assert unit.job_run_id == "jr_1"
    assert problem(unit) == "Glue job run FAILED: ConfigError: no such type"


def test_retried_task__counts_its_attempts() -> None:
    script = Script()
    last = script.enter("Task", 0, "CrawlProcessed", {})
    last = script.add("TaskScheduled", last, resourceType="states", resource="startExecution")
    last = script.add("TaskFailed", last, error="StepFunctions.ThrottlingException", cause="")
    last = script.add("TaskScheduled", last, resourceType="states", resource="startExecution")
    last = script.add("TaskSucceeded", last, resourceType="states", output="{}")
    script.exit("Task", last, "CrawlProcessed", {})
    (unit,) = History(machine("pipeline")).feed(script.events)
    assert text(unit) == "✔ CrawlProcessed 5.0 s after 2 attempts"


def test_reading_a_document__is_no_line_unless_it_fails() -> None:
    script = Script()
    last = script.enter("Task", 0, "LoadPlan", {})
    last = script.add("TaskScheduled", last, resourceType="aws-sdk:s3", resource="getObject")
    failed = script.add("TaskFailed", last, error="S3.NoSuchKeyException", cause="gone")
    script.exit("Task", failed, "LoadPlan", {})
    (unit,) = History(machine("pipeline")).feed(script.events)
    assert text(unit) == "✘ LoadPlan 3.0 s S3.NoSuchKeyException: gone"
    unit.error = None
    assert unit_line(unit) is None


def test_item_without_a_task__is_named_after_the_map() -> None:
    script = Script()
    last = script.enter("Map", 0, "CheckDatasets")
    last = script.add("MapIterationStarted", last, name="CheckDatasets", index=0)
    last = script.enter("Pass", last, "JudgeEmptyDataset", {"dataset": "planes"})
    output = {"checks": "SKIPPED", "failed_checks": []}
    last = script.exit("Pass", last, "JudgeEmptyDataset", output)
    script.add("MapIterationSucceeded", last, name="CheckDatasets", index=0)
    (unit,) = History(machine("pipeline")).feed(script.events)
    assert (unit.state, unit.item) == ("CheckDatasets", "planes")


def test_failed_checks__are_named() -> None:
    output = {"checks": "FAILED", "failed_checks": [{"check": "unique(id)", "found": "3"}]}
    unit = Unit("CheckDataset", "sales", START, START, output=output)
    assert text(unit) == "✘ CheckDataset sales 0.0 s checks failed: unique(id) found 3"


def test_feed__again_with_known_events_changes_nothing() -> None:
    script = Script()
    started = script.add("MapIterationStarted", 0, name="IngestDatasets", index=0)
    last = job(script, started, "flights")
    script.add("MapIterationSucceeded", last, name="IngestDatasets", index=0)
    history = History(machine("pipeline"))
    ended = [history.feed(script.events[:n]) for n in range(1, len(script.events) + 1)]
    assert [unit.item for units in ended for unit in units] == ["flights"]
    assert history.feed(script.events) == []


def test_close__ends_what_was_cut_off() -> None:
    script = Script()
    script.enter("Task", 0, "CrawlRaw", {})
    history = History(machine("pipeline"))
    history.feed(script.events)
    moment = START + timedelta(seconds=31)
    (unit,) = history.close(moment)
    assert unit.seconds == 30.0
    assert history.close(moment) == []


def test_stage__is_named_after_what_its_job_run_is_told() -> None:
    script = Script()
    last = script.enter("Task", 0, "RunStage", {})
    arguments = json.dumps({"JobName": "model", "Arguments": {"--stage": "fact", "--run-id": "r"}})
    last = script.add("TaskScheduled", last, resourceType="glue", parameters=arguments)
    cause = json.dumps({"Id": "jr_1", "JobRunState": "FAILED", "ErrorMessage": "1 of 2 failed"})
    last = script.add("TaskFailed", last, error="States.TaskFailed", cause=cause)
    script.exit("Task", last, "RunStage", {})
    (unit,) = History(machine("pipeline")).feed(script.events)
    assert (unit.item, unit.job_run_id) == ("fact", "jr_1")
    assert text(unit) == "✘ RunStage fact 3.0 s Glue job run FAILED: 1 of 2 failed"


def test_started_execution__is_kept_with_its_unit() -> None:
    script = Script()
    last = script.enter("Task", 0, "RunModels", {})
    last = script.add("TaskScheduled", last, resourceType="states", resource="startExecution")
    output = json.dumps({"ExecutionArn": "arn:x:execution:model:1", "StartDate": 0})
    script.add("TaskSubmitted", last, resourceType="states", output=output)
    history = History(machine("pipeline"))
    history.feed(script.events)
    assert history.units[0].execution_arn == "arn:x:execution:model:1"


def test_checked_table__is_named_by_the_item_of_its_map() -> None:
    script = Script()
    last = script.add("MapIterationStarted", 0, name="CheckTables", index=0)
    last = script.enter("Choice", last, "HasRows", {"table": {"name": "flights", "rows": 1}})
    last = script.exit("Choice", last, "HasRows", {"table": {"name": "flights", "rows": 1}})
    last = script.enter("Task", last, "CheckTable", {})
    last = script.add("TaskScheduled", last, resourceType="athena", resource="startQueryExecution")
    last = script.add("TaskSucceeded", last, resourceType="athena", output="{}")
    output = {"name": "flights", "checks": "PASSED", "failed_checks": []}
    last = script.exit("Task", last, "CheckTable", output)
    script.add("MapIterationSucceeded", last, name="CheckTables", index=0)
    (unit,) = History(machine("pipeline")).feed(script.events)
    assert text(unit) == "✔ CheckTable flights 4.0 s checks passed"
