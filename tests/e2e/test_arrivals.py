"""Files that arrive start the pipeline, in bursts, at any moment, and under any name."""

from __future__ import annotations

import json
import time
import uuid
from collections import Counter

import pytest

from tests.e2e.arrivals import (
    WINDOW_SECONDS,
    File,
    burst,
    csv,
    drop_all,
    ended,
    pipelines,
    rows,
    settled,
)
from tests.e2e.lake import HANGS_SECONDS, Lake, until

pytestmark = pytest.mark.xdist_group("arrivals")
FILES = 280


def raw_ids(lake: Lake, dataset: str) -> Counter[int]:
    frame = lake.frame(f"raw/{dataset}/")
    return Counter(int(value) for value in frame["reading_id"])


def processed_ids(lake: Lake, dataset: str) -> Counter[int]:
    frame = lake.frame(f"processed/{dataset}/")
    return Counter(int(value) for value in frame["reading_id"])


def test_burst__is_few_runs__and_every_row_is_in_raw_once(arrivals: Lake) -> None:
    lake = arrivals
    files = burst(FILES)
    started = time.monotonic()
    drop_all(lake, files)
    # Every tenth file comes once more, and of every tenth the event.
    drop_all(lake, files[::10])
    arrival = lake.outputs["pipeline_arn"].removesuffix("pipeline") + "arrival"
    for file in files[5::10]:
        lake.states.start_execution(stateMachineArn=arrival, input=event(lake, file))
    runs = settled(lake, "readings", "readings", "measures")
    seconds = time.monotonic() - started
    # A run a window at most, not one a file.
    print(f"{FILES} files: {len(runs)} runs in {seconds:.0f} s")
    assert len(runs) <= seconds / WINDOW_SECONDS + 2
    assert [run.status for run in runs] == ["SUCCEEDED"] * len(runs), [run.cause for run in runs]

    good = Counter(number for file in files for number in file.ids)
    assert set(good.values()) == {1}
    assert raw_ids(lake, "readings") + raw_ids(lake, "measures") == good
    assert processed_ids(lake, "readings") + processed_ids(lake, "measures") == good
    broken = [file.name for file in files if not file.ids]
    assert len(broken) == FILES // 20
    refused = lake.keys("quarantine/readings/files/")
    reasons = [key for key in refused if key.endswith(".reason.json")]
    told = [json.loads(lake.read(key)) for key in reasons]
    assert Counter(item["file"].rsplit("/", 1)[-1] for item in told) == Counter(broken)
    assert all(item["reason"] for item in told)
    assert len(refused) == 2 * len(broken)
    assert lake.local("GET", "events/failures")["failures"] == []
    mails = [item for item in lake.notifications() if "readings" in item["message"]]
    refusals = [item for item in mails if item["subject"].startswith("[arrive] REFUSED files: ")]
    assert "What to do:" in refusals[0]["message"]
    assert any(told_of["file"] in refusals[0]["message"] for told_of in told)
    succeeded = [item for item in mails if item["subject"].startswith("[arrive] SUCCEEDED: run ")]
    # Runs that found nothing left to do tell nobody.
    ingested = [run for run in runs if run.result]
    assert len(succeeded) == len(ingested) > 0


def event(lake: Lake, file: File) -> str:
    """Return the event of a file as it is delivered once more."""
    detail = {
        "bucket": {"name": lake.bucket},
        "object": {"key": f"incoming/{file.dataset}/{file.name}", "size": len(file.body)},
    }
    moment = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime())
    return json.dumps({"id": str(uuid.uuid4()), "time": moment, "detail": detail})


def entered_in_all(lake: Lake, run: str) -> list[str]:
    """Return the states that a run, its batches and their datasets entered."""
    head = lake.outputs["pipeline_arn"].removesuffix("pipeline")
    machines = tuple(
        f"{head}{name}:".replace(":stateMachine:", ":execution:") for name in ("batch", "dataset")
    )
    found, ahead = [], [run]
    while ahead:
        arn = ahead.pop(0)
        found += lake.entered(arn)
        ahead += [other for other in lake.nested(arn) if other.startswith(machines)]
    return found


def test_files__dropped_at_every_state_of_a_run__are_all_processed(arrivals: Lake) -> None:
    lake = arrivals
    before = set(pipelines(lake, "alerts"))
    lake.drop("alerts", "first.csv", csv(rows(0, 1)))
    dropped: dict[str, int] = {}
    end = time.monotonic() + HANGS_SECONDS
    run = ""
    while time.monotonic() < end:
        run = run or next((arn for arn in pipelines(lake, "alerts") if arn not in before), "")
        if not run:
            time.sleep(0.02)
            continue
        over = ended(lake, run)
        for state in entered_in_all(lake, run):
            if state not in dropped:
                dropped[state] = len(dropped) + 1
                lake.drop("alerts", f"at-{state}.csv", csv(rows(dropped[state], 1)))
        if over:
            break
    expected = {
        *("WaitForWindow", "FindEarlierRuns", "LoadPlan", "IngestBatch", "ListFiles"),
        *("IngestDataset", "ReadReport", "CrawlRaw", "TransformBatch", "TransformDataset"),
        *("CrawlProcessed", "CheckTables", "BuildResult", "StoreResult", "Notify"),
        "RunSucceeded",
    }
    assert expected <= set(dropped)
    runs = settled(lake, "alerts")
    assert {run.status for run in runs} == {"SUCCEEDED"}, [run.cause for run in runs]
    # What other tests have left there has ids of its own.
    found = {number: n for number, n in processed_ids(lake, "alerts").items() if number < 1000}
    assert found == dict.fromkeys(range(len(dropped) + 1), 1)


def test_file__again_under_its_key__counts_when_its_content_is_new(arrivals: Lake) -> None:
    lake = arrivals
    start = 900_000

    def runs_after_drop(body: bytes) -> list[str]:
        before = set(pipelines(lake, "alerts"))
        lake.drop("alerts", "same.csv", body)
        until(lambda: set(pipelines(lake, "alerts")) - before, "a run")
        ran = [run.status for run in settled(lake, "alerts")]
        assert set(ran) == {"SUCCEEDED"}
        return ran

    runs_after_drop(csv(rows(start, 1)))
    objects = lake.versions("raw/alerts/")
    tables = lake.versions("processed/alerts/")
    runs_after_drop(csv(rows(start, 1)))
    assert lake.versions("raw/alerts/") == objects
    assert lake.versions("processed/alerts/") == tables
    runs_after_drop(csv(rows(start + 1, 1)))
    found = processed_ids(lake, "alerts")
    assert found[start] == found[start + 1] == 1


@pytest.mark.parametrize(
    ("key", "size", "outcome"),
    [
        ("incoming/nobody/x.csv", 1, "unknown"),
        ("incoming/lonely.csv", 1, "unknown"),
        ('incoming/nobody/über + 100% "x".csv', 1, "unknown"),
        ("incoming/alerts/folder/", 0, "ignored"),
        ("incoming/prices/x.csv", 1, "ignored"),
    ],
)
def test_event__of_no_run__ends_in_a_record(
    key: str, size: int, outcome: str, arrivals: Lake
) -> None:
    lake = arrivals
    before = set(lake.keys("runs/arrivals/"))
    lake.s3.put_object(Bucket=lake.bucket, Key=key, Body=b"x" * size)
    try:
        found = until(lambda: set(lake.keys("runs/arrivals/")) - before, "a record")
        [record] = [json.loads(lake.read(item)) for item in found]
        assert (record["key"], record["outcome"], record["size"]) == (key, outcome, size)
        assert record["reason"]
        assert record["what_to_do"]
        assert lake.keys(key) == [key]
    finally:
        lake.s3.delete_object(Bucket=lake.bucket, Key=key)


def test_names__of_any_kind__are_taken(arrivals: Lake) -> None:
    lake = arrivals
    names = [
        "a b.csv",
        "ü+ö.csv",
        "100%.csv",
        'quo"te.csv',
        "deep/er/x.csv",
        "plus+.csv",
    ]
    first = 800_000
    for number, name in enumerate(names):
        lake.drop("alerts", name, csv(rows(first + number, 1)))
    settled(lake, "alerts")
    found = processed_ids(lake, "alerts")
    assert {found[first + number] for number in range(len(names))} == {1}


def test_runs__of_one_dataset_at_the_same_time__lose_no_row(arrivals: Lake) -> None:
    lake = arrivals
    first = 700_000
    running = []
    for number in range(4):
        lake.s3.put_object(
            Bucket=lake.bucket,
            Key=f"incoming/alerts/together-{number}.csv",
            Body=csv(rows(first + 10 * number, 2)),
        )
        running.append(lake.start({"datasets": ["alerts"]}))
        time.sleep(0.7)
    ends = [lake.wait(arn) for arn in running]
    assert [run.status for run in ends] == ["SUCCEEDED"] * 4, [run.cause for run in ends]
    settled(lake, "alerts")
    found = processed_ids(lake, "alerts")
    ids = [first + 10 * number + row for number in range(4) for row in range(2)]
    assert [found[number] for number in ids] == [1] * len(ids)
