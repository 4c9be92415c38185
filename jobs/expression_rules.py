"""What an expression of a contract must not hold, whichever engine runs it."""

from __future__ import annotations

from sqlglot import exp

# One row in, one value out.
NEVER: tuple[tuple[type[exp.Expr], str], ...] = (
    (exp.Query, "a query"),
    (exp.SubqueryPredicate, "a query"),
    (exp.Window, "a window function"),
    (exp.AggFunc, "an aggregate function"),
    (exp.Star, "*"),
    (exp.Alias, "a name for its result"),
)
# Each run would give another value.
CHANGING = (
    exp.Rand,
    exp.Randn,
    exp.Uuid,
    exp.CurrentDate,
    exp.CurrentTimestamp,
    exp.CurrentTime,
    exp.CurrentDatetime,
    exp.Localtimestamp,
)
