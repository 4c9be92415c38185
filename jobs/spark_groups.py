"""GROUP BY of Spark SQL, written for DuckDB."""

from __future__ import annotations

from collections.abc import Mapping

from sqlglot import exp

from errors import ConfigError
from spark_query_rows import GroupTranslator, RowTranslator

_WORDS: dict[str, tuple[type[exp.Expr], str]] = {
    "rollup": (exp.Rollup, "ROLLUP"),
    "cube": (exp.Cube, "CUBE"),
}


def translator(
    rows: RowTranslator, select: exp.Select, aliases: Mapping[str, exp.Expr], source: str
) -> GroupTranslator:
    """
    Make what writes expressions over the groups of a SELECT.

    Parameters
    ----------
    rows
        Writes expressions over its rows.
    select
        The query.
    aliases
        The expressions of its select list by name.
    source
        What the grouped rows are called.
    """
    rows.clause = "GROUP BY"
    keys: list[exp.Expr] = []
    group = select.args.get("group")
    if group is not None:
        with rows.places.at(group):
            _check(group)
            for part in group.expressions:
                keys += [_resolved(rows, select, aliases, key) for key in _parts(part)]
    rows.aliases = dict(aliases)
    made = GroupTranslator(rows, keys, source)
    rows.clause, rows.aliases = "SELECT", {}
    return made


def write(groups: GroupTranslator, select: exp.Select, from_sql: str) -> str:
    """Write the SELECT that makes the groups, to stand after the one over them."""
    by = ""
    group = select.args.get("group")
    if groups.key_sql and group is not None:
        by = f" GROUP BY {_sets(groups, group)}"
    listed = ", ".join(groups.inner) or "1"
    return f' FROM (SELECT {listed}{from_sql}{by}) AS "{groups.source}"'


def _check(group: exp.Expr) -> None:
    if group.args.get("all"):
        raise ConfigError("GROUP BY ALL is not supported; name the columns")
    sets = [part for part in group.expressions if isinstance(part, (exp.Rollup, exp.Cube))]
    if sets and len(group.expressions) > 1:
        raise ConfigError("ROLLUP or CUBE beside other columns of GROUP BY is not supported")
    for name, value in group.args.items():
        if value and name != "expressions":
            raise ConfigError(
                f"GROUP BY … {name.upper()} is not supported; write GROUP BY ROLLUP(a, b) or CUBE"
            )
    for part in group.expressions:
        if isinstance(part, exp.GroupingSets):
            raise ConfigError(
                "GROUPING SETS is not supported; write ROLLUP or CUBE, or UNION ALL of queries"
            )


def _parts(part: exp.Expr) -> list[exp.Expr]:
    if isinstance(part, (exp.Rollup, exp.Cube)):
        for inner in part.expressions:
            if isinstance(inner, exp.Tuple):
                raise ConfigError(f"'{part.sql('spark')}': brackets inside are not supported")
        return list(part.expressions)
    return [part]


def _resolved(
    rows: RowTranslator, select: exp.Select, aliases: Mapping[str, exp.Expr], key: exp.Expr
) -> exp.Expr:
    """Give the expression that a place or a name of the select list stands for."""
    bare = key.unnest()
    if isinstance(bare, exp.Literal) and not bare.is_string:
        items = select.expressions
        if not bare.name.isdigit() or not 1 <= int(bare.name) <= len(items):
            raise ConfigError(f"GROUP BY {bare.name}: the select list has {len(items)} columns")
        if any(isinstance(item.find(exp.Star), exp.Star) for item in items[: int(bare.name)]):
            raise ConfigError(f"GROUP BY {bare.name}: name the column instead of counting over *")
        found: exp.Expr = items[int(bare.name) - 1].unalias()
        return found
    if isinstance(bare, exp.Column) and not bare.table and rows.local(bare) is None:
        return aliases.get(bare.name.lower(), key)
    return key


def _sets(groups: GroupTranslator, group: exp.Expr) -> str:
    first = group.expressions[0]
    for kind, word in _WORDS.values():
        if isinstance(first, kind):
            return f"{word} ({', '.join(groups.key_sql)})"
    return ", ".join(str(number) for number in range(1, len(groups.key_sql) + 1))
