"""The answers that `make conform` expects are those of the oracle."""

from __future__ import annotations

from ops.conform import answers
from tests.oracles import make_conform_answers


def test_expected_answers__are_those_of_the_oracle() -> None:
    # Otherwise: python -m tests.oracles.make_conform_answers
    assert answers.EXPECTED.read_text(encoding="utf-8") == make_conform_answers.document()


def test_digests__tell_which_column_differs__whatever_the_order_of_the_rows() -> None:
    columns = ["id", "x", "y"]
    rows: list[answers.Row] = [["1", "a", None], ["2", "b", "c"]]
    before = answers.digests(columns, ["id"], rows)
    assert answers.digests(columns, ["id"], rows[::-1]) == before
    other = answers.digests(columns, ["id"], [["1", "a", ""], ["2", "b", "c"]])
    assert {name for name in columns if other[name] != before[name]} == {"y"}


def test_doubles__are_one_whatever_athena_writes() -> None:
    assert answers.canonical("double", "1.0E-5") == answers.canonical("double", "0.00001")
    assert answers.canonical("varchar", "1.0E-5") == "1.0E-5"
    assert answers.canonical("double", None) is None
