"""docs/datasets.md says what the jobs do."""

from __future__ import annotations

import re
from pathlib import Path

import casts
import spark_sql

PAGE = (Path(__file__).parents[2] / "docs/datasets.md").read_text(encoding="utf-8")


def test_functions__on_the_page__are_those_that_expressions_may_use() -> None:
    listed = PAGE.split("<!-- functions: begin -->")[1].split("<!-- functions: end -->")[0]
    assert set(re.findall(r"`(\w+)`", listed)) == set(spark_sql.function_names())


def test_types__on_the_page__accept_what_the_casts_do() -> None:
    rows = dict(re.findall(r"^\| (\w+)[^|]* \| (.+) \|$", PAGE, re.MULTILINE))
    for name, allowed in casts.ALLOWED.items():
        assert rows[name].removesuffix(", or what `format` says") == allowed
