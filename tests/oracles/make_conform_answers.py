"""Write ops/conform/expected.json: python -m tests.oracles.make_conform_answers."""

from __future__ import annotations

import json
import tempfile
from datetime import datetime
from pathlib import Path
from typing import Any

import pandas as pd

from ops.conform import answers
from tests.oracles import retail_files


def text(value: Any) -> str | None:
    """Value as Athena writes it."""
    if pd.isna(value):
        return None
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, float):
        return repr(value)
    if isinstance(value, datetime):
        return value.isoformat(" ", "milliseconds")
    return str(value)


def document() -> str:
    """Return what the file has to be."""
    found = {}
    with tempfile.TemporaryDirectory() as folder:
        for table, (frame, key) in retail_files.tables(Path(folder)).items():
            columns = [str(name) for name in frame.columns]
            rows = [
                [text(value) for value in row] for row in frame.itertuples(index=False, name=None)
            ]
            found[table] = {
                "rows": len(rows),
                "key": key,
                "columns": answers.digests(columns, key, rows),
            }
    return json.dumps(found, indent=1, sort_keys=False) + "\n"


if __name__ == "__main__":
    answers.EXPECTED.write_text(document(), encoding="utf-8")
