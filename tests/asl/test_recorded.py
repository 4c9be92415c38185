"""Every expression of every machine, as the reference implementation of JSONata answers it.

The answers are in recorded.json, made by `python -m tests.asl.record` (node and npm jsonata). Its
inputs are in environments.py. Placeholders are filled with fixed texts, and the time stands still.
"""

from __future__ import annotations

import json
from typing import Any

import pytest

from local.states.jsonata import QueryError, evaluate
from tests.asl.environments import ENVIRONMENTS
from tests.asl.machines import MACHINES
from tests.asl.record import RECORDED, expressions_of

ANSWERS: dict[str, dict[str, list[dict[str, Any]]]] = json.loads(RECORDED.read_text("utf-8"))


@pytest.mark.parametrize("machine", MACHINES)
def test_recording__has_every_expression(machine: str) -> None:
    # Record anew after an expression has changed: python -m tests.asl.record
    assert sorted(ANSWERS[machine]) == sorted(expressions_of(machine))


@pytest.mark.parametrize("machine", MACHINES)
def test_every_expression__does_something(machine: str) -> None:
    for expression, answers in ANSWERS[machine].items():
        assert len(answers) == len(ENVIRONMENTS[machine])
        assert any("value" in answer for answer in answers), expression


@pytest.mark.parametrize("machine", MACHINES)
def test_answers__are_those_of_the_reference(machine: str) -> None:
    for expression, answers in ANSWERS[machine].items():
        for number, wanted in enumerate(answers):
            try:
                found = {"value": evaluate(expression, ENVIRONMENTS[machine][number])}
            except QueryError as error:
                found = {"nothing": True} if "returned nothing" in str(error) else {"fails": True}
            assert found == wanted, f"{machine}, environment {number}: {expression}"
