"""A contract as one SQL statement, which gives every raw row an outcome.

The statement reads the view `raw` (see engine) and keeps every row of it:

    texts    null_values and clean applied to what is in raw
    typed    each column in its own type, NULL where the text is no such value
    judged   the reasons to refuse the row, if there are any
    ranked   its place among the rows with the same key
    kept     the filter's answer
    d1, d2…  the derived columns, each with what its expression gave
    (last)   the outcome: out, refused, duplicate or filtered

User's names match [a-z][a-z0-9_]*, so names with a leading underscore are free for the rest.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

import casts
from casts import literal
from contract import Column, Contract, Derived
from datatypes import DataType
from errors import ConfigError
from spark_functions import initcap
from spark_sql import Translator

# Where a row is, in raw/ and on its way: these are carried along.
ORIGIN = ("_file", "_row", "ingest_date", "_source_file", "_source_row")
SEPARATOR = "\x1f"
_SHOWN = 40
# Escaped (three bytes for one) and with the names of folders, it must fit into a key of 1,024.
_MAX_PARTITION_BYTES = 240

Describe = Callable[[str, Mapping[str, str]], str]


@dataclass(frozen=True)
class DerivedSql:
    """A derived column: its expression for DuckDB, and that value cast to the column's type."""

    column: Derived
    expression: str
    cast: str


@dataclass(frozen=True)
class Expressions:
    """The user's expressions, written for DuckDB."""

    filter: str | None
    derive: tuple[DerivedSql, ...]


def translate(contract: Contract, describe: Describe) -> Expressions:
    """
    Translate the expressions of a contract; no data is needed.

    Parameters
    ----------
    contract
        The contract.
    describe
        Gives the DuckDB type of a DuckDB expression over columns of given DuckDB types, or
        raises ConfigError.

    Raises
    ------
    ConfigError
        Names the dataset, the field, the expression and what is wrong with it.
    """
    types = {column.name: column.type.duckdb for column in contract.columns}
    translator = Translator(types, lambda sql: describe(sql, types))
    condition = None
    if contract.filter is not None:
        condition, kind = _translate(translator, contract, "'filter'", contract.filter)
        if kind != "BOOLEAN":
            raise ConfigError(
                _place(contract, "'filter'", contract.filter)
                + f"it gives {kind}; a filter must be true or false"
            )
    derive = []
    for position, column in enumerate(contract.derive):
        field = f"'derive[{position}].expression' (column '{column.name}')"
        sql, kind = _translate(translator, contract, field, column.expression)
        cast = casts.strict("_value", kind, column.type)
        if cast is None:
            raise ConfigError(
                _place(contract, field, column.expression)
                + f"it gives {kind}, which is never {column.type.with_article}; "
                "change the type or cast the expression"
            )
        derive.append(DerivedSql(column, sql, cast))
        types[column.name] = column.type.duckdb
    return Expressions(condition, tuple(derive))


def _translate(
    translator: Translator, contract: Contract, field: str, text: str
) -> tuple[str, str]:
    try:
        return translator.translate(text)
    except ConfigError as error:
        raise ConfigError(_place(contract, field, text) + str(error)) from error


def _place(contract: Contract, field: str, text: str) -> str:
    return f"dataset '{contract.name}', field {field}: in \"{text}\": "


def statement(contract: Contract, expressions: Expressions, raw: Mapping[str, str]) -> str:
    """
    Write the statement.

    Parameters
    ----------
    contract
        The contract.
    expressions
        What `translate` gave for it.
    raw
        The columns of the view `raw` and their DuckDB types; ORIGIN is among them. A column of
        the contract that raw has not is NULL.

    Returns
    -------
    str
        A SELECT of `_outcome` (out, refused, duplicate, filtered), `_reason` and `_categories`
        (texts; only where refused; categories are joined by SEPARATOR), `_file`, `_row`, and the
        columns of the processed table.
    """
    origin = ", ".join(ORIGIN)
    names = ", ".join(f'"{column.name}"' for column in contract.columns)
    numbered = list(enumerate(contract.columns))
    texts = [f"{_cleaned(contract, c, raw.get(c.name))} AS _t{i}" for i, c in numbered]
    typed = [f'{_typed(c, raw.get(c.name), f"_t{i}")} AS "{c.name}"' for i, c in numbered]
    faults = [
        fault
        for i, c in numbered
        for fault in _faults(c, f"_t{i}", required=c.name in _required(contract))
    ]
    carried = ", ".join(f"_t{i}" for i, _ in numbered)
    stages = [
        f"texts AS (SELECT {origin}, {', '.join(texts)} FROM raw)",
        f"typed AS (SELECT {origin}, {carried}, {', '.join(typed)} FROM texts)",
        f"judged AS (SELECT *, {_joined(faults, 'reason', '; ')} AS _reason FROM typed)",
        f"explained AS (SELECT {origin}, {names}, _reason, "
        f"{_joined(faults, 'category', SEPARATOR, only='_reason IS NOT NULL')} AS _categories "
        "FROM judged)",
        f"ranked AS (SELECT *, {_rank(contract)} AS _rank FROM explained)",
        f"kept AS (SELECT *, {_attempt(expressions.filter or 'true')} AS _kept FROM ranked)",
    ]
    last, later = "kept", [_Fault("_kept IS NULL", *_fails("filter"))]
    for number, derived in enumerate(expressions.derive, 1):
        name, attempt = derived.column.name, f"_a{number}"
        # One stage for the attempt, one for its value, so that a cast names it cheaply.
        stages += [
            f"e{number} AS (SELECT *, {_attempt(derived.expression)} AS {attempt} FROM {last})",
            f"v{number} AS (SELECT *, {attempt}.v AS _value FROM e{number})",
            f'd{number} AS (SELECT * EXCLUDE (_value), {derived.cast} AS "{name}" FROM v{number})',
        ]
        last = f"d{number}"
        later += [
            _Fault(f"{attempt} IS NULL", *_fails(f"column {name}")),
            _Fault(
                f'{attempt}.v IS NOT NULL AND "{name}" IS NULL',
                _not_a(name, f"{attempt}.v", derived.column.type, derived=True),
                f"column {name}: not {derived.column.type.with_article}",
            ),
        ]
    later += _too_long(contract)
    stages.append(f"finished AS (SELECT *, {_joined(later, 'reason', '; ')} AS _late FROM {last})")
    outcome = (
        "CASE WHEN _reason IS NOT NULL THEN 'refused' WHEN _rank > 1 THEN 'duplicate' "
        "WHEN _kept IS NULL THEN 'refused' WHEN _kept.v IS NOT true THEN 'filtered' "
        "WHEN _late IS NOT NULL THEN 'refused' ELSE 'out' END"
    )
    stages.append(f"closed AS (SELECT *, {outcome} AS _outcome FROM finished)")
    columns = ", ".join(f'"{name}"' for name in contract.processed_types)
    return (
        f"WITH {', '.join(stages)} SELECT _outcome, "
        "CASE WHEN _outcome = 'refused' THEN coalesce(_reason, _late) END AS _reason, "
        "CASE WHEN _outcome = 'refused' THEN coalesce(_categories, "
        f"{_joined(later, 'category', SEPARATOR)}) END AS _categories, "
        f"_file, _row, {columns} FROM closed"
    )


@dataclass(frozen=True)
class _Fault:
    """A reason to refuse a row: when, what to say (SQL) and what to count it as (text)."""

    when: str
    reason: str
    category: str


def _required(contract: Contract) -> frozenset[str]:
    return frozenset(contract.required)


def _cleaned(contract: Contract, column: Column, source: str | None) -> str:
    """Write a raw value with null_values and clean applied; still of the type that raw has."""
    if source is None:
        return "CAST(NULL AS VARCHAR)"
    value = f'"{column.name}"'
    if column.type.base == "string" and source != "VARCHAR":
        value, source = f"CAST({value} AS VARCHAR)", "VARCHAR"
    text = value if source == "VARCHAR" else f"CAST({value} AS VARCHAR)"
    cleaned = value
    for cleaner in column.clean:
        cleaned = _clean(cleaner, cleaned)
    nulls = contract.null_values
    if source != "VARCHAR":
        nulls = tuple(null for null in nulls if null)
    if not nulls:
        return cleaned
    listed = ", ".join(map(literal, nulls))
    is_null = f"{casts.trimmed(text)} IN ({listed})"
    if any(null != null.strip(casts.BLANKS) for null in nulls):
        is_null = f"{text} IN ({listed}) OR {is_null}"
    return f"CASE WHEN {is_null} THEN NULL ELSE {cleaned} END"


def _clean(cleaner: str, sql: str) -> str:
    if cleaner == "trim":
        return casts.trimmed(sql)
    return initcap(sql) if cleaner == "title" else f"{cleaner}({sql})"


def _typed(column: Column, source: str | None, sql: str) -> str:
    if source in (None, "VARCHAR") or column.type.base == "string":
        return casts.from_text(sql, column.type, column.format)
    converted = casts.strict(sql, str(source), column.type)
    return converted or casts.from_text(f"CAST({sql} AS VARCHAR)", column.type)


def _faults(column: Column, sql: str, *, required: bool) -> list[_Fault]:
    faults = []
    if required:
        text = f"column {column.name}: empty, but required"
        faults.append(_Fault(f"{sql} IS NULL", literal(text), text))
    if column.type.base != "string":
        faults.append(
            _Fault(
                f'{sql} IS NOT NULL AND "{column.name}" IS NULL',
                _not_a(column.name, sql, column.type, column.format),
                f"column {column.name}: not {column.type.with_article}",
            )
        )
    return faults


def _not_a(
    name: str, sql: str, kind: DataType, pattern: str | None = None, *, derived: bool = False
) -> str:
    """Write the reason of a value that is not of its type, with the value cut short."""
    text = f"CAST({sql} AS VARCHAR)"
    shown = (
        f"CASE WHEN length({text}) > {_SHOWN} THEN left({text}, {_SHOWN}) || '…' ELSE {text} END"
    )
    before = f"column {name}: {'the expression gives ' if derived else ''}'"
    verdict = "', not" if derived else "' is not"
    after = f"{verdict} {kind.with_article} ({casts.allowed(kind, pattern)})"
    return f"{literal(before)} || {shown} || {literal(after)}"


def _too_long(contract: Contract) -> list[_Fault]:
    """Refuse texts that no key of S3 has room for; one such row would stop the whole dataset."""
    limit = _MAX_PARTITION_BYTES // max(1, len(contract.partition_by))
    types = contract.processed_types
    texts = [name for name in contract.partition_by if types[name].base == "string"]
    reasons = [f"column {name}: over {limit} bytes, too long for a partition" for name in texts]
    return [
        _Fault(f'strlen("{name}") > {limit}', literal(reason), reason)
        for name, reason in zip(texts, reasons)
    ]


def _fails(what: str) -> tuple[str, str]:
    text = f"{what}: its expression fails on this row (for example an overflow)"
    return literal(text), text


def _joined(faults: list[_Fault], part: str, separator: str, only: str | None = None) -> str:
    """Write the reasons or categories of a row in one text; NULL if there are none."""
    if not faults:
        return "CAST(NULL AS VARCHAR)"
    cases = ", ".join(
        f"CASE WHEN {f.when} THEN {f.reason if part == 'reason' else literal(f.category)} END"
        for f in faults
    )
    joined = f"nullif(concat_ws({literal(separator)}, {cases}), '')"
    return f"CASE WHEN {only} THEN {joined} END" if only else joined


def _rank(contract: Contract) -> str:
    """Write a row's place among the rows with its key: the one to keep is 1."""
    if not contract.key:
        return "1"
    key = ", ".join(f'"{name}"' for name in contract.key)
    order = [
        f'"{term.column}" {"DESC" if term.descending else "ASC"} NULLS LAST'
        for term in contract.order_by
    ]
    # Newest first; the last two make the order total, whatever arrived.
    order += [
        f"{name} DESC NULLS LAST"
        for name in ("ingest_date", "_source_file", "_source_row", "_file", "_row")
    ]
    # Refused rows are set apart, so that none of them hides a good row.
    return f"row_number() OVER (PARTITION BY _reason IS NULL, {key} ORDER BY {', '.join(order)})"


def _attempt(expression: str) -> str:
    """Write {v: value}, or NULL where the expression fails, which a plain TRY would not tell."""
    return f"TRY({{'v': {expression}}})"
