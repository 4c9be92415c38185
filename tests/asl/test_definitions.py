"""The shape of the state machines: valid, reachable, bounded in time, and with nothing unheard."""

from __future__ import annotations

import json
import re
from collections import Counter
from typing import Any

import botocore.session
import jsonata
import pytest
from botocore.model import ListShape, MapShape, Shape, StructureShape

from tests.asl.machines import (
    MACHINES,
    Integration,
    assigned,
    expressions,
    scopes,
    source,
    states,
    successors,
    tasks,
)
from tests.deployments import Deployment

pytestmark = pytest.mark.xdist_group("terraform-module")
PLACEHOLDER = re.compile(r"\$\{([^}]*)\}")


@pytest.fixture(params=MACHINES)
def name(request: pytest.FixtureRequest) -> str:
    machine: str = request.param
    return machine


@pytest.fixture
def definition(name: str, deployment: Deployment) -> dict[str, Any]:
    rendered: dict[str, Any] = json.loads(deployment.definitions[f"medallion-{name}"])
    return rendered


def test_source__is_valid_json_before_it_is_rendered(name: str) -> None:
    json.loads(source(name))


def test_placeholders__inject_names_and_no_logic(name: str) -> None:
    found = PLACEHOLDER.findall(source(name))
    assert found
    assert all(re.fullmatch(r"[a-z_]+", text) for text in found), found


def test_rendered__has_no_placeholder_left(name: str, deployment: Deployment) -> None:
    assert "${" not in deployment.definitions[f"medallion-{name}"]


def test_top__has_comment_time_out_and_language(name: str, definition: dict[str, Any]) -> None:
    assert definition["Comment"]
    assert definition["QueryLanguage"] == "JSONata"
    # These two wait for people: see the next test.
    days = {"batch": 21, "pipeline": 30}.get(name, 10)
    assert 0 < definition["TimeoutSeconds"] <= days * 24 * 3600


def test_batch__outlasts_what_its_datasets_may_wait_for(deployment: Deployment) -> None:
    """Twenty datasets, five at a time, each transformed twice around an approval of 72 hours."""
    whole, own = limits(deployment, "batch")
    assert 20 // 5 * own["RunDataset"] + own["StoreBatch"] + own["PublishMetrics"] < whole
    assert whole < limits(deployment, "pipeline")[0]
    dataset, own = limits(deployment, "dataset")
    longest = 2 * LONGEST_JOB + LONGEST_APPROVAL
    assert longest + own["ListFiles"] + 2 * own["ReadReport"] + own["ReadError"] < dataset


LONGEST_JOB = 1440 * 60 + 600  # jobs.timeout_minutes at most, and what the machines add
LONGEST_APPROVAL = 72 * 3600  # approval.timeout_hours at most
LONGEST_TURN = 720 * 30


def limits(deployment: Deployment, machine: str) -> tuple[int, dict[str, Any]]:
    """Return the time-outs of a machine and of its tasks."""
    definition = json.loads(deployment.definitions[f"medallion-{machine}"])
    found = {name: state["TimeoutSeconds"] for name, state in tasks(definition)}
    return definition["TimeoutSeconds"], found


def test_pipeline__outlasts_its_parts_at_their_longest(deployment: Deployment) -> None:
    # An execution that runs into its own time-out ends without telling anyone.
    whole, own = limits(deployment, "pipeline")
    # Approved, a transform runs once more.
    path = LONGEST_TURN + 3 * LONGEST_JOB + LONGEST_APPROVAL
    path += own["RunModels"] + own["CrawlAnalytics"] + own["CheckTables"] + own["Notify"]
    assert whole > path


@pytest.mark.parametrize(
    ("part", "caller", "task"),
    [
        ("batch", "pipeline", "IngestBatch"),
        ("batch", "pipeline", "TransformBatch"),
        ("check", "pipeline", "CheckTables"),
        ("crawl", "pipeline", "CrawlRaw"),
        ("dataset", "batch", "RunDataset"),
        ("model", "pipeline", "RunModels"),
        ("notify", "pipeline", "Notify"),
    ],
)
def test_part__ends_before_it_is_given_up(
    part: str, caller: str, task: str, deployment: Deployment
) -> None:
    assert limits(deployment, part)[0] < limits(deployment, caller)[1][task]


def test_states__exist_and_are_reached(definition: dict[str, Any]) -> None:
    for first, found in scopes(definition):
        reached: set[str] = set()
        ahead = {first}
        while ahead:
            name = ahead.pop()
            assert name in found, f"{name} is named as the next state, but is not in its scope"
            reached.add(name)
            ahead |= successors(found[name]) - reached
        assert reached == set(found), f"never reached: {set(found) - reached}"


def test_states__have_different_names(definition: dict[str, Any]) -> None:
    # Failures are told by the state's name alone.
    names = [name for name, _ in states(definition)]
    assert len(names) == len(set(names))


def test_states__end_or_go_on(definition: dict[str, Any]) -> None:
    for name, state in states(definition):
        if state["Type"] in ("Succeed", "Fail"):
            continue
        if state["Type"] == "Choice":
            assert state.get("Default"), f"{name} has no Default"
        else:
            assert bool(state.get("End")) != bool(state.get("Next")), name


def test_tasks__are_bounded_in_time(definition: dict[str, Any]) -> None:
    for name, state in tasks(definition):
        assert "TimeoutSeconds" in state or "HeartbeatSeconds" in state, name


def test_tasks__retry_named_errors_of_their_service(definition: dict[str, Any]) -> None:
    prefixes = {
        "athena": "Athena",
        "aws-sdk:sfn": "Sfn",
        "cloudwatch": "CloudWatch",
        "glue": "Glue",
        "s3": "S3",
        "sns": "SNS",
        "sqs": "SQS",
        "states": "StepFunctions",
    }
    for name, state in tasks(definition):
        assert state.get("Retry"), f"{name} has no Retry"
        prefix = next(p for part, p in prefixes.items() if f":{part}:" in state["Resource"])
        for retrier in state["Retry"]:
            errors = retrier["ErrorEquals"]
            assert errors, name
            wrong = [e for e in errors if e != "States.Timeout" and not e.startswith(f"{prefix}.")]
            assert not wrong, f"{name} retries {wrong}"
            assert retrier["MaxAttempts"] > 0, name
            assert retrier["MaxDelaySeconds"] >= retrier["IntervalSeconds"], name


def test_tasks__that_wait_for_a_job__do_not_start_it_again(definition: dict[str, Any]) -> None:
    for name, state in tasks(definition):
        if Integration.of(state).waits:
            retried = {error for retrier in state["Retry"] for error in retrier["ErrorEquals"]}
            assert not retried & {"States.ALL", "States.TaskFailed", "States.Timeout"}, name


def test_tasks__catch_everything(definition: dict[str, Any]) -> None:
    for name, state in tasks(definition):
        caught = [error for catcher in state.get("Catch", []) for error in catcher["ErrorEquals"]]
        assert caught[-1:] == ["States.ALL"], f"{name} catches {caught}"


def test_fails__say_why(definition: dict[str, Any]) -> None:
    for name, state in states(definition):
        if state["Type"] == "Fail":
            assert state.get("Error"), f"{name} has no Error"
            assert state.get("Cause"), f"{name} has no Cause"


def test_maps__tolerate_no_failure_silently(definition: dict[str, Any]) -> None:
    for name, state in states(definition):
        assert not [key for key in state if key.startswith("ToleratedFailure")], name


def test_variables__of_an_inner_scope__are_assigned_in_no_outer_one(
    definition: dict[str, Any],
) -> None:
    # AWS refuses a machine in which a Map or Parallel assigns a variable of a scope around it.
    def check(scope: dict[str, Any], outer: set[str]) -> None:
        own = {name for state in scope["States"].values() for name in assigned(state)}
        assert not own & outer
        for state in scope["States"].values():
            for part in [*state.get("Branches", []), state.get("ItemProcessor")]:
                if part:
                    check(part, own | outer)

    check(definition, set())


LONGEST_EXPRESSION = 300
LONGEST_TWICE = 120


def test_expressions__are_short(definition: dict[str, Any]) -> None:
    """What takes more is made of variables: each has a name, and its value is in the history."""
    long = [one for one in expressions(definition) if len(one) > LONGEST_EXPRESSION]
    assert not long


def test_expressions__are_there_once(definition: dict[str, Any]) -> None:
    found = Counter(one for one in expressions(definition) if len(one) > LONGEST_TWICE)
    assert [one for one, count in found.items() if count > 1] == []


def test_errors_of_others__are_read_in_one_place(definition: dict[str, Any]) -> None:
    """What Glue, Athena or Step Functions say of a failure is taken apart by one state, if any."""
    for field in ("Cause", "Error", "ErrorMessage", "StateChangeReason"):
        places = [
            (name, one)
            for name, state in states(definition)
            for one in expressions({k: v for k, v in state.items() if k not in INNER})
            if f'/"{field}"' in one
        ]
        assert len(places) <= 1, places


INNER = ("Branches", "ItemProcessor")


def test_pipeline__can_be_read() -> None:
    assert len(source("pipeline").splitlines()) <= 450


def test_expressions__are_jsonata(definition: dict[str, Any]) -> None:
    found = list(expressions(definition))
    assert found
    for expression in found:
        jsonata.Jsonata(expression)  # raises with the place of what it cannot parse


def test_arguments__are_what_the_api_takes(definition: dict[str, Any]) -> None:
    models = botocore.session.get_session()
    for name, state in tasks(definition):
        integration = Integration.of(state)
        model = models.get_service_model(integration.service)
        shape = model.operation_model(integration.operation).input_shape
        assert shape is not None
        _check(shape, state["Arguments"], f"{name}.Arguments")


def _check(shape: Shape, value: Any, place: str) -> None:
    if isinstance(value, str) and value.startswith("{%"):
        return  # computed when it runs
    if isinstance(shape, StructureShape):
        _check_members(shape, value, place)
    elif isinstance(shape, ListShape):
        assert isinstance(value, list), f"{place} is no list"
        for position, item in enumerate(value):
            _check(shape.member, item, f"{place}[{position}]")
    elif isinstance(shape, MapShape):
        assert isinstance(value, dict), f"{place} is no object"
        for key, item in value.items():
            _check(shape.value, item, f"{place}.{key}")
    elif shape.name != "SensitiveData":  # the input of an execution is JSON of any shape
        kinds = {"integer": int, "long": int, "boolean": bool, "double": int | float}
        wanted = kinds.get(shape.type_name, str)
        assert isinstance(value, wanted), f"{place} is no {shape.type_name}"


def _check_members(shape: StructureShape, value: Any, place: str) -> None:
    assert isinstance(value, dict), f"{place} is no object"
    # Step Functions writes all members with a capital.
    members = {key[0].upper() + key[1:]: member for key, member in shape.members.items()}
    required = {key[0].upper() + key[1:] for key in shape.required_members}
    assert set(value) <= set(members), f"{place}: unknown {set(value) - set(members)}"
    assert required <= set(value), f"{place}: missing {required - set(value)}"
    for key, item in value.items():
        _check(members[key], item, f"{place}.{key}")
