"""JSON functions of Spark SQL, written for DuckDB."""

from __future__ import annotations

import re

from sqlglot import exp

from medallion import duckdb_sql
from medallion.duckdb_sql import literal, quoted
from medallion.errors import ConfigError
from medallion.sparksql import json_texts, sqltypes
from medallion.sparksql.dialect import shown
from medallion.sparksql.sqltypes import Piece
from medallion.sparksql.translator import Handler, Translator

_STEP = re.compile(r"""\.([^.\[\]'"\\*\s][^.\['"\\*]*)|\['([^'?"\\*]+)'\]|\[([0-9]{1,9}|\*)\]""")
_FIELD = re.compile(r"\s*(?:`([^`\"\\]+)`|([A-Za-z_][A-Za-z0-9_]*))\s*(?::|\s)\s*STRING\s*", re.I)
_STRUCT = re.compile(r"\s*STRUCT\s*<(.*)>\s*", re.I | re.S)
_TEXTS = re.compile(r"\s*ARRAY\s*<\s*STRING\s*>\s*", re.I)

_MAX_SCALE = 6
_WRITTEN = {
    **dict.fromkeys(("INTEGER", "BIGINT", "BOOLEAN"), "CAST({} AS VARCHAR)"),
    "VARCHAR": "CAST(to_json({}) AS VARCHAR)",
    "DATE": "('\"' || CAST({} AS VARCHAR) || '\"')",
    "TIMESTAMP": "strftime({}, '\"%Y-%m-%dT%H:%M:%S.%gZ\"')",
}


def _json(t: Translator, part: exp.Expr) -> str:
    return json_texts.clean(str(t.text(t.sql(part))))


def _get(t: Translator, node: exp.Expr) -> Piece:
    path = node.expression
    if not path.is_string or node.expressions:
        raise ConfigError(f"'{shown(node)}': the path is a text in quotes such as '$.name'")
    before, after = _steps(node, path.name)
    value, json = json_texts.found("_j", before), t.text(t.sql(node.this))
    if after is None:
        result = json_texts.text(value)
    else:
        # Of one value there is no array, though a text keeps its quotes.
        each = json_texts.found("_o", after)
        parts = f"list_transform(json_extract(_l, '$[*]'), lambda _o: {each})"
        is_value = "_o IS NOT NULL"
        if after and isinstance(after[-1], str):
            is_value += " AND CAST(_o AS VARCHAR) <> 'null'"
        parts = f"list_filter({parts}, lambda _o: {is_value})"
        parts = f"list_transform({parts}, lambda _o: {json_texts.copied('CAST(_o AS VARCHAR)')})"
        many = "'[' || array_to_string(_n, ',') || ']'"
        result = json_texts.let(
            "_n", parts, f"CASE WHEN len(_n) = 1 THEN _n[1] WHEN len(_n) > 1 THEN {many} END"
        )
        result = json_texts.let("_l", value, f"CASE WHEN json_type(_l) = 'ARRAY' THEN {result} END")
    result = json_texts.let("_j", json_texts.clean(str(json)), result)
    return Piece(
        result if after is not None else json_texts.fast(str(json), before, result), "VARCHAR"
    )


def _steps(node: exp.Expr, path: str) -> tuple[list[json_texts.Step], list[json_texts.Step] | None]:
    """Read a path; what is after [*] apart, None without it."""
    found, rest = list(_STEP.finditer(path, 1)), path[:1]
    if rest != "$" or "".join(step[0] for step in found) != path[1:]:
        raise ConfigError(
            f"'{shown(node)}': a path is made of $, .name, ['name'], [number] and one [*], such as "
            "'$.phones[0].number'"
        )
    steps: list[json_texts.Step] = []
    parts = [steps]
    for step in found:
        if step[3] == "*":
            if len(parts) > 1 or step.start() == 0 or (steps and isinstance(steps[-1], int)):
                raise ConfigError(
                    f"'{shown(node)}': [*] can stand once, and not after [number]; make rows of "
                    "an array with explode(from_json(text, 'ARRAY<STRING>'))"
                )
            parts.append([])
        else:
            parts[-1].append(int(step[3]) if step[3] else step[1] or step[2])
    return steps, parts[1] if len(parts) > 1 else None


def _from_json(t: Translator, node: exp.Expr) -> Piece:
    schema = node.expression
    if not isinstance(schema, exp.Literal) or node.args.get("options"):
        raise ConfigError(f"'{shown(node)}': write from_json(text, 'name STRING, …')")
    value = t.text(t.sql(node.this))
    json = json_texts.clean("_i", controls=False)
    known = "_i IS NOT NULL AND trim(_i, ' \t\r\n') <> ''"
    if _TEXTS.fullmatch(schema.name):
        each = json_texts.text("_o")
        item = f"CASE WHEN CAST(_o AS VARCHAR) <> 'null' THEN {each} END"
        listed = f"list_transform(json_extract(_j, '$[*]'), lambda _o: {item})"
        made = f"CASE WHEN json_type(_j) = 'ARRAY' THEN {listed} END"
        kind = "VARCHAR[]"
    else:
        names = _fields(node, schema.name)
        packed = ", ".join(
            f"{quoted(name)} := {json_texts.text(json_texts.last('_j', name))}" for name in names
        )
        made = f"struct_pack({packed})"
        kind = duckdb_sql.struct((name, "VARCHAR") for name in names)
    made = json_texts.let("_j", json, made)
    return Piece(
        json_texts.let("_i", str(value), f"CASE WHEN {known} THEN {made} END"),
        kind,
    )


def _fields(node: exp.Expr, schema: str) -> list[str]:
    wrapped = _STRUCT.fullmatch(schema)
    fields = [_FIELD.fullmatch(part) for part in (wrapped[1] if wrapped else schema).split(",")]
    names = [field[1] or field[2] for field in fields if field is not None]
    if len(names) < len(fields) or len(set(map(str.lower, names))) < len(names):
        raise ConfigError(
            f"'{shown(node)}': the schema is 'name STRING, …' with names that differ, or "
            "'ARRAY<STRING>'; cast the fields afterwards, and read objects in them with "
            "from_json or get_json_object"
        )
    return names


def _array_length(t: Translator, node: exp.Expr) -> Piece:
    t.arguments(node, 1, 1)
    length = "CASE WHEN json_type(_j) = 'ARRAY' THEN json_array_length(_j) END"
    return sqltypes.cast(json_texts.let("_j", _json(t, node.expressions[0]), length), "INTEGER")


def _object_keys(t: Translator, node: exp.Expr) -> Piece:
    keys = "CASE WHEN json_type(_j) = 'OBJECT' THEN json_keys(_j) END"
    return Piece(json_texts.let("_j", _json(t, node.this), keys), "VARCHAR[]")


def _to_json(t: Translator, node: exp.Expr) -> Piece:
    value = t.sql(node.this)
    if node.args.get("options") or not duckdb_sql.is_nested(value.kind):
        raise ConfigError(f"'{shown(node)}': to_json takes a struct or an array, and no options")
    return Piece(_written(node, str(value), value.kind, 0), "VARCHAR")


def _written(node: exp.Expr, sql: str, kind: str, depth: int) -> str:
    """Write a value as JSON: structs leave nulls out, arrays keep them."""
    if duckdb_sql.is_array(kind):
        e = f"_e{depth}"
        each = _written(node, e, duckdb_sql.element(kind), depth + 1)
        parts = f"list_transform({sql}, lambda {e}: coalesce({each}, 'null'))"
        # DuckDB joins no parts to NULL.
        joined = f"'[' || coalesce(array_to_string({parts}, ','), '') || ']'"
        return f"(CASE WHEN {sql} IS NOT NULL THEN {joined} END)"
    if duckdb_sql.is_struct(kind):
        fields = ", ".join(
            literal(str(duckdb_name)) + " || " + _written(node, part, of, depth)
            for duckdb_name, part, of in _named(sql, kind)
        )
        joined = f"'{{' || coalesce(concat_ws(',', {fields}), '') || '}}'"
        return f"(CASE WHEN {sql} IS NOT NULL THEN {joined} END)"
    if kind == "DOUBLE":
        return f"({json_texts.double(sql)})"
    # Java writes a small decimal of more digits as 1E-7.
    is_short = duckdb_sql.is_decimal(kind) and sqltypes.digits(kind)[1] <= _MAX_SCALE
    if kind not in _WRITTEN and not is_short:
        raise ConfigError(f"'{shown(node)}': it holds {kind}; cast it to a string")
    return _WRITTEN.get(kind, "CAST({} AS VARCHAR)").format(sql)


def _named(sql: str, kind: str) -> list[tuple[str, str, str]]:
    return [
        (f'"{name}":', f"struct_extract({sql}, {literal(name)})", of)
        for name, of in duckdb_sql.fields(kind)
    ]


HANDLERS: dict[type[exp.Expr], Handler] = {
    exp.JSONExtractScalar: _get,
    exp.FromJson: _from_json,
    exp.JSONKeys: _object_keys,
    exp.JSONFormat: _to_json,
}
NAMED: dict[str, Handler] = {"json_array_length": _array_length}
NAMES = ("from_json", "get_json_object", "json_array_length", "json_object_keys", "to_json")
