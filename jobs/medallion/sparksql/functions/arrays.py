"""Arrays and structs of Spark SQL, written for DuckDB.

An array keeps its order and its nulls, which many of DuckDB's functions pass over.
"""

from __future__ import annotations

from collections.abc import Sequence

from sqlglot import exp

from medallion import duckdb_sql
from medallion.errors import ConfigError
from medallion.sparksql import operators, sqltypes
from medallion.sparksql.dialect import function_name, shown, spelling
from medallion.sparksql.functions import scalars
from medallion.sparksql.operators import same_kind
from medallion.sparksql.sqltypes import Piece
from medallion.sparksql.translator import Handler, Translator


def demand_array(t: Translator, node: exp.Expr, part: exp.Expr) -> Piece:
    """Translate what has to be an array."""
    piece = t.sql(part)
    if not duckdb_sql.is_array(piece.kind):
        raise ConfigError(f"'{shown(node)}': {shown(part)} is {piece.kind}, not an array")
    return piece


def _element_kind(piece: Piece) -> str:
    return duckdb_sql.element(piece.kind)


def _value(t: Translator, node: exp.Expr, array: Piece, part: exp.Expr) -> Piece:
    """Translate a value that is looked for in an array, to the type of its elements."""
    value, kind = t.sql(part), _element_kind(array)
    if value.kind == sqltypes.NULL or sqltypes.wider([value.kind, kind]) != kind:
        raise ConfigError(
            f"'{shown(node)}': {shown(part)} is {value.kind}, the elements are {kind}; cast one"
        )
    return sqltypes.as_kind(value, kind)


# Made of values


def _array(t: Translator, node: exp.Expr) -> Piece:
    values = same_kind(t, node, list(node.expressions)) if node.expressions else []
    if not values or values[0].kind == sqltypes.NULL:
        raise ConfigError(f"'{shown(node)}' has elements of no type: write CAST(NULL AS type)")
    return Piece(f"[{', '.join(map(str, values))}]", f"{values[0].kind}[]")


def _struct(t: Translator, node: exp.Expr) -> Piece:
    fields = []
    for number, part in enumerate(node.expressions, 1):
        is_named = isinstance(part, exp.PropertyEQ)
        value = t.sql(part.expression if is_named else part)
        if value.kind == sqltypes.NULL or not sqltypes.is_column(value.kind):
            raise ConfigError(f"'{shown(node)}': a field is {value.kind}; cast it")
        name = (spelling(part.this) or part.name) if is_named else f"col{number}"
        fields.append((name, value))
    if not fields or len({name.lower() for name, _ in fields}) < len(fields):
        raise ConfigError(f"'{shown(node)}' needs fields whose names differ; name them with AS")
    packed = ", ".join(f"{duckdb_sql.quoted(name)} := {value}" for name, value in fields)
    kind = duckdb_sql.struct((name, value.kind) for name, value in fields)
    return Piece(f"struct_pack({packed})", kind)


def field(node: exp.Expr, value: Piece, name: str) -> Piece:
    """Write a field of a struct, or of all structs of an array; Spark does not tell cases apart."""
    is_array = duckdb_sql.is_array(value.kind)
    kind = _element_kind(value) if is_array else value.kind
    if not duckdb_sql.is_struct(kind):
        raise ConfigError(f"'{shown(node)}': {value.kind} has no fields, so not '{name}' either")
    found = [one for one in duckdb_sql.fields(kind) if one[0].lower() == name.lower()]
    if len(found) != 1:
        known = ", ".join(one for one, _ in duckdb_sql.fields(kind))
        raise ConfigError(f"'{shown(node)}': no field '{name}'; there are: {known}")
    own, found_kind = found[0]
    if is_array:
        each = f"struct_extract(_e, {duckdb_sql.literal(own)})"
        return Piece(f"list_transform({value}, lambda _e: {each})", f"{found_kind}[]")
    return Piece(f"struct_extract({value}, {duckdb_sql.literal(own)})", found_kind)


def _dot(t: Translator, node: exp.Expr) -> Piece:
    return field(node, t.sql(node.this), node.expression.name)


def _split(t: Translator, node: exp.Expr) -> Piece:
    """Write split; a pattern that matches nothing cuts between any two characters."""
    pattern = node.expression
    limit = node.args.get("limit")
    if not pattern.is_string or (limit is not None and limit.sql() != "-1"):
        raise ConfigError(f"'{shown(node)}': write split(text, 'pattern')")
    return Piece(f"str_split_regex({t.text(t.sql(node.this))}, {t.sql(pattern)})", "VARCHAR[]")


# Looked at


def _bracket(t: Translator, node: exp.Expr) -> Piece:
    """Write array[n], which counts from 0, and element_at(array, n), which counts from 1."""
    if isinstance(node.this, exp.RegexpSplit) and node.args.get("offset") != 1:
        return scalars.HANDLERS[exp.Bracket](t, node)
    array, index = demand_array(t, node, node.this), t.sql(node.expressions[0])
    if not duckdb_sql.is_integer(index.kind):
        raise ConfigError(f"'{shown(node)}': the index is {index.kind}, not a whole number")
    if node.args.get("offset") == 1:
        # Spark fails, too.
        none = "error('element_at counts from 1: the index is 0')"
        place = f"CASE WHEN {index} = 0 THEN {none} ELSE {index} END"
    else:
        place = f"CASE WHEN {index} >= 0 THEN CAST({index} AS BIGINT) + 1 END"
    return Piece(f"list_extract({array}, {place})", _element_kind(array))


def _size(t: Translator, node: exp.Expr) -> Piece:
    is_named = isinstance(node, exp.Anonymous)
    array = demand_array(t, node, node.expressions[0] if is_named else node.this)
    count = f"len({array})"
    # size of NULL is -1 in Spark, array_size of it NULL.
    if not _is_called(node, "array_size"):
        count = f"coalesce({count}, -1)"
    return sqltypes.cast(count, "INTEGER")


def _is_called(node: exp.Expr, name: str) -> bool:
    return function_name(node) == name


def _join(t: Translator, node: exp.Expr) -> Piece:
    array, separator = demand_array(t, node, node.this), t.text(t.sql(node.expression))
    if _element_kind(array) not in ("VARCHAR", "INTEGER", "BIGINT", "BOOLEAN", "DATE"):
        raise ConfigError(
            f"'{shown(node)}' joins elements of {_element_kind(array)}; cast them to string"
        )
    texts = sqltypes.as_kind(array, "VARCHAR[]")
    if node.args.get("null") is not None:
        other = t.text(t.sql(node.args["null"]))
        joined = f"list_transform({texts}, lambda _e: coalesce(_e, {other}))"
        joined = f"CASE WHEN {other} IS NOT NULL THEN {joined} END"
    else:
        joined = str(texts)
    text = f"array_to_string({joined}, {separator})"
    if not node.expression.is_string:
        # DuckDB wants a constant there.
        some = f"list_filter({joined}, lambda _e: _e IS NOT NULL)"
        together = f"list_reduce({some}, lambda _e, _f: _e || {separator} || _f)"
        text = f"CASE WHEN list_count({joined}) > 0 THEN {together} END"
    # DuckDB gives NULL for the empty array.
    text = f"coalesce({text}, '')"
    known = " AND ".join(f"{part} IS NOT NULL" for part in (joined, separator))
    return Piece(f"(CASE WHEN {known} THEN {text} END)", "VARCHAR")


def _contains(t: Translator, node: exp.Expr) -> Piece:
    array = demand_array(t, node, node.this)
    value = _value(t, node, array, node.expression)
    # With a null among its elements an array may contain anything.
    unknown = f"{value} IS NULL OR (NOT list_contains({array}, {value}) AND {_has_null(array)})"
    return Piece(f"(CASE WHEN NOT ({unknown}) THEN list_contains({array}, {value}) END)", "BOOLEAN")


def _has_null(array: Piece) -> str:
    return f"list_count({array}) < len({array})"


def _position(t: Translator, node: exp.Expr) -> Piece:
    array = demand_array(t, node, node.this)
    value = _value(t, node, array, node.expression)
    place = f"coalesce(list_position({array}, {value}), 0)"
    known = f"{array} IS NOT NULL AND {value} IS NOT NULL"
    return sqltypes.cast(f"(CASE WHEN {known} THEN {place} END)", "BIGINT")


def _extreme(place: str, asc: str) -> Handler:
    def write(t: Translator, node: exp.Expr) -> Piece:
        array = demand_array(t, node, node.this)
        return Piece(f"({_sorted(array, asc, 'LAST')}[{place}])", _element_kind(array))

    return write


# Changed


def _sorted(array: Piece, direction: str, nulls: str) -> str:
    kind = _element_kind(array)
    if not duckdb_sql.is_nested(kind):
        return f"list_sort({array}, '{direction}', 'NULLS {nulls}')"
    # By a key, with the element beside it.
    key = duckdb_sql.order_key("_s", kind)
    pairs = f"list_transform({array}, lambda _s: {{'k': {key}, 'e': _s}})"
    nones = f"list_filter({array}, lambda _s: _s IS NULL)"
    some = f"list_filter({pairs}, lambda _p: _p.e IS NOT NULL)"
    ordered = f"list_transform(list_sort({some}, '{direction}'), lambda _p: _p.e)"
    first, last = (nones, ordered) if nulls == "FIRST" else (ordered, nones)
    return f"list_concat({first}, {last})"


def _sort(t: Translator, node: exp.Expr) -> Piece:
    """Write sort_array, whose nulls come first when it rises, and array_sort, where they do not."""
    array = demand_array(t, node, node.this)
    rises = node.args.get("asc")
    if _is_called(node, "array_sort"):
        if node.expression is not None:
            raise ConfigError(f"'{shown(node)}': a comparison of one's own is not supported")
        return Piece(_sorted(array, "ASC", "LAST"), array.kind)
    if rises is not None and not isinstance(rises, exp.Boolean):
        raise ConfigError(f"'{shown(node)}': the second argument is true or false")
    is_down = rises is not None and not rises.this
    return Piece(_sorted(array, *(("DESC", "LAST") if is_down else ("ASC", "FIRST"))), array.kind)


def _distinct(array: str | Piece) -> str:
    is_first = f"list_position({array}, _e) = _i"
    return f"list_filter({array}, lambda _e, _i: {is_first})"


def _array_distinct(t: Translator, node: exp.Expr) -> Piece:
    array = demand_array(t, node, node.this)
    return Piece(_distinct(array), array.kind)


def _two(t: Translator, node: exp.Expr, parts: Sequence[exp.Expr]) -> list[Piece]:
    if len(parts) != 2:
        raise ConfigError(f"'{shown(node)}' takes two arrays")
    for part in parts:
        demand_array(t, node, part)
    return same_kind(t, node, list(parts))


def _union(t: Translator, node: exp.Expr) -> Piece:
    left, right = _two(t, node, node.expressions)
    both = f"(CASE WHEN {left} IS NOT NULL AND {right} IS NOT NULL THEN {left} || {right} END)"
    return Piece(_distinct(both), left.kind)


def _also_in(template: str) -> Handler:
    def write(t: Translator, node: exp.Expr) -> Piece:
        left, right = _two(t, node, node.expressions or [node.this, node.expression])
        is_there = f"list_position({right}, _e) IS NOT NULL"
        kept = f"list_filter({_distinct(left)}, lambda _e: {template.format(is_there)})"
        return Piece(f"(CASE WHEN {right} IS NOT NULL THEN {kept} END)", left.kind)

    return write


def _remove(t: Translator, node: exp.Expr) -> Piece:
    array = demand_array(t, node, node.this)
    value = _value(t, node, array, node.expression)
    kept = f"list_filter({array}, lambda _e: _e IS DISTINCT FROM {value})"
    return Piece(f"(CASE WHEN {value} IS NOT NULL THEN {kept} END)", array.kind)


def _slice(t: Translator, node: exp.Expr) -> Piece:
    array = demand_array(t, node, node.this)
    start, length = node.args["start"], node.args["end"]
    if not (start.is_int and length.is_int) or start.name == "0":
        raise ConfigError(f"'{shown(node)}': start and length are numbers such as 1, 2")
    first, count = int(start.to_py()), int(length.to_py())
    if first > 0:
        return Piece(f"list_slice({array}, {first}, {first + count - 1})", array.kind)
    # What begins before the array is empty.
    begin = f"len({array}) + {first + 1}"
    part = f"list_slice({array}, {begin}, {begin} + {count - 1})"
    return Piece(
        f"(CASE WHEN {begin} > 0 THEN {part} WHEN {array} IS NOT NULL THEN [] END)", array.kind
    )


def _flatten(t: Translator, node: exp.Expr) -> Piece:
    array = demand_array(t, node, node.this)
    if not duckdb_sql.is_array(_element_kind(array)):
        raise ConfigError(f"'{shown(node)}' flattens an array of arrays, not {array.kind}")
    flat = f"flatten({array})"
    return Piece(f"(CASE WHEN NOT {_has_null(array)} THEN {flat} END)", _element_kind(array))


def _cast(t: Translator, node: exp.Expr) -> Piece:
    """Cast to an array, element by element; else as always."""
    wanted = node.args["to"]
    if wanted.this != exp.DType.ARRAY or len(wanted.expressions) != 1:
        return operators.HANDLERS[exp.Cast](t, node)
    inner = exp.Cast(this=exp.Null(), to=wanted.expressions[0])
    kind, value = f"{t.sql(inner).kind}[]", t.sql(node.this)
    if value.kind in (kind, sqltypes.NULL):
        return sqltypes.as_kind(value, kind)
    raise ConfigError(f"'{shown(node)}': cast the elements of the array, where they are made")


HANDLERS: dict[type[exp.Expr], Handler] = {
    exp.Array: _array,
    exp.ArrayContains: _contains,
    exp.ArrayDistinct: _array_distinct,
    exp.ArrayExcept: _also_in("NOT {}"),
    exp.ArrayIntersect: _also_in("{}"),
    exp.ArrayMax: _extreme("1", "DESC"),
    exp.ArrayMin: _extreme("1", "ASC"),
    exp.ArrayPosition: _position,
    exp.ArrayRemove: _remove,
    exp.ArraySize: _size,
    exp.ArraySlice: _slice,
    exp.ArraySort: _sort,
    exp.ArrayToString: _join,
    exp.Bracket: _bracket,
    exp.Cast: _cast,
    exp.Dot: _dot,
    exp.Flatten: _flatten,
    exp.RegexpSplit: _split,
    exp.Struct: _struct,
    exp.TryCast: _cast,
}
NAMED: dict[str, Handler] = {"array_union": _union, "cardinality": _size}
NAMES = (
    *("array", "array_contains", "array_distinct", "array_except", "array_intersect"),
    *("array_join", "array_max", "array_min", "array_position", "array_remove", "array_size"),
    *("array_sort", "array_union", "cardinality", "element_at", "flatten", "named_struct"),
    *("size", "slice", "sort_array", "struct"),
)
