"""The job as Glue starts it: a process of its own, on the interpreter that the jobs get."""

from __future__ import annotations

import subprocess
from pathlib import Path

from medallion.lake.objects import Lake

ROOT = Path(__file__).parents[2]
SCRIPT = str(ROOT / "jobs/ingest.py")


def run(python: str, *arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [python, SCRIPT, *arguments],
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
    )


def test_help__says_what_the_job_does(job_python: str) -> None:
    done = run(job_python, "--help")
    assert done.returncode == 0
    for word in ("--bucket", "--dataset", "--run-id", "AWS_ENDPOINT_URL", "quarantine/"):
        assert word in done.stdout


def test_arguments__missing(job_python: str) -> None:
    done = run(job_python, "--bucket", "b", "--run", "r")
    assert done.returncode == 2
    assert "--dataset, --run-id" in done.stderr


def test_job__every_format_on_the_interpreter_of_the_jobs(
    served_lake: Lake, job_python: str
) -> None:
    columns = [
        {"name": "id", "type": "string", "required": False, "clean": [], "format": None},
        {"name": "name", "type": "string", "required": False, "clean": [], "format": None},
    ]
    served_lake.put_json("config/datasets/things.json", {"name": "things", "columns": columns})
    files = {
        "a b+c.csv": b"id,name\n1,x\n2\n",
        "ü.json": b'[{"id": 1.50, "name": null, "k": [1e5]}, {"id": NaN}]',
        "c.tsv": "id\tname\n1\té\n".encode("utf-16"),
        "d%20 \"'.csv": b"",
    }
    for name, data in files.items():
        served_lake.client.put_object(
            Bucket=served_lake.bucket, Key=f"incoming/things/{name}", Body=data
        )
    arguments = ["--bucket", served_lake.bucket, "--dataset", "things", "--run-id", "r"]
    done = run(job_python, *arguments, "--extra-py-files", "s3://x/y.py")
    assert done.returncode == 0, done.stderr
    assert done.stderr == ""
    assert "INFO ingest: things: 4 files" in done.stdout
    report = served_lake.get_json("runs/r/ingest/things.json")
    assert report["rows"] == {"in": 5, "out": 3, "refused": 2, "duplicate": 0, "filtered": 0}
    assert report["files"] == {"in": 4, "accepted": 3, "refused": 1, "unchanged": 0}
    assert list(served_lake.list_objects("incoming/")) == []
    assert len(list(served_lake.list_objects("raw/things/ingest_date="))) == 3


def test_job__sample(served_lake: Lake, job_python: str) -> None:
    source = {"type": "sample", "table": "products", "rows": 50, "seed": 1}
    columns = [{"name": "product_id", "type": "bigint"}, {"name": "price", "type": "double"}]
    served_lake.put_json(
        "config/datasets/things.json", {"name": "things", "columns": columns, "source": source}
    )
    done = run(job_python, "--bucket", served_lake.bucket, "--dataset", "things", "--run-id", "r")
    assert done.returncode == 0, done.stderr
    assert served_lake.get_json("runs/r/ingest/things.json")["rows"]["out"] == 50


def test_job__error_is_the_last_line(served_lake: Lake, job_python: str) -> None:
    done = run(job_python, "--bucket", served_lake.bucket, "--dataset", "gone", "--run-id", "r")
    assert done.returncode == 1
    assert done.stderr.splitlines()[-1] == (
        f"ObjectNotFound: s3://{served_lake.bucket}/config/datasets/gone.json does not exist"
    )


def test_job__contract_that_is_wrong(served_lake: Lake, job_python: str) -> None:
    served_lake.put_json("config/datasets/things.json", {"name": "things", "columns": []})
    done = run(job_python, "--bucket", served_lake.bucket, "--dataset", "things", "--run-id", "r")
    assert done.returncode == 1
    assert done.stderr.splitlines()[-1].startswith("ConfigError: ")


def test_job__contract_of_another_dataset(served_lake: Lake, job_python: str) -> None:
    """It emptied incoming/ of the other dataset."""
    other = {"name": "other", "columns": [{"name": "id", "type": "string"}]}
    served_lake.put_json("config/datasets/things.json", other)
    served_lake.client.put_object(
        Bucket=served_lake.bucket, Key="incoming/other/a.csv", Body=b"id\n1\n"
    )
    done = run(job_python, "--bucket", served_lake.bucket, "--dataset", "things", "--run-id", "r")
    assert done.returncode == 1
    assert "is the contract of 'other', not of 'things'" in done.stderr.splitlines()[-1]
    assert served_lake.head("incoming/other/a.csv")
