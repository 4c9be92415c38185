"""How Spark says what a contract says."""

from __future__ import annotations

from collections.abc import Mapping

from medallion.contract.dialect import Describe, Dialect, Translate
from medallion.datatypes import DataType
from medallion.engines.spark import casts, texts


class Spark(Dialect):
    """Spark, whose expressions fail on no row while ANSI mode is off."""

    text = "string"
    boolean = "boolean"
    quoted = staticmethod(texts.quoted)
    literal = staticmethod(texts.literal)
    trimmed = staticmethod(texts.trimmed)
    cleaned = staticmethod(texts.cleaned)
    as_text = staticmethod(casts.as_text)
    from_text = staticmethod(casts.from_text)
    strict = staticmethod(casts.strict)

    def translation(self, types: Mapping[str, str], describe: Describe) -> Translate:
        # Spark runs the user's own text.
        return lambda text: (f"({text})", describe(text, types))

    def type_name(self, kind: DataType) -> str:
        return kind.name

    def size(self, sql: str) -> str:
        return f"octet_length({sql})"

    def attempt(self, expression: str) -> str:
        return expression

    def attempted(self, attempt: str) -> str:
        return attempt

    def failed(self, attempt: str) -> str | None:  # noqa: ARG002
        return None


SPARK = Spark()
