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
from contract import Column, Contract, Derived
from datatypes import DataType
from errors import ConfigError
from spark_sql import Translator
from sql_dialect import DUCKDB, Dialect

# Where a row is, in raw/ and on its way: these are carried along.
ORIGIN = ("_file", "_row", "ingest_date", "_source_file", "_source_row")
SEPARATOR = "\x1f"
_SHOWN = 40
# Escaped (three bytes for one) and with the names of folders, it must fit into a key of 1,024.
_MAX_PARTITION_BYTES = 240

Describe = Callable[[str, Mapping[str, str]], str]
# Gives an expression in the engine's SQL, and its type.
Translate = Callable[[str], "tuple[str, str]"]


@dataclass(frozen=True)
class DerivedSql:
    """A derived column: its expression for the engine, its type, and that value (`_value`) cast."""

    column: Derived
    expression: str
    kind: str
    cast: str


@dataclass(frozen=True)
class Expressions:
    """The user's expressions, written for the engine."""

    filter: str | None
    derive: tuple[DerivedSql, ...]


def translate(contract: Contract, describe: Describe, dialect: Dialect = DUCKDB) -> Expressions:
    """
    Check the expressions of a contract, and translate them for DuckDB; no data is needed.

    Parameters
    ----------
    contract
        The contract.
    describe
        Gives the engine's type of an expression over columns of given types, in the SQL and the
        types of the engine, or raises ConfigError.
    dialect
        The engine's. Spark runs the user's own text, so there `describe` checks it.

    Raises
    ------
    ConfigError
        Names the dataset, the field, the expression and what is wrong with it.
    """
    types = {column.name: dialect.type_name(column.type) for column in contract.columns}
    if dialect is DUCKDB:
        written: Translate = Translator(types, lambda sql: describe(sql, types)).translate
    else:
        written = lambda text: (f"({text})", describe(text, types))  # noqa: E731
    condition = None
    if contract.filter is not None:
        condition, kind = _translate(written, contract, "'filter'", contract.filter)
        if kind != dialect.boolean:
            raise ConfigError(
                _place(contract, "'filter'", contract.filter)
                + f"it gives {kind}; a filter must be true or false"
            )
    derive = []
    for position, column in enumerate(contract.derive):
        field = f"'derive[{position}].expression' (column '{column.name}')"
        sql, kind = _translate(written, contract, field, column.expression)
        cast = dialect.strict("_value", kind, column.type)
        if cast is None:
            raise ConfigError(
                _place(contract, field, column.expression)
                + f"it gives {kind}, which is never {column.type.with_article}; "
                "change the type or cast the expression"
            )
        derive.append(DerivedSql(column, sql, kind, cast))
        types[column.name] = dialect.type_name(column.type)
    return Expressions(condition, tuple(derive))


def _translate(written: Translate, contract: Contract, field: str, text: str) -> tuple[str, str]:
    try:
        return written(text)
    except ConfigError as error:
        raise ConfigError(_place(contract, field, text) + str(error)) from error


def _place(contract: Contract, field: str, text: str) -> str:
    return f"dataset '{contract.name}', field {field}: in \"{text}\": "


def statement(
    contract: Contract,
    expressions: Expressions,
    raw: Mapping[str, str],
    dialect: Dialect = DUCKDB,
) -> str:
    """
    Write the statement.

    Parameters
    ----------
    contract
        The contract.
    expressions
        What `translate` gave for it.
    raw
        The columns of the view `raw` and their types in the engine; ORIGIN is among them. A
        column of the contract that raw has not is NULL.
    dialect
        The engine's, as for `translate`.

    Returns
    -------
    str
        A SELECT of `_outcome` (out, refused, duplicate, filtered), `_reason` and `_categories`
        (texts; only where refused; categories are joined by SEPARATOR), `_file`, `_row`, and the
        columns of the processed table.
    """
    return _Statement(contract, expressions, raw, dialect).text()


@dataclass(frozen=True)
class _Fault:
    """A reason to refuse a row: when, what to say (SQL) and what to count it as (text)."""

    when: str
    reason: str
    category: str


class _Statement:
    def __init__(
        self,
        contract: Contract,
        expressions: Expressions,
        raw: Mapping[str, str],
        dialect: Dialect,
    ) -> None:
        self._contract = contract
        self._expressions = expressions
        self._raw = raw
        self._sql = dialect

    def text(self) -> str:
        origin = ", ".join(ORIGIN)
        contract, quoted = self._contract, self._sql.quoted
        names = ", ".join(quoted(column.name) for column in contract.columns)
        numbered = [(f"_t{i}", column) for i, column in enumerate(contract.columns)]
        texts = [f"{self._cleaned(column)} AS {text}" for text, column in numbered]
        typed = [
            f"{self._typed(column, text)} AS {quoted(column.name)}" for text, column in numbered
        ]
        faults = [fault for text, column in numbered for fault in self._faults(column, text)]
        carried = ", ".join(text for text, _ in numbered)
        condition = self._sql.attempt(self._expressions.filter or "true")
        why = self._joined(faults, "category", SEPARATOR, only="_reason IS NOT NULL")
        stages = [
            f"texts AS (SELECT {origin}, {', '.join(texts)} FROM raw)",
            f"typed AS (SELECT {origin}, {carried}, {', '.join(typed)} FROM texts)",
            f"judged AS (SELECT *, {self._joined(faults, 'reason', '; ')} AS _reason FROM typed)",
            f"explained AS (SELECT {origin}, {names}, _reason, {why} AS _categories FROM judged)",
            f"ranked AS (SELECT *, {self._rank()} AS _rank FROM explained)",
            f"kept AS (SELECT *, {condition} AS _kept FROM ranked)",
        ]
        derive = self._expressions.derive
        stages += self._sql.derived([(d.expression, d.cast, d.column.name) for d in derive])
        last, later = f"d{len(derive)}" if derive else "kept", self._failing("_kept", "filter")
        for number, derived in enumerate(derive, 1):
            name = derived.column.name
            later += self._failing(f"_a{number}", f"column {name}")
            value = self._sql.attempted(f"_a{number}")
            later.append(self._not_a(name, value, derived.kind, derived.column.type, derived=True))
        later += self._too_long()
        late = self._joined(later, "reason", "; ")
        stages.append(f"finished AS (SELECT *, {late} AS _late FROM {last})")
        stages.append(f"closed AS (SELECT *, {self._outcome()} AS _outcome FROM finished)")
        columns = ", ".join(quoted(name) for name in contract.processed_types)
        return (
            f"WITH {', '.join(stages)} SELECT _outcome, "
            "CASE WHEN _outcome = 'refused' THEN coalesce(_reason, _late) END AS _reason, "
            "CASE WHEN _outcome = 'refused' THEN coalesce(_categories, "
            f"{self._joined(later, 'category', SEPARATOR)}) END AS _categories, "
            f"_file, _row, {columns} FROM closed"
        )

    def _outcome(self) -> str:
        failed = self._sql.failed("_kept")
        return (
            "CASE WHEN _reason IS NOT NULL THEN 'refused' WHEN _rank > 1 THEN 'duplicate' "
            + (f"WHEN {failed} THEN 'refused' " if failed else "")
            + f"WHEN {self._sql.attempted('_kept')} IS NOT true THEN 'filtered' "
            "WHEN _late IS NOT NULL THEN 'refused' ELSE 'out' END"
        )

    def _cleaned(self, column: Column) -> str:
        """Write a raw value with null_values and clean applied; still of the type it has."""
        source = self._raw.get(column.name)
        if source is None:
            return f"CAST(NULL AS {self._sql.text})"
        value = self._sql.quoted(column.name)
        if column.type.base == "string" and source != self._sql.text:
            value, source = self._sql.as_text(value, source), self._sql.text
        text = value if source == self._sql.text else self._sql.as_text(value, source)
        cleaned = value
        for cleaner in column.clean:
            cleaned = self._sql.cleaned(cleaner, cleaned)
        nulls = self._contract.null_values
        if source != self._sql.text:
            nulls = tuple(null for null in nulls if null)
        if not nulls:
            return cleaned
        listed = ", ".join(map(self._sql.literal, nulls))
        is_null = f"{self._sql.trimmed(text)} IN ({listed})"
        if any(null != null.strip(casts.BLANKS) for null in nulls):
            is_null = f"{text} IN ({listed}) OR {is_null}"
        return f"CASE WHEN {is_null} THEN NULL ELSE {cleaned} END"

    def _typed(self, column: Column, sql: str) -> str:
        source = self._source(column)
        if source == self._sql.text:
            return self._sql.from_text(sql, column.type, column.format)
        converted = self._sql.strict(sql, source, column.type)
        return converted or self._sql.from_text(self._sql.as_text(sql, source), column.type)

    def _source(self, column: Column) -> str:
        """Give the type of a column once it is cleaned."""
        found = self._raw.get(column.name)
        return self._sql.text if found is None or column.type.base == "string" else found

    def _faults(self, column: Column, sql: str) -> list[_Fault]:
        faults = []
        if column.name in self._contract.required:
            text = f"column {column.name}: empty, but required"
            faults.append(_Fault(f"{sql} IS NULL", self._sql.literal(text), text))
        if column.type.base != "string":
            source = self._source(column)
            faults.append(self._not_a(column.name, sql, source, column.type, column.format))
        return faults

    def _not_a(
        self,
        name: str,
        sql: str,
        source: str,
        kind: DataType,
        pattern: str | None = None,
        *,
        derived: bool = False,
    ) -> _Fault:
        """Refuse a value that is not of its type; the reason shows the value, cut short."""
        text = self._sql.as_text(sql, source)
        shown = (
            f"CASE WHEN length({text}) > {_SHOWN} THEN left({text}, {_SHOWN}) || '…' "
            f"ELSE {text} END"
        )
        before = f"column {name}: {'the expression gives ' if derived else ''}'"
        verdict = "', not" if derived else "' is not"
        after = f"{verdict} {kind.with_article} ({casts.allowed(kind, pattern)})"
        return _Fault(
            f"{sql} IS NOT NULL AND {self._sql.quoted(name)} IS NULL",
            f"{self._sql.literal(before)} || {shown} || {self._sql.literal(after)}",
            f"column {name}: not {kind.with_article}",
        )

    def _too_long(self) -> list[_Fault]:
        """Refuse texts that no key of S3 has room for; one such row would stop the dataset."""
        partition_by = self._contract.partition_by
        limit = _MAX_PARTITION_BYTES // max(1, len(partition_by))
        types = self._contract.processed_types
        texts = [name for name in partition_by if types[name].base == "string"]
        reasons = [f"column {name}: over {limit} bytes, too long for a partition" for name in texts]
        return [
            _Fault(
                f"{self._sql.size(self._sql.quoted(name))} > {limit}",
                self._sql.literal(reason),
                reason,
            )
            for name, reason in zip(texts, reasons)
        ]

    def _failing(self, attempt: str, what: str) -> list[_Fault]:
        failed = self._sql.failed(attempt)
        text = f"{what}: its expression fails on this row (for example an overflow)"
        return [_Fault(failed, self._sql.literal(text), text)] if failed else []

    def _joined(
        self, faults: list[_Fault], part: str, separator: str, only: str | None = None
    ) -> str:
        """Write the reasons or categories of a row in one text; NULL if there are none."""
        if not faults:
            return f"CAST(NULL AS {self._sql.text})"
        literal = self._sql.literal
        cases = ", ".join(
            f"CASE WHEN {f.when} THEN {f.reason if part == 'reason' else literal(f.category)} END"
            for f in faults
        )
        joined = f"nullif(concat_ws({literal(separator)}, {cases}), '')"
        return f"CASE WHEN {only} THEN {joined} END" if only else joined

    def _rank(self) -> str:
        """Write a row's place among the rows with its key: the one to keep is 1."""
        if not self._contract.key:
            return "1"
        quoted = self._sql.quoted
        key = ", ".join(map(quoted, self._contract.key))
        order = [
            f"{quoted(term.column)} {'DESC' if term.descending else 'ASC'} NULLS LAST"
            for term in self._contract.order_by
        ]
        # Newest first; the last two make the order total, whatever arrived.
        order += [
            f"{name} DESC NULLS LAST"
            for name in ("ingest_date", "_source_file", "_source_row", "_file", "_row")
        ]
        # Refused rows are set apart, so that none of them hides a good row.
        same = f"PARTITION BY _reason IS NULL, {key}"
        return f"row_number() OVER ({same} ORDER BY {', '.join(order)})"
