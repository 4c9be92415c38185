"""Rewrites of a typed Trino tree where DuckDB, given the same words, answers differently."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from sqlglot import exp

from local.athena.errors import QueryFailedError, not_emulated
from local.athena.functions import strftime_of_joda
from local.athena.numbers import decimal_of, is_double, is_integer, kind, quotient

_T = exp.DataType.Type
_TIMESTAMPS = {_T.TIMESTAMP, _T.TIMESTAMPNTZ, _T.DATETIME}
_DAYS = {"DAY", "WEEK", "MONTH", "QUARTER", "YEAR"}


def rewrite(tree: exp.Query) -> exp.Query:
    """Rewrite a qualified, annotated query in place so that DuckDB gives Trino's answers.

    Raises
    ------
    QueryFailedError
        For operands whose types Trino refuses, and for what cannot be given its meaning.
    """
    for node in reversed(list(tree.walk(bfs=True))):  # operands before what they stand in
        handler = _HANDLERS.get(type(node))
        if handler is not None:
            handler(node)
    return tree


def _call(name: str, *operands: exp.Expr) -> exp.Expr:
    return exp.Anonymous(this=name, expressions=[operand.copy() for operand in operands])


def _swap(node: exp.Expr, new: exp.Expr) -> None:
    """Put ``new`` in the place of ``node``, with its type, for what is rewritten around it."""
    new.type = node.type
    node.replace(new)


def _whole_aggregate(node: exp.Expr) -> exp.Expr:
    """Return an aggregate with its FILTER and OVER: a cast goes around them."""
    while isinstance(node.parent, exp.Window | exp.Filter) and node.arg_key == "this":
        node = node.parent
    return node


def _wrap(node: exp.Expr, to: str) -> None:
    """Cast a node."""
    target = _whole_aggregate(node)
    _swap(target, exp.cast(target.copy(), to, dialect="duckdb"))


def _divide(node: exp.Div) -> None:
    left, right = node.this, node.expression
    node.set("typed", False)  # sqlglot would cast by its own, coarser types
    if is_integer(left) and is_integer(right):
        _swap(node, _call("trino_int_div", left, right))
        return
    sizes = decimal_of(left), decimal_of(right)
    if sizes[0] and sizes[1]:
        precision, scale = quotient(sizes[0], sizes[1])
        divided = exp.Div(
            this=exp.cast(left.copy(), "double", dialect="duckdb"),
            expression=_call("trino_divisor", right),
        )
        _exact(node, divided, precision, scale)
    elif not (is_double(left) or is_double(right)):
        raise not_emulated(
            f"dividing {left.sql('trino')} by {right.sql('trino')}, of types not known here,",
            "CAST both sides",
        )


def _exact(node: exp.Expr, value: exp.Expr, precision: int, scale: int) -> None:
    """Put a rounded decimal in the place of a node."""
    decimal = exp.DataType.build(f"decimal({precision},{scale})", dialect="duckdb")
    new = exp.cast(exp.Round(this=value, decimals=exp.Literal.number(scale)), decimal)
    new.type = decimal
    node.replace(new)


def _modulo(node: exp.Mod) -> None:
    if is_integer(node.this) and is_integer(node.expression):
        _swap(node, _call("trino_int_mod", node.this.unnest(), node.expression.unnest()))


def _average(node: exp.Avg) -> None:
    if not is_integer(node.this) and (sizes := decimal_of(node.this)):
        target = _whole_aggregate(node)
        _exact(target, target.copy(), *sizes)


def _sum(node: exp.Sum) -> None:
    argument = node.this.this if isinstance(node.this, exp.Distinct) else node.this
    if is_integer(argument):
        _wrap(node, "bigint")


def _date_diff(node: exp.DateDiff) -> None:
    unit = exp.Literal.string(node.text("unit").lower())
    _swap(node, _call("date_sub", unit, node.expression, node.this))


def _date_trunc(node: exp.TimestampTrunc | exp.DateTrunc) -> None:
    if kind(node.this) in _TIMESTAMPS:
        _wrap(node, "timestamp")


def _date_add(node: exp.DateAdd) -> None:
    unit = node.text("unit").upper()
    if kind(node.this) == _T.DATE:
        if unit not in _DAYS:
            raise QueryFailedError(
                "INVALID_FUNCTION_ARGUMENT", f"'{unit.lower()}' is not a valid DATE field"
            )
        _wrap(node, "date")


def _interval_arithmetic(node: exp.Add | exp.Sub) -> None:
    left, right = node.this, node.expression
    if isinstance(right, exp.Interval) and kind(left) == _T.DATE:
        if right.text("unit").upper() not in _DAYS:
            raise QueryFailedError("TYPE_MISMATCH", "Cannot add hour, minutes or seconds to a date")
        _wrap(node, "date")
    elif isinstance(node, exp.Sub) and {kind(left), kind(right)} <= {_T.DATE, *_TIMESTAMPS}:
        raise not_emulated("subtracting dates to an interval", "use date_diff(unit, from, to)")


def _cast(node: exp.Cast | exp.TryCast) -> None:
    source, target = node.this, node.to
    safe = isinstance(node, exp.TryCast)
    if target.this in exp.DataType.INTEGER_TYPES:
        if kind(source) in exp.DataType.TEXT_TYPES:
            name = target.sql("trino").lower()
            checked = (
                _call("trino_try_text_to_int", source)
                if safe
                else _call("trino_text_to_int", source, exp.Literal.string(name))
            )
            node.set("this", checked)
        elif is_double(source):
            node.set("this", exp.Round(this=source.copy(), decimals=exp.Literal.number(0)))
    elif target.this in exp.DataType.TEXT_TYPES:
        if is_double(source):
            raise not_emulated(
                "CAST of a double to varchar (Athena writes 1.5E0)",
                "cast to a decimal first, for example CAST(CAST(x AS decimal(18, 4)) AS varchar)",
            )
        if kind(source) in _TIMESTAMPS:
            node.set("this", _call("trino_timestamp_text", source))
        if target.expressions:
            size = target.expressions[0].copy()
            whole = exp.cast(node.this.copy(), "text", dialect="duckdb")
            _swap(node, _call("left", whole, exp.Literal.number(size.name)))
    elif target.this in _TIMESTAMPS and target.expressions:
        node.set("to", exp.DataType(this=_T.TIMESTAMP))  # DuckDB's (0), (3) are other types


def _approx_percentile(node: exp.ApproxQuantile) -> None:
    _swap(node, _call("approx_quantile", node.this, node.args["quantile"]))


def _extract(node: exp.Extract) -> None:
    if node.this.name.upper() in ("DOW", "DAY_OF_WEEK", "DAYOFWEEK"):
        node.set("this", exp.Var(this="ISODOW"))


def _split_part(node: exp.SplitPart) -> None:
    parts = exp.Split(this=node.this.copy(), expression=node.args["delimiter"].copy())
    _swap(node, exp.Bracket(this=parts, expressions=[node.args["part_index"].copy()], offset=1))


def _regexp_extract(node: exp.RegexpExtract) -> None:
    group = node.args.get("group") or exp.Literal.number(0)
    _swap(node, _call("trino_regexp_extract", node.this, node.expression, group))


def _regexp_replace(node: exp.RegexpReplace) -> None:
    new = node.args.get("replacement")
    if isinstance(new, exp.Literal):
        text = "".join(rf"\{c}" if p == "$" and c.isdigit() else c for p, c in _pairs(new.name))
        node.set("replacement", exp.Literal.string(text))


def _pairs(text: str) -> list[tuple[str, str]]:
    """Return each character with the one before it, less each ``$`` that a digit follows."""
    return [
        (before, character)
        for before, character, after in zip(" " + text, text, text[1:] + " ", strict=False)
        if not (character == "$" and after.isdigit())
    ]


def _json_scalar(node: exp.JSONExtractScalar) -> None:
    path = exp.Literal.string(node.expression.sql("duckdb").strip("'"))
    _swap(node, _call("trino_json_scalar", node.this, path))


def _parse_datetime(node: exp.ParseDatetime) -> None:
    pattern = node.args.get("format")
    if not isinstance(pattern, exp.Literal):
        raise not_emulated("parse_datetime with a pattern that is no literal", "write the pattern")
    parsed = _call("strptime", node.this, exp.Literal.string(strftime_of_joda(pattern.name)))
    _swap(node, exp.cast(parsed, "timestamptz", dialect="duckdb"))


def _subscript(node: exp.Bracket) -> None:
    """Write a[i], m[k] and r[n], which fail out of range, and element_at, which does not."""
    base, index = node.this, node.expressions[0]
    if kind(base) == _T.STRUCT:
        _swap(node, _call("struct_extract", base, exp.Literal.string(_field(base, index))))
    elif kind(base) == _T.MAP:
        if not node.args.get("safe"):
            _swap(node, _call("trino_key", base, index))
    else:
        name = "trino_element_at" if node.args.get("safe") else "trino_subscript"
        _swap(node, _call(name, base, index))


def _field(row: exp.Expr, index: exp.Expr) -> str:
    """Return the name of a row's field by its place, which is a number in the text."""
    fields = row.type.expressions if row.type else []
    if not index.is_int:
        raise QueryFailedError(
            "EXPRESSION_NOT_CONSTANT", "Subscript expression on ROW requires a constant index"
        )
    place = int(index.sql())
    if not 1 <= place <= len(fields):
        raise QueryFailedError(
            "INVALID_FUNCTION_ARGUMENT",
            f"Invalid subscript index: {place}. ROW indices start at 1"
            if place < 1
            else f"Subscript index out of bounds: {place}, max value is {len(fields)}",
        )
    return str(fields[place - 1].name)


def _unnest(node: exp.Unnest) -> None:
    for operand in node.expressions:
        element = operand.type.expressions[:1] if operand.type else []
        if kind(operand) == _T.MAP or (element and element[0].this == _T.STRUCT):
            raise not_emulated("UNNEST of a map or of rows", "unnest an array of plain values")
    if len(node.expressions) > 1:
        raise not_emulated("UNNEST of several arrays", "unnest one array")


def _anonymous(node: exp.Anonymous) -> None:
    name, operands = node.name.lower(), node.expressions
    if name == "format_datetime":
        if not isinstance(operands[1], exp.Literal):
            raise not_emulated("format_datetime with a pattern that is no literal", "write it out")
        pattern = exp.Literal.string(strftime_of_joda(operands[1].name))
        _swap(node, _call("strftime", operands[0], pattern))
    elif name == "every":
        _swap(node, _call("bool_and", *operands))
    elif name in ("any_match", "all_match", "none_match"):
        found = _call("list_transform", *operands)
        if name == "all_match":
            _swap(node, _call("trino_all", found))
        elif name == "any_match":
            _swap(node, _call("trino_any", found))
        else:
            _swap(node, exp.Paren(this=exp.Not(this=_call("trino_any", found))))


_HANDLERS: dict[type[exp.Expr], Callable[[Any], None]] = {
    exp.Add: _interval_arithmetic,
    exp.Anonymous: _anonymous,
    exp.ApproxQuantile: _approx_percentile,
    exp.Avg: _average,
    exp.Bracket: _subscript,
    exp.Cast: _cast,
    exp.DateAdd: _date_add,
    exp.DateDiff: _date_diff,
    exp.DateTrunc: _date_trunc,
    exp.Div: _divide,
    exp.Extract: _extract,
    exp.JSONExtractScalar: _json_scalar,
    exp.Mod: _modulo,
    exp.ParseDatetime: _parse_datetime,
    exp.RegexpExtract: _regexp_extract,
    exp.RegexpReplace: _regexp_replace,
    exp.SplitPart: _split_part,
    exp.Sub: _interval_arithmetic,
    exp.Sum: _sum,
    exp.TimestampTrunc: _date_trunc,
    exp.TryCast: _cast,
    exp.Unnest: _unnest,
}
