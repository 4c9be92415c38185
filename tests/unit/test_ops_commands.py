"""Commands of the operator: what they ask of AWS, what they print, and their errors."""

from __future__ import annotations

import io
import json
from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from ops import (
    __main__,
    display,
    drop,
    examples,
    localaws,
    logs,
    progress,
    query,
    report,
    run,
    status,
    target,
)
from ops.errors import OpsError, RunFailed
from tests.unit.ops_fakes import OUTPUTS, RUN, Fake, connected, refusal, stored, watched, words

BEGAN = datetime(2026, 1, 5, 12, 0, tzinfo=UTC)
ENDED = datetime(2026, 1, 5, 12, 1, 5, tzinfo=UTC)
FAILURE = {
    "state": "IngestDataset",
    "dataset": "flights",
    "error": "Glue job run FAILED",
    "cause": "ConfigError: unknown type",
    "job_run_id": "jr_1",
    "log_group": "/aws-glue/python-jobs/error",
    "log_stream": "jr_1",
}


@pytest.fixture
def screen(monkeypatch: pytest.MonkeyPatch) -> io.StringIO:
    return watched(monkeypatch)


def result(**changes: Any) -> dict[str, Any]:
    document = {"run_id": "manual-1", "status": "SUCCEEDED", "datasets": [], "failures": []}
    return {**document, **changes}


# --- target


def test_outputs__missing_ones_are_named() -> None:
    values = {name: value for name, value in OUTPUTS.items() if name != "region"}
    with pytest.raises(OpsError, match="The deployment lacks the outputs region"):
        target.Outputs.parse(values, "The deployment")


def test_choose__local_when_it_is_up(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("TARGET", raising=False)
    monkeypatch.setattr(localaws, "find", lambda: None)
    assert target.choose() == "aws"
    monkeypatch.setattr(localaws, "find", lambda: localaws.Session(0, 1, "x", None))
    assert target.choose() == "local"
    assert target.choose("aws") == "aws"
    monkeypatch.setenv("TARGET", "aws")
    assert target.choose() == "aws"


def test_choose__unknown_target_is_refused() -> None:
    with pytest.raises(OpsError, match="TARGET is 'gcp'") as caught:
        target.choose("gcp")
    assert caught.value.hint == "Allowed are: local, aws."


def test_connect__local_aws_that_is_not_up(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(localaws, "find", lambda: None)
    with pytest.raises(OpsError, match="The local AWS is not up") as caught:
        target.connect("local")
    assert caught.value.hint == "Start it: make local-up"


def test_require_credentials__none_found() -> None:
    class Bare:
        def get_credentials(self) -> None:
            return None

    with pytest.raises(OpsError, match="No AWS credentials were found"):
        target.require_credentials(Bare())  # type: ignore[arg-type]  # all that is asked of it


def test_local_environment__nothing_of_the_user_reaches_the_local_aws() -> None:
    own = {"AWS_PROFILE": "prod", "AWS_SESSION_TOKEN": "secret", "PATH": "/bin"}
    environ = localaws.local_environment("http://127.0.0.1:1", own)
    assert environ["AWS_ENDPOINT_URL"] == "http://127.0.0.1:1"
    assert environ["PATH"] == "/bin"
    assert {"AWS_PROFILE", "AWS_SESSION_TOKEN"}.isdisjoint(environ)


# --- run


def test_start__input_names_datasets_and_beginning() -> None:
    states = Fake(start_execution={"executionArn": RUN})
    assert run.start(connected(stepfunctions=states), ["sales"], "transform") == RUN
    (_, arguments) = states.asked[0]
    assert json.loads(arguments["input"]) == {"datasets": ["sales"], "from": "transform"}
    assert arguments["name"].startswith("manual-")
    assert len(arguments["name"]) <= 80


def test_start__nothing_said_is_everything() -> None:
    states = Fake(start_execution={"executionArn": RUN})
    run.start(connected(stepfunctions=states))
    assert states.asked[0][1]["input"] == "{}"


def test_start__unknown_dataset_is_refused_before_anything_runs() -> None:
    with pytest.raises(OpsError, match="Unknown dataset: fligths") as caught:
        run.start(connected(), ["fligths"])
    assert caught.value.hint == "Configured are: flights, sales."


def test_start__stages_are_named_in_the_input() -> None:
    states = Fake(start_execution={"executionArn": RUN})
    run.start(connected(stepfunctions=states), [], "model", ["fact"])
    document = json.loads(states.asked[0][1]["input"])
    assert document == {"from": "model", "stages": ["fact"]}


def test_start__unknown_stage_is_refused_before_anything_runs() -> None:
    with pytest.raises(OpsError, match="Unknown stage: facts") as caught:
        run.start(connected(), [], "model", ["facts"])
    assert caught.value.hint == "Configured are: dimension, fact."


def test_start__stage_of_a_lake_without_models() -> None:
    made = connected()
    made = replace(made, outputs=replace(made.outputs, stage_names=[]))
    with pytest.raises(OpsError, match="Unknown stage: fact") as caught:
        run.start(made, [], None, ["fact"])
    assert caught.value.hint == "No stage is configured."


def test_start__unknown_beginning_is_refused() -> None:
    with pytest.raises(OpsError, match="FROM is 'load'") as caught:
        run.start(connected(), [], "load")
    assert caught.value.hint == "Allowed are: ingest, transform, model."


def test_events__after_a_known_one_are_read_from_the_end() -> None:
    def history(**arguments: Any) -> dict[str, Any]:
        assert arguments["reverseOrder"]
        if "nextToken" not in arguments:
            return {"events": [{"id": 9}, {"id": 8}], "nextToken": "more"}
        return {"events": [{"id": 7}, {"id": 6}], "nextToken": "not needed"}

    pages = progress.events(connected(stepfunctions=Fake(get_execution_history=history)), RUN, 6)
    assert [event["id"] for page in pages for event in page] == [6, 7, 8, 9]


def ended(state: str) -> Fake:
    description = {"status": state, "startDate": BEGAN, "stopDate": ENDED, "cause": "c"}
    return Fake(
        start_execution={"executionArn": RUN},
        describe_execution=description,
        get_execution_history={"events": []},
    )


def test_execute__success_says_how_long_it_took(screen: io.StringIO) -> None:
    assert run.execute(connected(stepfunctions=ended("SUCCEEDED"))) == RUN
    assert "SUCCEEDED in 1 min 05 s" in words(screen)


def test_execute__failure_is_printed_with_its_log_and_raised(screen: io.StringIO) -> None:
    s3 = Fake(get_object=stored(result(status="FAILED", failures=[FAILURE])))
    with pytest.raises(RunFailed, match="ended FAILED after 1 min 05 s") as caught:
        run.execute(connected(stepfunctions=ended("FAILED"), s3=s3))
    assert "make logs RUN=manual-1" in caught.value.hint
    shown = words(screen)
    assert "✘ IngestDataset, dataset flights" in shown
    assert "Glue job run FAILED: ConfigError: unknown type" in shown
    assert "job run jr_1" in shown
    assert "/aws-glue/python-jobs/error jr_1" in shown


def test_print_failures__names_stage_and_model(screen: io.StringIO) -> None:
    run.print_failures(
        [{"state": "RunStage", "stage": "fact", "model": "fact_flight", "error": "ConfigError"}]
    )
    assert "✘ RunStage, stage fact, model fact_flight ConfigError" in words(screen)


def test_execute__run_that_wrote_no_result_tells_what_step_functions_says(
    screen: io.StringIO,
) -> None:
    s3 = Fake(get_object=refusal("NoSuchKey"))
    with pytest.raises(RunFailed):
        run.execute(connected(stepfunctions=ended("ABORTED"), s3=s3))
    assert "ABORTED: c" in words(screen)


# --- query


def answered(
    rows: Sequence[Sequence[str | None]], columns: Sequence[str] = ("origin", "n")
) -> Fake:
    execution = {
        "Status": {"State": "SUCCEEDED"},
        "StatementType": "DML",
        "Statistics": {"DataScannedInBytes": 1234},
    }
    info = [{"Name": name, "Type": "bigint" if name == "n" else "varchar"} for name in columns]
    data = [
        {"Data": [{} if cell is None else {"VarCharValue": cell} for cell in row]} for row in rows
    ]
    return Fake(
        start_query_execution={"QueryExecutionId": "q"},
        get_query_execution={"QueryExecution": execution},
        get_query_results={"ResultSet": {"ResultSetMetadata": {"ColumnInfo": info}, "Rows": data}},
    )


def test_ask__header_is_dropped_and_null_is_none() -> None:
    athena = answered([["origin", "n"], ["EWR", "7"], [None, "2"]])
    answer = query.ask(connected(athena=athena), " SELECT 1; ")
    assert answer.rows == [["EWR", "7"], [None, "2"]]
    asked = athena.asked[0][1]
    assert asked["QueryString"] == "SELECT 1"
    assert asked["WorkGroup"] == "medallion"
    assert asked["QueryExecutionContext"] == {"Database": "workshop_processed"}


def test_ask__row_that_repeats_the_header_is_data() -> None:
    athena = answered([["origin", "n"], ["origin", "n"]])
    assert query.ask(connected(athena=athena), "SELECT 1").rows == [["origin", "n"]]


def test_ask__more_rows_than_are_shown_is_said(screen: io.StringIO) -> None:
    athena = answered([["origin", "n"], ["EWR", "1"], ["JFK", "2"]])
    answer = query.ask(connected(athena=athena), "SELECT 1", limit=1)
    assert answer.truncated
    query.show(answer)
    assert "1 row (the first 1; more with a LIMIT of your own), 1.2 kB scanned" in words(screen)


def test_ask__query_that_fails_tells_the_reason() -> None:
    execution = {"Status": {"State": "FAILED", "StateChangeReason": "line 1:8: no column x"}}
    athena = Fake(
        start_query_execution={"QueryExecutionId": "q"},
        get_query_execution={"QueryExecution": execution},
    )
    with pytest.raises(OpsError, match="The query failed: line 1:8: no column x"):
        query.ask(connected(athena=athena), "SELECT x")


def test_query__without_sql_says_how() -> None:
    with pytest.raises(OpsError, match="No SQL was given"):
        query.run(connected(), "  ")


def test_show__prints_a_table(screen: io.StringIO) -> None:
    query.show(query.Answer(["origin"], ["varchar"], [["EWR"], [None]], False, 0.5, 0))
    assert "origin" in screen.getvalue()
    assert "2 rows, 0 B scanned, 0.5 s" in words(screen)


# --- drop, report, status, logs


def test_drop__dataset_that_takes_no_files(tmp_path: Path) -> None:
    with pytest.raises(OpsError, match="'sales' takes no dropped files") as caught:
        drop.drop(connected(), [("sales", tmp_path)])
    assert caught.value.hint == "These do: flights."


def test_drop__missing_file_stops_it_before_any_upload(tmp_path: Path) -> None:
    there = tmp_path / "a.csv"
    there.write_text("a\n1\n")
    with pytest.raises(OpsError, match=r"There is no file .*b\.csv"):
        drop.drop(connected(), [("flights", there), ("flights", tmp_path / "b.csv")])


def test_drop__nothing_named_says_how() -> None:
    with pytest.raises(OpsError, match="A dataset and files are needed"):
        drop.run(connected(), "", [])


def test_report__every_row_is_in_a_column(screen: io.StringIO) -> None:
    rows = {"in": 10, "out": 6, "refused": 1, "duplicate": 2, "filtered": 1}
    reasons = [{"reason": "column n: 'x' is not an int", "rows": 1}]
    entry = {
        "dataset": "sales", "ingest": None, "transform": {"rows": rows, "reasons": reasons},
        "checks": "FAILED", "failed_checks": [{"check": "unique(id)", "found": "2"}],
    }  # fmt: skip
    report.datasets(result(datasets=[entry]))
    shown = words(screen)
    assert "sales 10 6 1 2 1 failed" in shown
    assert "sales: check unique(id) found 2" in shown
    assert "sales: 1 refused by transform: column n: 'x' is not an int" in shown


def test_report__tables_of_all_layers(screen: io.StringIO) -> None:
    def tables(DatabaseName: str) -> dict[str, Any]:  # noqa: N803 - the API's name
        keys = [] if DatabaseName.endswith("raw") else [{"Name": "month"}]
        name = "fact_flight" if DatabaseName.endswith("analytics") else "flights"
        return {"TableList": [{"Name": name, "PartitionKeys": keys}]}

    rows = [
        ["d", "t", "n"],
        ["workshop_raw", "flights", "9"],
        ["workshop_processed", "flights", "8"],
        ["workshop_analytics", "fact_flight", "7"],
    ]
    athena = answered(rows, ["d", "t", "n"])
    report.tables(connected(athena=athena, glue=Fake(get_tables=tables)))
    assert "flights 9 8 - month" in words(screen)
    assert "fact_flight - - 7 month" in words(screen)


def test_report__quarantined_files_have_their_reason(screen: io.StringIO) -> None:
    key = "quarantine/flights/files/2026-01-05/a-0123.csv"
    s3 = Fake(
        list_objects_v2={"Contents": [{"Key": key}, {"Key": f"{key}.reason.json"}]},
        get_object=stored({"reason": "The file is empty."}),
    )
    report.quarantine(connected(s3=s3))
    assert f"{key} The file is empty." in words(screen)


def test_status__before_any_run(screen: io.StringIO) -> None:
    crawler = {"Crawler": {"State": "READY"}}
    made = connected(
        stepfunctions=Fake(list_executions={"executions": []}), glue=Fake(get_crawler=crawler)
    )
    status.show(made)
    shown = words(screen)
    assert "none yet: make run" in shown
    assert "medallion-raw ready never ran" in shown
    with pytest.raises(OpsError, match="The pipeline has not run yet"):
        status.execution_of(made, None)


def test_execution_of__run_id_becomes_an_arn() -> None:
    assert status.execution_of(connected(), "manual-1") == RUN
    assert status.execution_of(connected(), RUN) == RUN


def test_logs__output_and_errors_in_the_order_of_time() -> None:
    class Logs(Fake):
        class exceptions:  # noqa: N801 - as clients have it
            class ResourceNotFoundException(Exception):  # noqa: N818 - AWS's name
                pass

    def read(**arguments: Any) -> dict[str, Any]:
        asked.add(arguments["logGroupName"])
        late = "error" in arguments["logGroupName"]
        event = {"timestamp": 2000 if late else 1000, "message": "late" if late else "early"}
        first = "nextToken" not in arguments
        return {"events": [event] if first else [], "nextForwardToken": "t"}

    asked: set[str] = set()
    # Of the Python shell and of Spark, and what Glue calls them with a security configuration.
    heads = ("python-jobs", "jobs", "python-jobs/lake-role/lake-ingest-job", "jobs-role-lake")
    own = {f"/aws-glue/{head}/{stream}" for head in heads for stream in ("output", "error")}
    others = ("/aws-glue/crawlers", "/aws-glue/sessions/error")
    groups = [{"logGroupName": name} for name in (*sorted(own), *others)]
    client = Logs(get_log_events=read, describe_log_groups={"logGroups": groups})
    found = logs.lines(connected(logs=client), "jr_1")
    assert [line.text for line in found] == ["early"] * 4 + ["late"] * 4
    assert asked == own


# --- examples, command line


def test_examples__flights_has_variables_and_titled_queries() -> None:
    example = examples.load("flights")
    assert example.var_file is not None
    found = example.queries()
    assert len(found) >= 3
    for title, sql in found:
        assert title.endswith("?")
        assert sql.startswith("SELECT")


def test_examples__unknown_one_lists_the_known() -> None:
    with pytest.raises(OpsError, match="There is no example 'nope'") as caught:
        examples.load("nope")
    assert caught.value.hint == "There are: bookings, countries, flights, retail."


def test_main__error_is_a_message_and_exit_code_1(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(localaws, "find", lambda: None)
    assert __main__.main(["status", "--target", "local"]) == 1
    shown = capsys.readouterr().err
    assert "Error: The local AWS is not up." in shown
    assert "Traceback" not in shown


def test_main__refusal_of_aws_names_the_operation(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def refuse(*_arguments: object) -> None:
        raise refusal("AccessDenied")

    monkeypatch.setattr(__main__, "connect", refuse)
    assert __main__.main(["status"]) == 1
    assert "AWS refused GetObject: AccessDenied: no" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("seconds", "text"),
    [(0.04, "0.0 s"), (59.9, "59.9 s"), (60, "1 min 00 s"), (185, "3 min 05 s")],
)
def test_duration__as_people_read_it(seconds: float, text: str) -> None:
    assert display.duration(seconds) == text


@pytest.mark.parametrize(("count", "text"), [(0, "0 B"), (999, "999 B"), (1_400_000, "1.4 MB")])
def test_size__as_people_read_it(count: int, text: str) -> None:
    assert display.size(count) == text
