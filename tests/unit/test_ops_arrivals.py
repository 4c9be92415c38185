"""Files that start runs: what is said when they are dropped, and how an example is loaded."""

from __future__ import annotations

import io
import signal
import time
from collections.abc import Callable, Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from ops import (
    __main__,
    arrivals,
    attention,
    demo,
    deploy,
    drop,
    examples,
    executions,
    localaws,
    run,
    windows,
)
from ops.errors import OpsError, RunFailed
from ops.target import Target
from tests.unit.ops_fakes import EVENT_OUTPUTS, EXECUTION, OUTPUTS, Fake, connected, watched, words

NOON = datetime(2026, 1, 5, 12, 0, tzinfo=UTC)


@pytest.fixture(autouse=True)
def screen(monkeypatch: pytest.MonkeyPatch) -> io.StringIO:
    return watched(monkeypatch)


AIR_ONLY = {**EVENT_OUTPUTS, "dataset_names": ["flights", "planes"]}


def lake(**clients: Any) -> Target:
    return connected(EVENT_OUTPUTS, **clients)


@pytest.mark.parametrize(
    ("length", "after", "end"),
    [
        (60, 0, 60),
        (60, 58.9, 60),
        (60, 59, 120),  # one second before the end the next window begins
        (60, 60, 120),
        (5, 3.9, 5),
        (5, 4, 10),
        (3600, 3598, 3600),
    ],
)
def test_window_end__is_a_second_away_at_least(length: int, after: float, end: int) -> None:
    moment = NOON + timedelta(seconds=after)
    assert windows.window_end(length, moment) == NOON + timedelta(seconds=end)


def test_run_name__is_that_of_the_arrival_machine() -> None:
    assert windows.run_name("air", NOON) == "air-20260105T120000Z"


def test_groups__are_those_of_datasets_whose_files_start_runs() -> None:
    assert windows.groups(lake(), ["sales", "returns", "planes", "flights", "flights"]) == {
        "air": ["flights", "planes"],
        "returns": ["returns"],
    }


def test_groups__older_deployment_starts_none() -> None:
    assert windows.groups(connected(), ["flights"]) == {}


def test_forecast__names_the_run_its_time_and_its_datasets() -> None:
    moment = NOON + timedelta(seconds=12)
    assert windows.forecast(lake(), ["flights"], moment) == [
        "Run air-20260105T120100Z takes them: it begins at 12:01:00 UTC, when the window of "
        "group air (flights, planes) ends."
    ]
    assert windows.forecast(lake(), ["returns"], moment) == [
        "Run returns-20260105T120100Z takes them: it begins at 12:01:00 UTC, when the window of "
        "dataset returns ends."
    ]


def test_forecast__dataset_without_the_trigger_is_run_by_hand() -> None:
    said = "Files of sales start no run by themselves: make run DATASETS=sales takes them."
    assert windows.forecast(lake(), ["sales"], NOON) == [said]
    both = windows.forecast(lake(), ["sales", "returns"], NOON)
    assert both[0].startswith("Run returns-20260105T120100Z takes them")
    assert both[1] == said


def uploads() -> tuple[Fake, list[str]]:
    keys: list[str] = []

    class S3(Fake):
        def upload_file(self, _name: str, _bucket: str, key: str, **_: Any) -> None:
            keys.append(key)

    return S3(), keys


def test_drop__says_which_run_takes_the_file(screen: io.StringIO, tmp_path: Path) -> None:
    path = tmp_path / "a b.csv"
    path.write_text("a\n1\n")
    s3, keys = uploads()
    drop.run(lake(s3=s3), "flights", [str(path)])
    assert keys == ["incoming/flights/a b.csv"]
    shown = words(screen)
    assert "s3://lake/incoming/flights/ (4 B)" in shown
    assert "Run air-" in shown
    assert shown.endswith("See it: make status")


def test_drop__older_deployment_takes_files_with_the_next_run(
    screen: io.StringIO, tmp_path: Path
) -> None:
    path = tmp_path / "a.csv"
    path.write_text("a\n1\n")
    s3, _ = uploads()
    drop.run(connected(s3=s3), "flights", [str(path)])
    assert "make run DATASETS=flights takes them" in words(screen)


# --- finding the runs


def listed(*names: str) -> dict[str, Any]:
    return {
        "executions": [
            {"executionArn": f"{EXECUTION}:{name}", "name": name, "startDate": NOON}
            for name in names
        ]
    }


def test_of_group__is_told_from_other_groups_and_from_runs_by_hand() -> None:
    states = Fake(
        list_executions=listed(
            "air-20260105T120100Z",
            "air-20260105T120000Z",
            "air-cargo-20260105T120000Z",
            "sea-20260105T120000Z",
            "manual-20260105T120000.000",
            "air-20260105T120000Zx",
        )
    )
    assert executions.of_group(lake(stepfunctions=states), "air") == [
        f"{EXECUTION}:air-20260105T120000Z",
        f"{EXECUTION}:air-20260105T120100Z",
    ]


def test_await_runs__waits_until_each_group_has_a_new_one(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(arrivals, "LOCAL_POLL_SECONDS", 0)
    old, air, returns = (
        "air-20260105T115900Z",
        "air-20260105T120000Z",
        "returns-20260105T120000Z",
    )
    answers = [
        listed(old),
        listed(old),
        listed(old, air),
        listed(old),
        *[listed(old, air, returns)] * 2,
    ]
    states = Fake(list_executions=answers)
    found = arrivals.await_runs(
        lake(stepfunctions=states), ["air", "returns"], {f"{EXECUTION}:{old}"}
    )
    assert found == [f"{EXECUTION}:{air}", f"{EXECUTION}:{returns}"]


def test_await_runs__none_in_time_shows_what_may_explain_it(
    screen: io.StringIO, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(arrivals, "_EVENT_SECONDS", 0)
    monkeypatch.setattr(arrivals, "LOCAL_POLL_SECONDS", 0.01)
    queue = Fake(get_queue_attributes={"Attributes": {"ApproximateNumberOfMessages": "2"}})
    made = lake(
        stepfunctions=Fake(list_executions=listed()),
        s3=Fake(list_objects_v2={}),
        sqs=queue,
        cloudwatch=Fake(describe_alarms={"MetricAlarms": []}),
    )
    with pytest.raises(
        OpsError, match="No run of group air was there 0 s after its files"
    ) as caught:
        arrivals.await_runs(made, ["air"], set())
    assert "make status" in caught.value.hint
    assert "2 events in https://sqs" in words(screen)


# --- loading an example


class Example(examples.Example):
    """An example with a file, or with none."""

    def __init__(self, folder: Path, *datasets: str) -> None:
        super().__init__("test", folder)
        object.__setattr__(self, "datasets", datasets)

    def prepare(self, target: Path) -> list[tuple[str, Path]]:
        return [(name, target / f"{name}.csv") for name in self.datasets]  # type: ignore[attr-defined]

    def spoil(self, target: Path) -> list[tuple[str, Path]]:
        return []


@pytest.fixture
def told(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """What `load` does with an example, step by step."""
    steps: list[str] = []

    def watch(_target: Target, arn: str, **_named: Any) -> None:
        steps.append(f"watch {arn.rsplit(':', 1)[-1]}")

    def execute(_target: Target, datasets: Sequence[str] = (), **_named: Any) -> str:
        steps.append(f"execute {', '.join(datasets)}".strip())
        return f"{EXECUTION}:manual-1"

    monkeypatch.setattr(arrivals, "watch", watch)
    monkeypatch.setattr(arrivals, "execute", execute)
    monkeypatch.setattr(deploy, "drop_files", lambda *_: steps.append("drop"))
    monkeypatch.setattr(arrivals, "await_room", lambda *_: steps.append("room"))
    return steps


def test_load__files_start_the_run_that_is_followed(
    told: list[str], screen: io.StringIO, tmp_path: Path
) -> None:
    old, new = "air-20260105T115900Z", "air-20260105T120000Z"
    states = Fake(list_executions=[listed(old), *[listed(old, new)] * 2])
    made = connected(AIR_ONLY, stepfunctions=states)
    found = arrivals.load(made, Example(tmp_path, "flights", "planes"), state=tmp_path)
    assert told == ["room", "drop", f"watch {new}"]
    assert found == [f"{EXECUTION}:{new}"]
    shown = words(screen)
    assert "after a window of 60 s, one run for the group air." in shown
    assert f"started by the files of flights, planes: {new}" in shown


def test_load__files_of_two_windows_are_followed_to_the_last_run(
    told: list[str], tmp_path: Path
) -> None:
    first, second = "air-20260105T120000Z", "air-20260105T120100Z"
    answers = [listed(), listed(first), *[listed(first, second)] * 2]
    made = connected(AIR_ONLY, stepfunctions=Fake(list_executions=answers))
    found = arrivals.load(made, Example(tmp_path, "flights"), state=tmp_path)
    assert told[2:] == [f"watch {first}", f"watch {second}"]
    assert found == [f"{EXECUTION}:{first}", f"{EXECUTION}:{second}"]


def test_load__datasets_that_no_file_starts_are_run_by_hand_after_it(
    told: list[str], tmp_path: Path
) -> None:
    new = "air-20260105T120000Z"
    made = lake(stepfunctions=Fake(list_executions=[listed(), *[listed(new)] * 2]))
    found = arrivals.load(made, Example(tmp_path, "flights"), state=tmp_path)
    assert told[2:] == [f"watch {new}", "execute returns, sales"]
    assert found == [f"{EXECUTION}:{new}", f"{EXECUTION}:manual-1"]


@pytest.mark.parametrize("datasets", [[], ["sales"]])
def test_load__example_that_starts_no_run_is_run_by_hand(
    datasets: list[str], told: list[str], tmp_path: Path
) -> None:
    arrivals.load(lake(), Example(tmp_path, *datasets), state=tmp_path)
    assert told == ["drop", "execute"]


@pytest.mark.parametrize(("after", "slept"), [(10, []), (56.5, [2.5]), (58, [1.0]), (59.5, [])])
def testawait_room__drops_into_the_next_window_when_this_one_ends_soon(
    after: float, slept: list[float], monkeypatch: pytest.MonkeyPatch
) -> None:
    class Clock(datetime):
        @classmethod
        def now(cls, tz: Any = None) -> Any:
            return NOON + timedelta(seconds=after)

    found: list[float] = []
    monkeypatch.setattr(arrivals, "datetime", Clock)
    monkeypatch.setattr(time, "sleep", found.append)
    monkeypatch.setattr(arrivals, "_SHORTEST_SECONDS", 4)
    arrivals.await_room(lake())
    assert found == slept


# --- demo, local-up, local deployments


@pytest.fixture
def demonstrated(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Parts of the demo, without a local AWS."""
    parts: list[str] = []

    def note(name: str, value: Any = None) -> Callable[..., Any]:
        def call(*_arguments: Any, **_named: Any) -> Any:
            parts.append(name)
            return value

        return call

    monkeypatch.setattr(deploy, "bring_up", note("apply", lake()))
    monkeypatch.setattr(arrivals, "load", note("load", ["arn:1", "arn:2"]))
    monkeypatch.setattr(demo, "show_results", note("results"))
    monkeypatch.setattr(demo, "take_down", note("destroy"))
    monkeypatch.setattr(localaws, "stop", note("stop", False))
    monkeypatch.setattr(signal, "signal", lambda *_: None)
    return parts


def test_demo__starts_by_dropping_files(demonstrated: list[str]) -> None:
    demo.demo("flights")
    assert demonstrated == ["apply", "load", "results", "destroy", "stop"]


def test_demo__of_what_is_fetched__runs_again_without_news(
    demonstrated: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    session = localaws.Session(0, 1, "countries", "x.tfvars", web_pid=2, web_port=3)
    monkeypatch.setattr(deploy, "bring_up", lambda _example: replace(lake(), session=session))
    monkeypatch.setattr(demo, "execute", lambda *_, **__: demonstrated.append("again"))
    demo.demo("countries")
    assert demonstrated == ["load", "again", "results", "destroy", "stop"]


def test_demo__run_that_fails_takes_everything_down(
    demonstrated: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*_arguments: object, **_named: object) -> None:
        raise RunFailed("The run ended FAILED.")

    monkeypatch.setattr(arrivals, "load", fail)
    with pytest.raises(RunFailed):
        demo.demo("flights", keep=True)
    assert demonstrated == ["apply", "stop"]


@pytest.mark.parametrize(
    ("outputs", "wanted"),
    [
        (EVENT_OUTPUTS, ["Run air-", "takes them", "Now: make status, make query"]),
        (OUTPUTS, ["make run DATASETS=flights takes them", "Now: make run, make status"]),
    ],
)
def test_local_up__says_what_follows(
    outputs: dict[str, Any],
    wanted: list[str],
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    tmp_path: Path,
) -> None:
    monkeypatch.setattr(examples, "load", lambda _name: Example(tmp_path, "flights"))
    monkeypatch.setattr(deploy, "bring_up", lambda _example: connected(outputs))
    monkeypatch.setattr(deploy, "drop_files", lambda *_: None)
    assert __main__.main(["local-up", "--example", "test"]) == 0
    shown = capsys.readouterr().out
    for text in wanted:
        assert text in shown


def test_session__window_is_short_unless_the_file_of_variables_says_otherwise() -> None:
    # Of two values on its command line, terraform takes the later one.
    arguments = localaws.Session(0, 1, "flights", "my.tfvars").arguments
    window = arguments.index("-var=arrival_window_seconds=5")
    assert window < arguments.index("-var-file=my.tfvars")
    assert arguments.index("-var-file=my.tfvars") < arguments.index("-var=force_destroy=true")
    assert "-var=arrival_window_seconds=5" in localaws.Session(0, 1, "retail", None).arguments


def test_drop_files__says_how_many_and_how_many_are_damaged(
    screen: io.StringIO, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr(drop, "drop", lambda *_: 1_400_000)
    good, bad = [("flights", tmp_path / "a")], [("flights", tmp_path / "b")]
    deploy.drop_files(lake(), deploy.Files("test", good, bad))
    assert "1 file dropped into incoming/ (1.4 MB), and 1 that are damaged" in words(screen)


def test_watch__run_without_files_says_why_it_did_nothing(screen: io.StringIO) -> None:
    description = {
        "status": "SUCCEEDED",
        "startDate": NOON,
        "stopDate": NOON,
        "output": '{"totals": {"datasets": 0}}',
    }
    states = Fake(describe_execution=description, get_execution_history={"events": []})
    run.watch(lake(stepfunctions=states), f"{EXECUTION}:air-20260105T120000Z")
    assert "nothing to do: an earlier run had taken the files" in words(screen)


def test_attention__is_what_status_shows_at_its_end(monkeypatch: pytest.MonkeyPatch) -> None:
    shown: list[str] = []
    for name in ("arrivals", "dead_letters", "alarms"):
        monkeypatch.setattr(attention, name, lambda _target, name=name: shown.append(name))
    attention.show(replace(lake()))
    assert shown == ["arrivals", "dead_letters", "alarms"]
