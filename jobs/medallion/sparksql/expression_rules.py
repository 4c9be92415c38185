"""What an expression of a contract must not hold, whichever engine runs it."""

from __future__ import annotations

from sqlglot import exp

from medallion.sparksql.dialect import shown

# One row in, one value out.
_NEVER: tuple[tuple[type[exp.Expr], str], ...] = (
    (exp.UDTF, "a function that makes rows"),
    (exp.Query, "a query"),
    (exp.SubqueryPredicate, "a query"),
    (exp.Window, "a window function"),
    (exp.AggFunc, "an aggregate function"),
    (exp.Star, "*"),
    (exp.Alias, "a name for its result"),
)
# Each run would give another value.
_CHANGING = (
    exp.Rand,
    exp.Randn,
    exp.Uuid,
    exp.CurrentDate,
    exp.CurrentTimestamp,
    exp.CurrentTime,
    exp.CurrentDatetime,
    exp.Localtimestamp,
)
_CHANGING_NAMES = frozenset(
    ("now", "curdate", "monotonically_increasing_id", "random", "spark_partition_id", "shuffle")
)


def problem(node: exp.Expr) -> str | None:
    """Say why a node cannot stand in an expression of a contract."""
    for kind, what in _NEVER:
        if isinstance(node, kind):
            return (
                f"'{shown(node)}' is {what}; an expression computes one value from one row's "
                "columns"
            )
    return changing(node)


def changing(node: exp.Expr) -> str | None:
    """Say why a node is refused that gives another value in each run."""
    is_named = isinstance(node, exp.Anonymous) and node.name.lower() in _CHANGING_NAMES
    if not isinstance(node, _CHANGING) and not is_named:
        return None
    return (
        f"'{shown(node)}' changes from run to run; a transformation gives the same rows each time, "
        "so take the value from a column"
    )
