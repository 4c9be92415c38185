"""A dataset that is fetched with a secret: once, again without news, changed, and gone."""

from __future__ import annotations

import io
import json
import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.e2e.lake import Lake, deployed
from tests.http_server import Answer, Asked, File, Server, serving

SECRET = "pfadfinder-7391"
RATES: dict[str, Any] = {
    "columns": [
        {"name": "currency", "type": "string", "required": True},
        {"name": "rate", "type": "decimal(10,4)"},
    ],
    "key": ["currency"],
}


def zipped(text: str) -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        archive.writestr(zipfile.ZipInfo("rates.csv"), text)
    return buffer.getvalue()


class Shop:
    """A server that wants a key in a header and one in the query, and breaks off at first."""

    def __init__(self) -> None:
        self.file = File(zipped("currency,rate\nCHF,0.9500\nUSD,1.1\n"))
        self.gone = False

    def __call__(self, asked: Asked) -> Answer:
        if asked.headers.get("authorization") != f"Bearer {SECRET}":
            return Answer(b"", 401)
        if asked.query.get("key") != f"{SECRET}&":
            return Answer(b"", 403)
        return Answer(b"", 404) if self.gone else self.file(asked)


@pytest.fixture(scope="module")
def server() -> Iterator[Server]:
    with serving() as found:
        yield found


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("web")


@pytest.fixture(scope="module")
def web(folder: Path, server: Server) -> Iterator[Lake]:
    source = {"type": "http", "url": f"{server.url}/rates.zip", "secret": "shop/api"}
    variables = {
        "name": "web",
        "database_prefix": "web",
        "datasets": {"rates": {**RATES, "source": source}},
        "models": {},
    }
    with deployed(folder, variables) as lake:
        document = {
            "headers": {"Authorization": f"Bearer {SECRET}"},
            "query": {"key": f"{SECRET}&"},
        }
        lake.client("secretsmanager").create_secret(
            Name="shop/api", SecretString=json.dumps(document)
        )
        yield lake


def job_runs(lake: Lake, job: str) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = lake.glue.get_job_runs(JobName=f"web-{job}")["JobRuns"]
    return found


def crawls(lake: Lake) -> int:
    [arn] = [arn for arn in _machines(lake) if arn.endswith("-crawl")]
    return len(lake.executions(arn))


def _machines(lake: Lake) -> list[str]:
    machines = lake.states.list_state_machines()["stateMachines"]
    return [machine["stateMachineArn"] for machine in machines]


def rates(lake: Lake) -> list[tuple[str | None, ...]]:
    return lake.query("SELECT currency, rate FROM rates ORDER BY currency")


def test_source__from_the_first_run_to_a_failure(web: Lake, server: Server, folder: Path) -> None:
    shop = Shop()
    shop.file.cuts = [20]
    server.put("/rates.zip", shop)
    assert web.plan() == []

    first = web.run()
    assert first.status == "SUCCEEDED", first.cause
    assert rates(web) == [("CHF", "0.9500"), ("USD", "1.1000")]
    [original] = web.keys("archive/rates/")
    assert web.read(original) == shop.file.content
    assert [asked.headers.get("range") for asked in server.asked] == [None, "bytes=20-"]

    # Without news, nothing runs after ingest.
    done = [len(job_runs(web, "transform")), crawls(web)]
    again = web.run()
    assert (again.status, again.result["totals"]["datasets"]) == ("SUCCEEDED", 0)
    assert [len(job_runs(web, "transform")), crawls(web)] == done
    assert server.asked[-1].headers["if-none-match"] == '"1"'
    assert len(job_runs(web, "ingest")) == 2

    shop.file.content, shop.file.etag = zipped("currency,rate\nCHF,0.96\n"), '"2"'
    assert web.run().status == "SUCCEEDED"
    assert rates(web) == [("CHF", "0.9600"), ("USD", "1.1000")]

    # A source that fails keeps no file waiting.
    shop.gone = True
    web.drop("rates", "dropped.csv", "currency,rate\nSEK,11\n")
    failed = web.run()
    assert failed.status == "FAILED"
    cause = failed.failure()["cause"]
    assert cause.startswith(f"SourceFailed: {server.url}/rates.zip: it answers 404")
    assert web.keys("incoming/") == []
    assert len(web.keys("raw/rates/")) == 3

    # Of a run that has failed, the next one does all that is left.
    shop.gone = False
    assert web.run().status == "SUCCEEDED"
    assert rates(web)[1] == ("SEK", "11.0000")

    # No secret is anywhere but in Secrets Manager: it was sent, and here it would be seen.
    places = list(everywhere(web, folder))
    assert {place.split(" ")[0] for place, _ in places} == PLACES
    assert [place for place, text in places if SECRET in text] == []


PLACES = {
    *("definition", "execution", "history", "job", "log", "mail", "metric", "s3", "terraform")
}


def everywhere(lake: Lake, folder: Path) -> Iterator[tuple[str, str]]:
    """Yield all that a deployment and its runs leave, each with the place where it lies."""
    yield from _objects(lake)
    yield from _logs(lake)
    yield from _executions(lake)
    yield from _files_of_terraform(folder)
    yield from (("mail", json.dumps(mail)) for mail in lake.notifications())
    for job in ("ingest", "transform"):
        yield f"job {job}", json.dumps(job_runs(lake, job), default=str)
        yield f"job {job}", json.dumps(lake.glue.get_job(JobName=f"web-{job}"), default=str)
    for metric in lake.client("cloudwatch").list_metrics()["Metrics"]:
        yield "metric", json.dumps(metric)


def _objects(lake: Lake) -> Iterator[tuple[str, str]]:
    for page in lake.s3.get_paginator("list_object_versions").paginate(Bucket=lake.bucket):
        for item in page["Versions"]:
            one = {"Bucket": lake.bucket, "Key": item["Key"], "VersionId": item["VersionId"]}
            body = lake.s3.get_object(**one)["Body"].read().decode("latin-1")
            yield f"s3 {item['Key']}", f"{item['Key']} {body}"


def _logs(lake: Lake) -> Iterator[tuple[str, str]]:
    logs = lake.client("logs")
    for group in logs.describe_log_groups()["logGroups"]:
        name = group["logGroupName"]
        for stream in logs.describe_log_streams(logGroupName=name)["logStreams"]:
            events = logs.get_log_events(logGroupName=name, logStreamName=stream["logStreamName"])
            yield f"log {name}", json.dumps(events["events"])


def _executions(lake: Lake) -> Iterator[tuple[str, str]]:
    for machine in _machines(lake):
        described = lake.states.describe_state_machine(stateMachineArn=machine)
        yield f"definition {machine}", json.dumps(described, default=str)
        for execution in lake.executions(machine):
            described = lake.states.describe_execution(executionArn=execution)
            yield f"execution {execution}", json.dumps(described, default=str)
            yield f"history {execution}", json.dumps(lake.history(execution), default=str)


def _files_of_terraform(folder: Path) -> Iterator[tuple[str, str]]:
    # Its state, and the plan, which is a zip.
    for path in (*folder.rglob("*.tfstate*"), *folder.rglob("*.tfplan")):
        if not zipfile.is_zipfile(path):
            yield f"terraform {path.name}", path.read_text(encoding="latin-1")
            continue
        with zipfile.ZipFile(path) as plan:
            for name in plan.namelist():
                yield f"terraform {path.name}", plan.read(name).decode("latin-1")
