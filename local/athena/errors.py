"""How a query fails: the words of Athena (Trino's error name first), or why local/ declines it."""

from __future__ import annotations

import re

from local.errors import AwsError, LocalAwsError


class QueryFailedError(LocalAwsError):
    """A query that ends FAILED, or CANCELLED, with a reason.

    Parameters
    ----------
    name
        Trino's error name, for example ``COLUMN_NOT_FOUND``; empty when Athena gives none.
    message
        What follows the name in ``StateChangeReason``.
    state
        The final state of the query.
    """

    def __init__(self, name: str, message: str, state: str = "FAILED") -> None:
        self.name = name
        self.reason = f"{name}: {message}" if name else message
        self.state = state
        super().__init__(self.reason)


def not_emulated(what: str, instead: str) -> QueryFailedError:
    """Return the failure of a query that Athena runs and the local AWS does not."""
    return QueryFailedError("NOT_SUPPORTED", f"{what} is not emulated by the local AWS; {instead}")


def malformed(message: str) -> AwsError:
    """Return Athena's answer to a statement that does not parse: it is refused at its start."""
    return AwsError("InvalidRequestException", message)


# DuckDB's words, and the Trino error that says the same.
_ENGINE_ERRORS: tuple[tuple[str, str, str], ...] = (
    (r"DIVISION_BY_ZERO: (.*)", "DIVISION_BY_ZERO", r"\1"),
    (r"INVALID_CAST_ARGUMENT: (.*)", "INVALID_CAST_ARGUMENT", r"\1"),
    (r"INVALID_FUNCTION_ARGUMENT: (.*)", "INVALID_FUNCTION_ARGUMENT", r"\1"),
    (
        r'column "?([^"]+?)"? must appear in the GROUP BY clause',
        "EXPRESSION_NOT_AGGREGATE",
        r"'\1' must be an aggregate expression or appear in GROUP BY clause",
    ),
    (r"Conversion Error: (.*)", "INVALID_CAST_ARGUMENT", r"\1"),
    (r"Out of Range Error: (.*)", "NUMERIC_VALUE_OUT_OF_RANGE", r"\1"),
    (r"No function matches (.*)", "FUNCTION_NOT_FOUND", r"No function matches \1"),
    (r"Cannot compare values of type (.*)", "TYPE_MISMATCH", r"Cannot compare \1"),
    (r"Binder Error: (.*)", "SYNTAX_ERROR", r"\1"),
    (r"Out of Memory Error: (.*)", "EXCEEDED_LOCAL_MEMORY_LIMIT", r"\1"),
    (r"Invalid Input Error: (.*)", "INVALID_FUNCTION_ARGUMENT", r"\1"),
)


def from_engine(message: str) -> QueryFailedError:
    """Return the failure that an error text of DuckDB stands for."""
    first = message.split("\n", 1)[0]
    for pattern, name, text in _ENGINE_ERRORS:
        if found := re.search(pattern, first):
            return QueryFailedError(name, found.expand(text))
    return QueryFailedError("GENERIC_INTERNAL_ERROR", first)
