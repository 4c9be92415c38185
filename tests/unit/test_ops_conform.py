"""make conform: what it says and asks, what it leaves, and that nothing tells an account number."""

from __future__ import annotations

import io
import json
import os
import re
import signal
import sys
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import boto3
import pytest
from botocore.exceptions import ClientError
from rich.console import Console

from ops import __main__, display, docs, localaws, prices
from ops.conform import command, costs, deployment, masking, outcome
from ops.conform.answers import Answer
from ops.conform.assumptions import ASSUMPTIONS
from ops.conform.command import Options
from ops.conform.findings import Assumption, Finding, NotProbed
from ops.conform.lab import Evidence, Lab, NotSeen
from ops.conform.outcome import Found, Outcome
from ops.conform.sweep import sweep
from ops.errors import OpsError
from tests.unit.ops_fakes import Fake, connected, refusal

ROOT = Path(__file__).resolve().parents[2]
ACCOUNT = "210987654321"
PAGE = (ROOT / docs.DIFFERENCES).read_text(encoding="utf-8")


@pytest.fixture
def screen(monkeypatch: pytest.MonkeyPatch) -> io.StringIO:
    """What all of it prints."""
    text = io.StringIO()
    console = Console(file=text, width=200, highlight=False)
    for module in (command, display, masking, outcome):
        monkeypatch.setattr(module, "console", console)
    return text


# --- assumptions and their page


def test_assumptions__have_a_probe_or_a_reason_for_none() -> None:
    assert len({item.id for item in ASSUMPTIONS}) == len(ASSUMPTIONS) > 20
    for item in ASSUMPTIONS:
        assert (item.probe is None) == bool(item.unprobed), item.id
        assert re.fullmatch(r"[a-z0-9-]+", item.id)
        assert item.assumed.endswith(".")
        assert item.otherwise.endswith(".")


def test_page__is_sorted_into_confirmed_assumed_and_not_emulated() -> None:
    titles = re.findall(r"^## (.*)$", PAGE, re.MULTILINE)
    assert titles == ["Confirmed", "Assumed", "Not emulated, or otherwise"]
    assert docs.render_differences(PAGE) == PAGE
    confirmed = PAGE.split("## Confirmed")[1].split("## Assumed")[0]
    assumed = PAGE.split("## Assumed")[1].split("## Not emulated")[0]
    for item in ASSUMPTIONS:
        assert (f"`{item.id}`" in confirmed) == item.confirmed, item.id
        assert (f"`{item.id}`" in assumed) != item.confirmed, item.id
    for row in re.findall(r"^\| .* \|$", confirmed, re.MULTILINE):
        assert row.rsplit("|", 2)[1].strip(), f"without a source: {row}"


# --- account numbers


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        (f"arn:aws:iam::{ACCOUNT}:role/x", "arn:aws:iam::<account>:role/x"),
        (f"conform-a1-{ACCOUNT}-us-east-1", "conform-a1-<account>-us-east-1"),
        ("run-20261128T163043Z and 1234567890123", "run-20261128T163043Z and 1234567890123"),
    ],
)
def test_masked__account_numbers_alone(text: str, shown: str) -> None:
    assert masking.masked(text) == shown


def test_masking__is_for_all_that_is_printed_while_it_lasts() -> None:
    text = io.StringIO()
    console = Console(file=text, width=80)
    with masking.masking(console):
        console.print(f"s3://x-{ACCOUNT}")
    console.print("after: 123456789012")
    assert text.getvalue() == "s3://x-<account>\nafter: 123456789012\n"


def test_report__has_no_account_number(tmp_path: Path) -> None:
    result = Outcome("conform-1", "aws", failures=[f"arn:aws:x::{ACCOUNT}:y"])
    result.answers = [Answer("raw.x", 1, None, f"no bucket x-{ACCOUNT}")]
    result.found = [Found("a", "b", outcome.OTHERWISE, f"{ACCOUNT} is seen", "c")]
    result.left = [f"bucket x-{ACCOUNT}"]
    result.save(tmp_path / "report.json")
    text = (tmp_path / "report.json").read_text()
    assert ACCOUNT not in text
    assert text.count("<account>") == 4
    assert json.loads(text)["good"] is False


# --- what it costs, and whom it asks


def test_estimate__says_how_it_is_reckoned_and_when() -> None:
    plain, spark = costs.estimate(spark=False), costs.estimate(spark=True)
    assert 1 < sum(item.dollars for item in plain) < sum(item.dollars for item in spark) < 2
    crawls = next(item for item in plain if item.what == "crawls")
    assert crawls.dollars == pytest.approx(7 * 10 / 60 * 2 * prices.GLUE_DPU_HOUR)
    assert f"${prices.GLUE_DPU_HOUR}" in crawls.how


class Session:
    """Credentials and clients of an account."""

    region_name = "eu-central-1"

    def __init__(self, aliases: list[str] | ClientError, **_arguments: Any) -> None:
        self._clients = {
            "sts": Fake(get_caller_identity={"Account": ACCOUNT}),
            "iam": Fake(
                list_account_aliases=aliases
                if isinstance(aliases, ClientError)
                else {"AccountAliases": aliases}
            ),
        }

    def get_credentials(self) -> object:
        return object()

    def client(self, name: str) -> Fake:
        return self._clients[name]


def logged_in(monkeypatch: pytest.MonkeyPatch, aliases: list[str] | ClientError) -> None:
    session = SimpleNamespace(Session=lambda **given: Session(aliases, **given))
    monkeypatch.setattr(boto3, "session", session)


@pytest.mark.parametrize(
    ("aliases", "shown"),
    [(["workshop"], "workshop"), ([], "…4321"), (refusal("AccessDenied"), "…4321")],
)
def test_question__names_the_account_by_alias_or_four_digits(
    aliases: Any, shown: str, screen: io.StringIO, monkeypatch: pytest.MonkeyPatch
) -> None:
    logged_in(monkeypatch, aliases)
    monkeypatch.setattr(sys, "stdin", SimpleNamespace(isatty=lambda: False))
    with pytest.raises(OpsError, match="Nobody is there to be asked") as caught:
        command.conform(Options())
    assert "make conform YES=1" in caught.value.hint
    text = screen.getvalue()
    assert f"AWS account {shown}, eu-central-1" in text
    assert ACCOUNT not in text
    assert "destroys all of it" in text
    assert prices.DATE in text


def test_question__answered_with_anything_but_yes__makes_nothing(
    screen: io.StringIO, monkeypatch: pytest.MonkeyPatch
) -> None:
    logged_in(monkeypatch, ["workshop"])
    monkeypatch.setattr(sys, "stdin", SimpleNamespace(isatty=lambda: True))
    monkeypatch.setattr(Console, "input", lambda *_arguments: "y")
    assert command.conform(Options()) == 1
    assert "Nothing was made." in screen.getvalue()


def test_command__without_credentials_is_refused(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    for name in [name for name in os.environ if name.startswith("AWS_")]:
        monkeypatch.delenv(name)
    monkeypatch.setenv("AWS_CONFIG_FILE", os.devnull)
    monkeypatch.setenv("AWS_SHARED_CREDENTIALS_FILE", os.devnull)
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")
    monkeypatch.delenv("TARGET", raising=False)
    assert __main__.main(["conform", "--yes"]) == 1
    assert "No AWS credentials were found" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["--target", "azure"], "TARGET is 'azure'"),
        (["--probes", "no-such"], "There is no assumption no-such"),
        (["--name", "conform-none"], "There is no deployment 'conform-none'"),
    ],
)
def test_command__what_is_not_known_is_refused(
    arguments: list[str], said: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert __main__.main(["conform", *arguments]) == 1
    assert said in " ".join(capsys.readouterr().err.split())


# --- what is left, and after what


class Deployed:
    """A deployment that goes as it is told."""

    name, local, region, spark = "conform-test", True, "us-east-1", False

    def __init__(self, apply: BaseException | None, destroy: BaseException | list[str]) -> None:
        self._apply, self._destroy = apply, destroy
        self.calls: list[str] = []

    folder = Path("nowhere")

    def apply(self) -> None:
        self.calls.append("apply")
        if self._apply:
            raise self._apply

    def is_whole(self) -> bool:
        return False

    def destroy(self, _target: object) -> list[str]:
        self.calls.append("destroy")
        if isinstance(self._destroy, BaseException):
            raise self._destroy
        return self._destroy

    def left(self, _target: object) -> Iterator[str]:
        yield "resource aws_s3_bucket.x"

    def forget(self) -> None:
        self.calls.append("forget")


@pytest.fixture
def reports(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setattr(deployment, "FOLDER", tmp_path)
    return tmp_path / "conform-test.json"


def tried(made: Deployed, monkeypatch: pytest.MonkeyPatch, **options: Any) -> int:
    monkeypatch.setattr(deployment, "new", lambda **_given: made)
    return command.conform(Options("local", **options))


@pytest.mark.parametrize(
    ("error", "said"),
    [
        (OpsError("terraform apply failed"), "terraform apply failed"),
        (KeyboardInterrupt(), "interrupted"),
    ],
)
def test_failure__destroys_what_was_made(
    error: BaseException, said: str, reports: Path, screen: io.StringIO,
    monkeypatch: pytest.MonkeyPatch,
) -> None:  # fmt: skip
    made = Deployed(error, [])
    assert tried(made, monkeypatch) == 1
    assert made.calls == ["apply", "destroy", "forget"]
    assert json.loads(reports.read_text())["failures"] == [said]
    assert "Nothing of conform-test is left." in screen.getvalue()


@pytest.mark.parametrize("error", [OpsError("terraform destroy failed"), refusal("AccessDenied")])
def test_destroy__that_fails__names_what_is_left_and_what_to_do(
    error: Exception, reports: Path, screen: io.StringIO, monkeypatch: pytest.MonkeyPatch
) -> None:
    made = Deployed(None, error)
    assert tried(made, monkeypatch) == 1
    assert "forget" not in made.calls
    assert json.loads(reports.read_text())["left"] == ["resource aws_s3_bucket.x"]
    assert "resource aws_s3_bucket.x" in screen.getvalue()
    assert "make conform NAME=conform-test" in screen.getvalue()


def test_interrupt__of_the_destroy__says_what_is_left(
    reports: Path, screen: io.StringIO, monkeypatch: pytest.MonkeyPatch
) -> None:
    made = Deployed(KeyboardInterrupt(), KeyboardInterrupt())
    assert tried(made, monkeypatch) == 1
    assert "make conform NAME=conform-test" in screen.getvalue()


def test_signals__are_as_before_when_it_is_over(
    reports: Path, screen: io.StringIO, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = signal.getsignal(signal.SIGTERM)
    assert tried(Deployed(None, []), monkeypatch) == 0
    assert signal.getsignal(signal.SIGTERM) is before


def test_kept__is_not_destroyed_unless_asked(
    reports: Path, screen: io.StringIO, monkeypatch: pytest.MonkeyPatch
) -> None:
    made = Deployed(None, [])
    assert tried(made, monkeypatch, keep=True) == 0
    assert made.calls == ["apply"]
    assert "conform-test is kept" in screen.getvalue()


class Pages(Fake):
    """A client whose pages are those of the answers."""

    def get_paginator(self, name: str) -> Fake:
        return Fake(paginate=lambda **_arguments: [self.answers[name]])


def test_sweep__removes_what_is_named_after_the_deployment_and_nothing_else() -> None:
    mine, other = "conform-1-conform-ab", "conform-2-conform-ab"
    sns = Pages(
        list_subscriptions_by_topic={
            "Subscriptions": [
                {"Endpoint": f"arn:aws:sqs:x:1:{name}", "SubscriptionArn": name}
                for name in (mine, other)
            ]
        },
        unsubscribe={},
    )
    events = Fake(list_rules={"Rules": [{"Name": mine}]}, remove_targets={}, delete_rule={})
    sqs = Fake(list_queues={"QueueUrls": ["url"]}, delete_queue={})
    names = ("conform-1-scout", "conform-1-ingest", "conform-2-scout")
    glue = Pages(
        get_jobs={"Jobs": [{"Name": name} for name in names]},
        delete_job={},
        get_crawlers={"Crawlers": [{"Name": name} for name in ("conform-1-raw", "conform-1-try")]},
        delete_crawler={},
    )
    tries = ("conform-1-try-1", "conform-1-pipeline")
    machines = [{"name": name, "stateMachineArn": f"arn:{name}"} for name in tries]
    states = Pages(list_state_machines={"stateMachines": machines}, delete_state_machine={})
    target = connected(sns=sns, events=events, sqs=sqs, glue=glue, stepfunctions=states)
    sweep(target, "conform-1")
    assert sns.asked_for("unsubscribe") == [{"SubscriptionArn": mine}]
    assert events.asked_for("list_rules") == [{"NamePrefix": "conform-1-conform"}]
    assert sqs.asked_for("list_queues") == [{"QueueNamePrefix": "conform-1-conform"}]
    assert glue.asked_for("delete_job") == [{"JobName": "conform-1-scout"}]
    assert glue.asked_for("delete_crawler") == [{"Name": "conform-1-try"}]
    assert states.asked_for("delete_state_machine") == [{"stateMachineArn": "arn:conform-1-try-1"}]


def test_local_aws__that_was_killed__has_left_nothing(
    reports: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    made = deployment.Deployment("conform-test", True, "us-east-1", False)
    made.folder.mkdir(parents=True)
    assert made.destroy(None) == list(made.left(None)) == []
    (made.folder / localaws.SESSION).write_text("{")
    assert made.destroy(None) == list(made.left(None)) == []


def test_outcome__counts_what_came_out(screen: io.StringIO) -> None:
    kinds = [outcome.AS_ASSUMED, outcome.AS_ASSUMED, outcome.OTHERWISE, outcome.NOT_PROBED]
    result = Outcome(
        "x",
        "aws",
        found=[
            Found(f"a-{n}", "b", one, "seen", "then this happens") for n, one in enumerate(kinds)
        ],
    )
    result.show()
    text = screen.getvalue()
    assert "Of 4: 2 as assumed, 1 otherwise, 0 probe failed, 1 not probed" in text
    assert "a-2, otherwise: then this happens" in text


def test_local__says_beforehand_what_happens(
    reports: Path, screen: io.StringIO, monkeypatch: pytest.MonkeyPatch
) -> None:
    made = Deployed(None, [])
    assert tried(made, monkeypatch) == 0
    said = screen.getvalue()
    assert "local AWS of its own" in said
    assert "conform-test" in said
    assert "SPARK=0" not in said


# --- probes


def raising(error: Exception) -> Any:
    def probe(_lab: Lab) -> Finding:
        raise error

    return probe


@pytest.mark.parametrize(
    ("probe", "found", "detail"),
    [
        (lambda _lab: Finding(True, "seen"), outcome.AS_ASSUMED, "seen"),
        (lambda _lab: Finding(False, "seen"), outcome.OTHERWISE, "seen"),
        (raising(NotSeen("not within 5 s")), outcome.OTHERWISE, "not within 5 s"),
        (raising(NotProbed("no run")), outcome.NOT_PROBED, "no run"),
        (raising(OpsError("no such run")), outcome.FAILED, "no such run"),
        (raising(refusal("AccessDenied")), outcome.FAILED, "AccessDenied"),
        (raising(KeyError("Metadata")), outcome.FAILED, "KeyError: 'Metadata'"),
        (None, outcome.NOT_PROBED, "it would cost too much"),
    ],
)
def test_probe__outcomes(
    probe: Any, found: str, detail: str, tmp_path: Path, screen: io.StringIO
) -> None:
    lab: Any = SimpleNamespace(evidence=Evidence(), folder=tmp_path)
    reason = "" if probe else "it would cost too much"
    [one] = outcome.probe(lab, [Assumption("a", "b", "c", probe, reason)])
    assert one.found == found
    assert detail in one.detail
    assert one.good == (found in (outcome.AS_ASSUMED, outcome.NOT_PROBED))


def test_wait__ends_with_what_it_waited_for(tmp_path: Path) -> None:
    lab = Lab("x", connected(), tmp_path, False, Evidence(), None)  # type: ignore[arg-type]
    with pytest.raises(NotSeen, match="a thing: not seen within 0 s"):
        lab.wait("a thing", lambda: None, (60, 0))


def test_evidence__is_kept_for_later_probes(tmp_path: Path) -> None:
    evidence = Evidence({"files": "arn"}, "token")
    evidence.save(tmp_path)
    assert Evidence.load(tmp_path) == evidence
    assert Evidence.load(tmp_path / "other") == Evidence()
