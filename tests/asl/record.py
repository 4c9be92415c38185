"""Record what the reference implementation of JSONata answers: python -m tests.asl.record."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

from tests.asl import node
from tests.asl.environments import ENVIRONMENTS
from tests.asl.machines import MACHINES, expressions, source

RECORDED = Path(__file__).with_name("recorded.json")
# Placeholders that stand for no text; the others stand for their own names.
_VALUES = {
    "job_timeout_seconds": "4200",
    "success_mails": "true",
    "turn_seconds": "30",
    "window_seconds": "60",
}


def expressions_of(machine: str) -> list[str]:
    """Return the expressions of a machine, placeholders filled, each once."""
    text = re.sub(r"\$\{(\w+)\}", lambda found: _VALUES.get(found[1], found[1]), source(machine))
    found = (one.replace("$millis()", "1767225600000") for one in expressions(json.loads(text)))
    return list(dict.fromkeys(found))


def main() -> None:
    """Write recorded.json."""
    given = {"expressions": {m: expressions_of(m) for m in MACHINES}, "environments": ENVIRONMENTS}
    answers = node.run("record.mjs", given=given)
    # A line an expression, so that a change shows which one.
    machines = [
        json.dumps(machine) + ": {\n" + ",\n".join(map(_line, sorted(found.items()))) + "\n}"
        for machine, found in answers.items()
    ]
    RECORDED.write_text("{" + ",\n".join(machines) + "}\n", encoding="utf-8")


def _line(item: tuple[str, Any]) -> str:
    return f"{json.dumps(item[0])}: {json.dumps(item[1], ensure_ascii=False, sort_keys=True)}"


if __name__ == "__main__":
    main()
