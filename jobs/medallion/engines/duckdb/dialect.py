"""How DuckDB says what a contract says."""

from __future__ import annotations

from collections.abc import Collection, Mapping

from medallion.contract.dialect import Describe, Dialect, Translate
from medallion.datatypes import DataType
from medallion.duckdb_sql import literal, trimmed
from medallion.engines.duckdb import casts
from medallion.sparksql.expressions import ExpressionTranslator
from medallion.sparksql.functions import scalars


class DuckDb(Dialect):
    """DuckDB, whose expressions fail on overflow."""

    text = "VARCHAR"
    boolean = "BOOLEAN"
    rivals_first = True
    literal = staticmethod(literal)
    trimmed = staticmethod(trimmed)
    from_text = staticmethod(casts.from_text)
    proven = staticmethod(casts.proven)
    strict = staticmethod(casts.strict)

    def translation(self, types: Mapping[str, str], describe: Describe) -> Translate:
        return ExpressionTranslator(types, lambda sql: describe(sql, types)).translate

    def type_name(self, kind: DataType) -> str:
        return kind.duckdb

    def quoted(self, name: str) -> str:
        return f'"{name}"'

    def is_one_of(self, sql: str, texts: Collection[str]) -> str:
        possible = casts.may_be_one_of(sql, texts)
        return f"CASE WHEN {possible} THEN {super().is_one_of(sql, texts)} ELSE false END"

    def cleaned(self, cleaner: str, sql: str) -> str:
        if cleaner == "trim":
            return trimmed(sql)
        return scalars.initcap(sql) if cleaner == "title" else f"{cleaner}({sql})"

    def as_text(self, sql: str, source: str) -> str:  # noqa: ARG002
        return f"CAST({sql} AS VARCHAR)"

    def size(self, sql: str) -> str:
        return f"strlen({sql})"

    def attempt(self, expression: str) -> str:
        # {v: value}, or NULL where the expression fails, which a plain TRY would not tell.
        return f"TRY({{'v': {expression}}})"

    def attempted(self, attempt: str) -> str:
        return f"{attempt}.v"

    def failed(self, attempt: str) -> str | None:
        return f"{attempt} IS NULL"


DUCKDB = DuckDb()
