"""Operators, literals and conditions of Spark SQL, written for DuckDB (see spark_sql)."""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import datetime
from typing import TYPE_CHECKING

from sqlglot import exp

import casts
import datatypes
from errors import ConfigError

if TYPE_CHECKING:
    from spark_sql import Translator

Handler = Callable[["Translator", "exp.Expr"], str]

_COMPARISONS: dict[type[exp.Expr], str] = {
    exp.EQ: "=",
    exp.NEQ: "<>",
    exp.LT: "<",
    exp.LTE: "<=",
    exp.GT: ">",
    exp.GTE: ">=",
    exp.NullSafeEQ: "IS NOT DISTINCT FROM",
    exp.NullSafeNEQ: "IS DISTINCT FROM",
}
_CASTS = {
    exp.DType.TEXT: "string",
    exp.DType.BOOLEAN: "boolean",
    exp.DType.INT: "int",
    exp.DType.BIGINT: "bigint",
    exp.DType.DOUBLE: "double",
    exp.DType.DATE: "date",
    exp.DType.TIMESTAMP: "timestamp",
    exp.DType.TIMESTAMPTZ: "timestamp",
    exp.DType.TIMESTAMPNTZ: "timestamp",
}


def _column(t: Translator, node: exp.Expr) -> str:
    if not isinstance(node, exp.Column):
        raise ConfigError(f"'{node.sql('spark')}' is not a column")
    return t.column(node)


def _literal(_: Translator, node: exp.Expr) -> str:
    return casts.literal(node.name) if node.is_string else node.name


def _boolean(_: Translator, node: exp.Expr) -> str:
    return "true" if node.this else "false"


def _paren(t: Translator, node: exp.Expr) -> str:
    return f"({t.sql(node.this)})"


def _logical(operator: str) -> Handler:
    def write(t: Translator, node: exp.Expr) -> str:
        sides = [t.sql(node.this), t.sql(node.expression)]
        for side, part in zip(sides, (node.this, node.expression)):
            _demand_boolean(t, side, part)
        return f"({sides[0]} {operator} {sides[1]})"

    return write


def _not(t: Translator, node: exp.Expr) -> str:
    value = t.sql(node.this)
    _demand_boolean(t, value, node.this)
    return f"(NOT {value})"


def _demand_boolean(t: Translator, sql: str, node: exp.Expr) -> None:
    kind = t.type_of(sql)
    if kind != "BOOLEAN" and not _is_null(node):
        raise ConfigError(f"'{node.sql('spark')}' is {kind}; a condition must be a boolean")


def _negate(t: Translator, node: exp.Expr) -> str:
    return f"(- {t.sql(node.this)})"


def _arithmetic(operator: str) -> Handler:
    def write(t: Translator, node: exp.Expr) -> str:
        left, right = t.sql(node.this), t.sql(node.expression)
        kinds = t.type_of(left), t.type_of(right)
        if "VARCHAR" in kinds:
            raise ConfigError(f"'{node.sql('spark')}' calculates with a string; cast it first")
        if operator == "-" and all(kind == "DATE" or casts.is_timestamp(kind) for kind in kinds):
            raise ConfigError(
                f"'{node.sql('spark')}' is an interval, which no column can hold; use "
                "datediff(end, start) for days or timestampdiff(MINUTE, start, end)"
            )
        calculated = f"({left} {operator} {right})"
        if "DATE" in kinds and _whole_days(node.this if kinds[1] == "DATE" else node.expression):
            return f"CAST({calculated} AS DATE)"
        return calculated

    return write


def _whole_days(node: exp.Expr) -> bool:
    """Whether a node is an interval that leaves a date a date."""
    return isinstance(node, exp.Interval) and not re.match(
        "HOUR|MINUTE|SECOND|MILLI|MICRO", node.text("unit").upper()
    )


def divide(t: Translator, node: exp.Expr) -> str:
    """Write `/`: a double, or a decimal where a decimal is divided; NULL by 0."""
    left, right = t.sql(node.this), t.sql(node.expression)
    quotient = f"({left} / nullif({right}, 0))"
    kinds = t.type_of(left), t.type_of(right)
    if any(map(casts.is_floating, kinds)) or not any(map(casts.is_decimal, kinds)):
        return quotient
    # Spark's type of the quotient; a double holds the digits that anyone reads of it.
    p1, s1 = _digits(node.this, kinds[0])
    p2, s2 = _digits(node.expression, kinds[1])
    scale = max(6, s1 + p2 + 1)
    whole = p1 - s1 + s2
    if whole + scale > datatypes.MAX_PRECISION:
        scale = max(datatypes.MAX_PRECISION - whole, 6)
    precision = min(whole + scale, datatypes.MAX_PRECISION)
    # Through its text a quotient is rounded as a decimal; beyond 18 digits that takes DuckDB
    # microseconds a row, for digits that a double has not.
    source = f"CAST({quotient} AS VARCHAR)" if precision <= 18 else quotient
    return f"TRY_CAST({source} AS DECIMAL({precision}, {scale}))"


def _digits(node: exp.Expr, kind: str) -> tuple[int, int]:
    """Give precision and scale of a number as Spark takes it into a decimal division."""
    found = re.fullmatch(r"DECIMAL\(([0-9]+),([0-9]+)\)", kind)
    if found:
        return int(found[1]), int(found[2])
    if isinstance(node, exp.Literal):
        return len(node.name), 0
    return (20, 0) if kind == "BIGINT" else (10, 0)


def _integer_divide(t: Translator, node: exp.Expr) -> str:
    left, right = t.sql(node.this), t.sql(node.expression)
    if casts.is_integer(t.type_of(left)) and casts.is_integer(t.type_of(right)):
        return f"CAST({left} // nullif({right}, 0) AS BIGINT)"
    return f"CAST(trunc({left} / nullif({right}, 0)) AS BIGINT)"


def modulo(t: Translator, node: exp.Expr) -> str:
    """Write `%`: its sign is that of the dividend, and it is NULL when the divisor is 0."""
    return f"({t.sql(node.this)} % nullif({t.sql(node.expression)}, 0))"


def _comparison(operator: str) -> Handler:
    def write(t: Translator, node: exp.Expr) -> str:
        sides = demand_alike(t, node, [node.this, node.expression])
        return f"({sides[0]} {operator} {sides[1]})"

    return write


def demand_alike(t: Translator, node: exp.Expr, parts: list[exp.Expr]) -> list[str]:
    """Translate values that are compared; texts are not compared with anything else.

    The engines convert them differently. Only a date or a timestamp written as a text is taken:
    that is what people write, and both engines read it alike.
    """
    values = [t.sql(part) for part in parts]
    kinds = [t.type_of(value) for value in values]
    others = sorted(
        {kind for kind, part in zip(kinds, parts) if kind != "VARCHAR" and not _is_null(part)}
    )
    if "VARCHAR" not in kinds or not others:
        return values
    if not all(kind == "DATE" or casts.is_timestamp(kind) for kind in others):
        raise ConfigError(
            f"'{node.sql('spark')}' puts a string beside {' and '.join(others)}; cast one of them"
        )
    for index, (part, kind) in enumerate(zip(parts, kinds)):
        if kind != "VARCHAR":
            continue
        if not part.is_string or not _is_time(part.name):
            raise ConfigError(
                f"'{node.sql('spark')}': {part.sql('spark')} is not a date or timestamp such as "
                "'2013-01-31' or '2013-01-31 17:30:00'"
            )
        values[index] = f"CAST({values[index]} AS TIMESTAMP)"
    return values


def _is_null(node: exp.Expr) -> bool:
    """Whether a node is the word NULL, which is of any type (DuckDB calls it an INTEGER)."""
    return isinstance(node.unnest(), exp.Null)


def _is_time(text: str) -> bool:
    try:
        return datetime.fromisoformat(text).tzinfo is None
    except ValueError:
        return False


def _is(t: Translator, node: exp.Expr) -> str:
    value = t.sql(node.this)
    if isinstance(node.expression, exp.Null):
        return f"({value} IS NULL)"
    _demand_boolean(t, value, node.this)
    return f"({value} IS {t.sql(node.expression)})"


def _between(t: Translator, node: exp.Expr) -> str:
    parts = [node.this, node.args["low"], node.args["high"]]
    value, low, high = demand_alike(t, node, parts)
    return f"({value} BETWEEN {low} AND {high})"


def _in(t: Translator, node: exp.Expr) -> str:
    if node.args.get("query") or not node.expressions:
        raise ConfigError(f"'{node.sql('spark')}': IN needs a list of values, not a query")
    value, *listed = demand_alike(t, node, [node.this, *node.expressions])
    return f"({value} IN ({', '.join(listed)}))"


def _like(operator: str) -> Handler:
    def write(t: Translator, node: exp.Expr) -> str:
        negated = "NOT " if node.args.get("negate") else ""
        # Backslash is the escape character unless another one is named.
        return f"({t.sql(node.this)} {negated}{operator} {t.sql(node.expression)} ESCAPE '\\')"

    return write


def _rlike(t: Translator, node: exp.Expr) -> str:
    matched = f"regexp_matches({t.sql(node.this)}, {t.sql(node.expression)})"
    return f"(NOT {matched})" if node.args.get("negate") else matched


def _case(t: Translator, node: exp.Expr) -> str:
    branches = node.args["ifs"]
    subject = node.args.get("this")
    default = node.args.get("default") or exp.Null()
    conditions = []
    for branch in branches:
        if subject is None:
            condition = t.sql(branch.this)
            _demand_boolean(t, condition, branch.this)
        else:
            condition = " = ".join(demand_alike(t, node, [subject, branch.this]))
        conditions.append(condition)
    *values, otherwise = same_kind(t, node, [*(b.args["true"] for b in branches), default])
    whens = " ".join(f"WHEN {when} THEN {then}" for when, then in zip(conditions, values))
    return f"(CASE {whens} ELSE {otherwise} END)"


def _if(t: Translator, node: exp.Expr) -> str:
    condition = t.sql(node.this)
    _demand_boolean(t, condition, node.this)
    parts = [node.args["true"], node.args.get("false") or exp.Null()]
    then, otherwise = same_kind(t, node, parts)
    return f"(CASE WHEN {condition} THEN {then} ELSE {otherwise} END)"


def same_kind(t: Translator, node: exp.Expr, parts: list[exp.Expr]) -> list[str]:
    """Translate values of which one is chosen; a choice between texts and others is refused."""
    values = [t.sql(part) for part in parts]
    kinds = {t.type_of(value) for value, part in zip(values, parts) if not _is_null(part)}
    if "VARCHAR" in kinds and len(kinds) > 1:
        raise ConfigError(
            f"'{node.sql('spark')}' gives a string or {' or '.join(sorted(kinds - {'VARCHAR'}))}; "
            "cast them to one type"
        )
    return values


def _cast(t: Translator, node: exp.Expr) -> str:
    wanted = node.args["to"]
    if wanted.this == exp.DType.DECIMAL:
        numbers = [int(parameter.name) for parameter in wanted.expressions] or [10, 0]
        name = f"decimal({numbers[0]},{numbers[1] if len(numbers) > 1 else 0})"
    else:
        name = _CASTS.get(wanted.this, "")
    try:
        target = datatypes.parse(name)
    except ValueError as error:
        raise ConfigError(
            f"'{node.sql('spark')}': cast to one of {datatypes.NAMES}, not {wanted.sql('spark')}"
        ) from error
    return t.cast(t.sql(node.this), target, node)


HANDLERS: dict[type[exp.Expr], Handler] = {
    exp.Column: _column,
    exp.Literal: _literal,
    exp.Boolean: _boolean,
    exp.Null: lambda *_: "NULL",
    exp.Paren: _paren,
    exp.And: _logical("AND"),
    exp.Or: _logical("OR"),
    exp.Not: _not,
    exp.Neg: _negate,
    exp.Add: _arithmetic("+"),
    exp.Sub: _arithmetic("-"),
    exp.Mul: _arithmetic("*"),
    exp.Div: divide,
    exp.IntDiv: _integer_divide,
    exp.Mod: modulo,
    **{kind: _comparison(operator) for kind, operator in _COMPARISONS.items()},
    exp.Is: _is,
    exp.Between: _between,
    exp.In: _in,
    exp.Like: _like("LIKE"),
    exp.ILike: _like("ILIKE"),
    exp.RegexpLike: _rlike,
    exp.Case: _case,
    exp.If: _if,
    exp.Cast: _cast,
    exp.TryCast: _cast,
}
