"""Exact numbers: precision and scale as Trino gives them to literals and operators."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from sqlglot import exp

_T = exp.DataType.Type
_DOUBLE = {_T.DOUBLE, _T.FLOAT}
_AS_THEIR_OPERAND = (exp.Abs, exp.Max, exp.Min, exp.Neg, exp.Paren, exp.Round, exp.Window)
_AS_THEIR_BRANCHES = (exp.Case, exp.Coalesce, exp.Greatest, exp.If, exp.Least)

Sizes = tuple[int, int]


def kind(node: exp.Expr | None) -> Any:
    """Return the type of a node as sqlglot's enum; UNKNOWN where it could not be told."""
    found = node.type if node is not None else None
    return found.this if isinstance(found, exp.DataType) else _T.UNKNOWN


def is_integer(node: exp.Expr | None) -> bool:
    """Return whether a node is of an integer type."""
    return kind(node) in exp.DataType.INTEGER_TYPES


def is_double(node: exp.Expr) -> bool:
    """Return whether a node is a double; sqlglot takes exact literals such as 1.5 for doubles."""
    return kind(node) in _DOUBLE and decimal_of(node) is None


def decimal_of(node: exp.Expr) -> Sizes | None:  # noqa: PLR0911 one return a form
    """Return precision and scale of an exact number as Trino types it; None if it is none."""
    if isinstance(node, _AS_THEIR_OPERAND):
        return decimal_of(node.this)
    if isinstance(node, exp.Literal) and not node.is_string and "." in node.name:
        whole, _, part = node.name.partition(".")
        is_exact = part.isdigit() or not part
        return (max(1, len(whole.lstrip("0")) + len(part)), len(part)) if is_exact else None
    if isinstance(node, _AS_THEIR_BRANCHES):
        return _common(decimal_of(branch) for branch in _branches(node))
    if isinstance(node, exp.Sum) and not is_integer(node.this):
        inner = decimal_of(node.this)
        return (38, inner[1]) if inner else None
    if isinstance(node, exp.Add | exp.Sub | exp.Mul):
        left, right = decimal_of(node.this), decimal_of(node.expression)
        if not (left and right) or is_integer(node):
            return _of_type(node)
        if isinstance(node, exp.Mul):
            return min(38, left[0] + right[0]), left[1] + right[1]
        sizes = _common([left, right])
        return (min(38, sizes[0] + 1), sizes[1]) if sizes else None
    return _of_type(node)


def quotient(left: Sizes, right: Sizes) -> Sizes:
    """Return precision and scale of a division."""
    precision = left[0] + right[1] + max(right[1] - left[1], 0)
    return min(38, precision), max(left[1], right[1])


def _of_type(node: exp.Expr) -> Sizes | None:
    if is_integer(node):
        return (19 if kind(node) == _T.BIGINT else 10), 0
    if kind(node) == _T.DECIMAL and node.type is not None:
        sizes = [int(parameter.name) for parameter in node.type.expressions]
        return (sizes[0], sizes[1] if len(sizes) > 1 else 0) if sizes else None
    return None


def _branches(node: exp.Expr) -> list[exp.Expr]:
    if isinstance(node, exp.Case):
        found = [branch.args.get("true") for branch in node.args["ifs"]]
        found.append(node.args.get("default"))
    elif isinstance(node, exp.If):
        found = [node.args.get("true"), node.args.get("false")]
    else:
        found = [node.this, *node.expressions]
    return [branch for branch in found if branch is not None and not isinstance(branch, exp.Null)]


def _common(sizes: Iterable[Sizes | None]) -> Sizes | None:
    """Return the smallest decimal that holds all."""
    whole, scale = 0, 0
    for one in sizes:
        if one is None:
            return None
        whole, scale = max(whole, one[0] - one[1]), max(scale, one[1])
    return (min(38, whole + scale), scale) if whole + scale else None
