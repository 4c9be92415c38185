"""Spark SQL as sqlglot reads it, and its parts in the words of whoever wrote them."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator
from typing import Any, ClassVar, TypeVar

from sqlglot import exp
from sqlglot.dialects.spark import Spark
from sqlglot.parsers.spark import SparkParser

from medallion.errors import ConfigError

E = TypeVar("E", bound=exp.Expr)
# sqlglot gives functions names of its own; under this one it notes what stood in the text.
_FUNCTION = "function"
_ARGUMENTS = "arguments"
_SPELLING = "spelling"
_STANDS_FOR = "stands_for"
# How many arguments Spark takes at most, of functions of which sqlglot drops the others.
_MOST = {
    **dict.fromkeys(("array_agg", "collect_list", "initcap", "last_day", "log10", "log2"), 1),
    **dict.fromkeys(("array_remove", "array_sort", "ceil", "date_format", "date_sub"), 2),
    **dict.fromkeys(("date_trunc", "element_at", "first", "floor", "from_utc_timestamp"), 2),
    **dict.fromkeys(("get_json_object", "last", "ltrim", "mod", "rtrim", "sort_array"), 2),
    **dict.fromkeys(("to_date", "to_timestamp", "to_utc_timestamp", "trunc"), 2),
    **dict.fromkeys(("datediff", "locate", "lpad", "regexp_extract", "rpad", "slice"), 3),
}


class _Parser(SparkParser):
    """Notes how many arguments each function was given."""

    FUNCTIONS: ClassVar[dict[str, Callable[..., exp.Expr]]] = {
        **SparkParser.FUNCTIONS,
        "PERCENTILE": exp.Quantile.from_arg_list,
    }
    # What parses these of its own drops arguments.
    FUNCTION_PARSERS: ClassVar[dict[str, Callable[..., exp.Expr | None]]] = {
        name: parse
        for name, parse in SparkParser.FUNCTION_PARSERS.items()
        if name not in ("CEIL", "FLOOR", "INITCAP", "PERCENTILE")
    }

    def validate_expression(self, expression: E, args: list[Any] | None = None) -> E:
        """Check a node, as sqlglot does of each that it makes."""
        if args is not None:
            expression.meta[_ARGUMENTS] = len(args)
        return super().validate_expression(expression, args)


class WrittenSpark(Spark):
    """Spark's dialect, whose functions remember the names by which they were called."""

    ORIGINAL_NAME_META_KEY = _FUNCTION

    Parser = _Parser

    def to_json_path(self, path: exp.Expr | None) -> exp.Expr | None:
        """Leave the path of get_json_object as it is written."""
        return path


class Refused(ConfigError):  # noqa: N818 - names the outcome, as in errors
    """Something in a query is refused; `line` says where it stands, from 1."""

    def __init__(self, problem: str, line: int) -> None:
        super().__init__(problem)
        self.line = line


@contextlib.contextmanager
def at(node: exp.Expr) -> Iterator[None]:
    """Give what is refused meanwhile the line of a node, unless a node inside it has done so."""
    try:
        yield
    except Refused:
        raise
    except ConfigError as error:
        lines = [found.meta["line"] for found in node.walk() if "line" in found.meta]
        if not lines:
            raise
        raise Refused(str(error), int(min(lines))) from error


def note_spelling(tree: exp.Expr) -> None:
    """Note the names of a query as they are written, before sqlglot makes them alike."""
    for name in tree.find_all(exp.Identifier):
        name.meta[_SPELLING] = (name.this, name.quoted)
    for table in tree.find_all(exp.Table):
        table.meta[_STANDS_FOR] = table.copy()


def written_as(node: exp.Expr, sql: str) -> exp.Var:
    """Give a piece of DuckDB SQL the place of a node; messages go on to show the node."""
    made = exp.Var(this=sql)
    made.meta[_STANDS_FOR] = node
    return made


def spelling(name: exp.Expr | None) -> str | None:
    """Give a name as it was written; None for one that sqlglot has added."""
    noted = None if name is None else name.meta_get(_SPELLING)
    return None if noted is None else str(noted[0])


def function_name(node: exp.Expr) -> str:
    """Give the name by which a function was called."""
    return str(node.meta_get(_FUNCTION) or node.sql("spark").split("(")[0]).lower()


def surplus(node: exp.Expr) -> str | None:
    """Tell of arguments that Spark does not take, and of which sqlglot says nothing."""
    given, name = node.meta_get(_ARGUMENTS), str(node.meta_get(_FUNCTION)).lower()
    takes = None
    if name == "named_struct":
        takes = "pairs of name and value" if given % 2 else None
    elif given is not None and given > _MOST.get(name, given):
        takes = f"{_MOST[name]} at most"
    return takes and f"{given} arguments are given to {name}, which takes {takes}"


def shown(node: exp.Expr) -> str:
    """Give a part of a query for a message: without what sqlglot has added to it."""
    node = node.transform(_original)
    for column in node.find_all(exp.Column):
        if is_added(column.args.get("table")):
            column.set("table", None)
    for name in node.find_all(exp.Identifier):
        if _SPELLING in name.meta:
            text, quoted = name.meta[_SPELLING]
            name.set("this", text)
            name.set("quoted", quoted)
    text = node.sql("spark", comments=False)
    for call in node.find_all(exp.Func):
        known, called = call.sql("spark").split("(")[0], call.meta_get(_FUNCTION)
        if called is not None and called.upper() != known:
            text = text.replace(f"{known}(", f"{called.upper()}(")
    return text


def _original(node: exp.Expr) -> exp.Expr:
    written: exp.Expr | None = node.meta_get(_STANDS_FOR)
    if written is not None:
        return written.transform(_original) if isinstance(node, exp.Var) else written
    added = isinstance(node, exp.Alias) and is_added(node.args["alias"])
    return node.this.transform(_original) if added or is_using(node) else node


def is_added(name: exp.Expr | None) -> bool:
    """Whether a name is there, but not in the text."""
    return name is not None and "line" not in name.meta


def is_using(node: exp.Expr) -> bool:
    """Whether a node is the column that USING makes of several, as sqlglot writes it."""
    return isinstance(node, exp.Coalesce) and "line" not in node.meta
