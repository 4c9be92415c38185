"""A contract as one SQL statement, which gives every raw row an outcome.

The statement reads the view `raw` (see engines.base) and keeps every row of it:

    proven     values that cheap tests find to be of their type, which are most
    texts      null_values and clean applied to all others
    typed      each column in its own type, NULL where the text is no such value
    judged     whether the row is refused
    explained  why
    ranked     whether another row with the same key is to be kept
    kept       the filter's answer
    d1, d2…    the derived columns, with what their expressions gave
    (last)     the outcome: out, refused, duplicate or filtered

User's names match [a-z][a-z0-9_]*, so names with a leading underscore are free for the rest.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from medallion.contract.contract import Column, Contract, Derived
from medallion.contract.dialect import Describe, Dialect, Translate, allowed
from medallion.datatypes import DataType
from medallion.errors import ConfigError

# Where a row is, in raw/ and on its way: these are carried along.
ORIGIN = ("_file", "_row", "ingest_date", "_source_file", "_source_row")
SEPARATOR = "\x1f"
_SHOWN = 40
# One number for each row; no file has this many.
_PLACE = "_file * 1000000000000 + _row"
# Escaped (three bytes for one) and with the names of folders, it must fit into a key of 1,024.
_MAX_PARTITION_BYTES = 240


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


def translate(contract: Contract, describe: Describe, dialect: Dialect) -> Expressions:
    """
    Check the expressions of a contract, and write them for the engine; no data is needed.

    Parameters
    ----------
    contract
        The contract.
    describe
        Gives the engine's type of an expression over columns of given types, in the SQL and the
        types of the engine, or raises ConfigError.
    dialect
        The engine's.

    Raises
    ------
    ConfigError
        Names the dataset, the field, the expression and what is wrong with it.
    """
    types = {column.name: dialect.type_name(column.type) for column in contract.columns}
    written = dialect.translation(types, describe)
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
    dialect: Dialect,
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
        contract = self._contract
        stages = [*self._judged("raw"), self._explained(), *self._ranked()]
        last, later = "ranked", list[_Fault]()
        if self._expressions.filter is not None:
            condition = self._sql.attempt(self._expressions.filter)
            stages.append(f"kept AS (SELECT *, {condition} AS _kept FROM ranked)")
            last, later = "kept", self._failing("_kept", "filter")
        derive = self._expressions.derive
        if derive:
            named = [(d.expression, d.cast, d.column.name) for d in derive]
            stages += self._sql.derived(named, last)
            last = f"d{len(derive)}"
        for number, derived in enumerate(derive, 1):
            name, kind = derived.column.name, derived.column.type
            later += self._failing(f"_a{number}", f"column {name}")
            value = self._sql.attempted(f"_a{number}")
            later.append(self._not_a(name, value, derived.kind, kind, derived=True))
        later += self._too_long()
        late = self._joined(later, "reason", "; ")
        stages += [
            f"finished AS (SELECT *, {late} AS _late FROM {last})",
            f"closed AS (SELECT *, {self._outcome()} AS _outcome FROM finished)",
        ]
        names = ", ".join(map(self._sql.quoted, contract.processed_types))
        why = self._joined(later, "category", SEPARATOR, "_late IS NOT NULL")
        return (
            f"WITH {', '.join(stages)} SELECT _outcome, "
            "CASE WHEN _outcome = 'refused' THEN coalesce(_reason, _late) END AS _reason, "
            f"CASE WHEN _outcome = 'refused' THEN coalesce(_categories, {why}) END AS _categories, "
            f"_file, _row, {names} FROM closed"
        )

    def _judged(self, source: str, suffix: str = "", only: Sequence[str] = ()) -> list[str]:
        """Write the stages from a source to `judged`, of all columns or only some."""
        origin = ", ".join(ORIGIN)
        proven, texts, typed, faults = ["*"], [origin], [origin], list[_Fault]()
        prove = self._sql.proven
        for i, column in enumerate(self._contract.columns):
            if only and column.name not in only:
                continue
            text, value = self._cleaned(column), self._typed(column, f"_t{i}")
            name, proof = self._sql.quoted(column.name), None
            if prove and self._raw.get(column.name) == self._sql.text:
                proof = prove(name, column.type, column.format, self._contract.null_values)
            if proof:
                proven.append(f"{proof} AS _v{i}")
                texts.append(f"_v{i}")
                # Only what is not proven is read on.
                text = f"CASE WHEN _v{i} IS NULL THEN {text} END"
                value = f"CASE WHEN _v{i} IS NULL THEN {value} ELSE _v{i} END"
            texts.append(f"{text} AS _t{i}")
            typed.append(f"_t{i}, {value} AS {name}")
            faults += self._faults(column, f"_t{i}")
        refused = f"CASE WHEN {_any(faults)} THEN true ELSE false END" if faults else "false"
        return [
            f"proven{suffix} AS (SELECT {', '.join(proven)} FROM {source})",
            f"texts{suffix} AS (SELECT {', '.join(texts)} FROM proven{suffix})",
            f"typed{suffix} AS (SELECT {', '.join(typed)} FROM texts{suffix})",
            f"judged{suffix} AS (SELECT *, {refused} AS _refused FROM typed{suffix})",
        ]

    def _explained(self) -> str:
        columns = list(enumerate(self._contract.columns))
        faults = [fault for i, column in columns for fault in self._faults(column, f"_t{i}")]
        names = ", ".join(self._sql.quoted(column.name) for _, column in columns)
        return (
            f"explained AS (SELECT {', '.join(ORIGIN)}, {names}, _refused, "
            f"{self._joined(faults, 'reason', '; ', '_refused')} AS _reason, "
            f"{self._joined(faults, 'category', SEPARATOR, '_refused')} AS _categories FROM judged)"
        )

    def _ranked(self) -> list[str]:
        """Write the stages from `explained` to `ranked`, which marks rows that others beat."""
        key = self._contract.key
        if not key:
            return ["ranked AS (SELECT *, false AS _beaten FROM explained)"]
        beaten = f"{self._rank()} > 1 AS _beaten"
        if not self._sql.rivals_first:
            return [f"ranked AS (SELECT *, {beaten} FROM explained)"]
        # Sorting all there is of each row would be dear, and few rows share their key with another.
        names = ", ".join(map(self._sql.quoted, key))
        return [
            *self._judged("raw", "_keys", key),
            f"keyed AS (SELECT {_PLACE} AS _place, hash({names}) AS _key FROM typed_keys)",
            "repeated AS (SELECT _key FROM keyed GROUP BY _key HAVING count(*) > 1)",
            "rivals AS (SELECT _place FROM keyed WHERE _key IN (FROM repeated))",
            f"contested AS (SELECT * FROM raw WHERE {_PLACE} IN (FROM rivals))",
            *self._judged("contested", "_again"),
            f"placed AS (SELECT {_PLACE} AS _place, {beaten} FROM judged_again)",
            "beaten AS (SELECT _place FROM placed WHERE _beaten)",
            f"ranked AS (SELECT *, {_PLACE} IN (FROM beaten) AS _beaten FROM explained)",
        ]

    def _outcome(self) -> str:
        kept = ""
        if self._expressions.filter is not None:
            failed = self._sql.failed("_kept")
            kept = f"WHEN {failed} THEN 'refused' " if failed else ""
            kept += f"WHEN {self._sql.attempted('_kept')} IS NOT true THEN 'filtered' "
        return (
            f"CASE WHEN _refused THEN 'refused' WHEN _beaten THEN 'duplicate' {kept}"
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
        return f"CASE WHEN {self._sql.is_one_of(text, nulls)} THEN NULL ELSE {cleaned} END"

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
            missing = f"{self._sql.quoted(column.name)} IS NULL AND {sql} IS NULL"
            faults.append(_Fault(missing, self._sql.literal(text), text))
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
        after = f"{verdict} {kind.with_article} ({allowed(kind, pattern)})"
        return _Fault(
            f"{self._sql.quoted(name)} IS NULL AND {sql} IS NOT NULL",
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
        self, faults: Sequence[_Fault], part: str, separator: str, when: str | None = None
    ) -> str:
        """Write the reasons or categories of a row in one text; NULL if there are none."""
        if not faults:
            return f"CAST(NULL AS {self._sql.text})"
        literal = self._sql.literal
        cases = ", ".join(
            f"CASE WHEN {f.when} THEN {f.reason if part == 'reason' else literal(f.category)} END"
            for f in faults
        )
        joined = f"concat_ws({literal(separator)}, {cases})"
        return f"CASE WHEN {when or _any(faults)} THEN {joined} END"

    def _rank(self) -> str:
        """Write a row's place among the rows with its key: the one to keep is 1."""
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
        same = f"PARTITION BY _refused, {key}"
        return f"row_number() OVER ({same} ORDER BY {', '.join(order)})"


def _any(faults: Sequence[_Fault]) -> str:
    return " OR ".join(f"({fault.when})" for fault in faults)
