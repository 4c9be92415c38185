"""What Trino's analyser refuses and DuckDB, which casts by itself, would run."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from sqlglot import exp

from local.athena.errors import QueryFailedError
from local.athena.numbers import kind

_T = exp.DataType.Type
_FAMILIES: tuple[tuple[str, set[Any]], ...] = (
    ("text", set(exp.DataType.TEXT_TYPES)),
    ("number", set(exp.DataType.NUMERIC_TYPES)),
    ("boolean", {_T.BOOLEAN}),
    ("time", {_T.DATE, _T.TIMESTAMP, _T.TIMESTAMPNTZ, _T.TIMESTAMPTZ, _T.DATETIME}),
)
_SIGNS: dict[type[exp.Expr], str] = {
    exp.Add: "+",
    exp.Div: "/",
    exp.EQ: "=",
    exp.GT: ">",
    exp.GTE: ">=",
    exp.LT: "<",
    exp.LTE: "<=",
    exp.Mod: "%",
    exp.Mul: "*",
    exp.NEQ: "<>",
    exp.Sub: "-",
}


def check_types(tree: exp.Query) -> None:
    """Refuse operands of types that Trino does not mix.

    Raises
    ------
    QueryFailedError
        ``TYPE_MISMATCH``, in Trino's words.
    """
    for node in tree.walk():
        if check := _CHECKS.get(type(node)):
            check(node)


def _family(node: exp.Expr | None) -> str | None:
    return _family_of(kind(node))


def _family_of(found: object) -> str | None:
    return next((name for name, kinds in _FAMILIES if found in kinds), None)


def _name(node: exp.Expr | None) -> str:
    found = node.type if node is not None else None
    text = found.sql("trino").lower() if isinstance(found, exp.DataType) else "unknown"
    return "integer" if text == "int" else text


def _at(node: exp.Expr) -> str:
    for identifier in node.find_all(exp.Identifier):
        if "line" in identifier.meta:
            column = identifier.meta["col"] - len(identifier.name) + 1
            return f"line {identifier.meta['line']}:{column}: "
    return ""


def _check_pair(node: exp.Expr, left: exp.Expr, right: exp.Expr, sign: str) -> None:
    families = _family(left), _family(right)
    if all(families) and families[0] != families[1]:
        raise QueryFailedError(
            "TYPE_MISMATCH",
            f"{_at(node)}Cannot apply operator: {_name(left)} {sign} {_name(right)}",
        )


def _check_operands(node: exp.Expr) -> None:
    left, right = node.args["this"], node.args["expression"]
    if isinstance(left, exp.Interval) or isinstance(right, exp.Interval):
        return
    _check_pair(node, left, right, _SIGNS[type(node)])
    if isinstance(node, exp.Add | exp.Sub | exp.Mul | exp.Div | exp.Mod):
        for side in (left, right):
            if _family(side) in ("text", "boolean"):
                raise QueryFailedError(
                    "TYPE_MISMATCH",
                    f"{_at(node)}Cannot apply operator: {_name(left)} {_SIGNS[type(node)]} "
                    f"{_name(right)}",
                )


def _check_concatenation(node: exp.Expr) -> None:
    operands = node.expressions or [node.args["this"], node.args["expression"]]
    for operand in operands:
        if _family(operand) in ("number", "boolean", "time"):
            raise QueryFailedError(
                "TYPE_MISMATCH",
                f"{_at(node)}Cannot concatenate {_name(operand)}: CAST it to varchar",
            )


def _check_element(node: exp.ArrayContains) -> None:
    array, value = node.this, node.expression
    elements = array.type.expressions if kind(array) == _T.ARRAY else []
    families = _family_of(elements[0].this) if elements else None, _family(value)
    if all(families) and families[0] != families[1]:
        raise QueryFailedError(
            "FUNCTION_NOT_FOUND",
            f"{_at(node)}Unexpected parameters ({_name(array)}, {_name(value)}) for function "
            "contains. Expected: contains(array(T), T)",
        )


def _check_between(node: exp.Between) -> None:
    for bound in ("low", "high"):
        _check_pair(node, node.this, node.args[bound], "BETWEEN")


def _check_choices(sign: str) -> Callable[[exp.Expr], None]:
    def check(node: exp.Expr) -> None:
        for choice in node.expressions:
            _check_pair(node, node.this, choice, sign)

    return check


_CHECKS: dict[type[exp.Expr], Callable[[Any], None]] = {
    **dict.fromkeys(_SIGNS, _check_operands),
    exp.ArrayContains: _check_element,
    exp.Between: _check_between,
    exp.Coalesce: _check_choices("COALESCE"),
    exp.Concat: _check_concatenation,
    exp.DPipe: _check_concatenation,
    exp.In: _check_choices("IN"),
}
