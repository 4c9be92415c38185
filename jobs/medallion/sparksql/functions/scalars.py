"""Functions of Spark SQL on numbers, texts and nulls, written for DuckDB (see spark_sql)."""

from __future__ import annotations

import re

from sqlglot import exp

from medallion import duckdb_sql
from medallion.errors import ConfigError
from medallion.sparksql import sqltypes
from medallion.sparksql.dialect import shown
from medallion.sparksql.functions import decimals, narrow
from medallion.sparksql.operators import demand_alike, of, same_kind
from medallion.sparksql.sqltypes import Piece
from medallion.sparksql.translator import Handler, Translator

_BLANK = "' '"
# A regular expression that is a text: signs that have a meaning stand behind a backslash.
_PLAIN = re.compile(r"([A-Za-z0-9 ,;:/#@=_-]|\\[|.,;:/-])+")


def initcap(sql: str) -> str:
    """Write Spark's initcap: words are what stands between blanks, so o'neil becomes O'neil."""
    word = "upper(left(w, 1)) || substr(w, 2)"
    return (
        f"array_to_string(list_transform(string_split(lower({sql}), ' '), lambda w: {word}), ' ')"
    )


# Numbers


def _round(t: Translator, node: exp.Expr) -> Piece:
    value = t.sql(node.this)
    written = t.optional(node, "decimals", "0")
    if not re.fullmatch(r"\(- [0-9]\)|[0-9]", written):
        raise ConfigError(f"'{shown(node)}': round to a number of digits from -9 to 9")
    digits = int(written.strip("()").replace(" ", ""))
    kind = value.kind
    if duckdb_sql.is_decimal(kind):
        kind = _rounded(kind, digits)
        slow = sqltypes.cast(f"round({value}, {digits})", kind)
        return narrow.rounded(value, kind, slow) if digits >= 0 else slow
    if duckdb_sql.is_integer(kind):
        return value if digits >= 0 else sqltypes.cast(f"round({value}, {digits})", kind)
    if digits < 0:
        raise ConfigError(f"'{shown(node)}': round a double to 0 to 9 digits")
    # Spark rounds the decimal text of a double, half up: 2.675 becomes 2.68. What needs more than
    # 18 digits has no fraction left to round.
    exact = f"TRY_CAST(CAST({value} AS VARCHAR) AS DECIMAL(18, {digits}))"
    # As a whole number on the way, since Spark has no -0.0 here.
    fast = f"CAST(CAST(round({value} * 1e{digits}) AS BIGINT) AS DOUBLE) / 1e{digits}"
    exact = f"coalesce(CAST({exact} AS DOUBLE), {value})"
    return Piece(decimals.unless_tied(value, digits, fast, exact), "DOUBLE")


def _rounded(kind: str, digits: int) -> str:
    """Give the type of a decimal that has been rounded."""
    precision, scale = sqltypes.digits(kind)
    whole = precision - scale + 1
    if digits < 0:
        return sqltypes.decimal(max(whole, 1 - digits), 0)
    scale = min(scale, digits)
    return sqltypes.decimal(whole + scale, scale)


def _whole(name: str) -> Handler:
    def write(t: Translator, node: exp.Expr) -> Piece:
        if node.args.get("decimals") is not None:
            raise ConfigError(f"'{shown(node)}': {name} takes one argument; use round")
        value = t.sql(node.this)
        kind = "BIGINT"
        if duckdb_sql.is_decimal(value.kind):
            precision, scale = sqltypes.digits(value.kind)
            kind = sqltypes.decimal(precision - scale + 1, 0)
        return Piece(f"TRY_CAST({name}({value}) AS {kind})", kind)

    return write


def _abs(t: Translator, node: exp.Expr) -> Piece:
    value = t.sql(node.this)
    return Piece(f"abs({value})", value.kind)


def _log(t: Translator, node: exp.Expr) -> str:
    value, name = t.sql(node.expression), {"10": "log10", "2": "log2"}.get(node.this.name)
    if name is None:
        raise ConfigError(f"'{shown(node)}': only the bases 2, 10 and e (ln) are known")
    return f"(CASE WHEN {value} > 0 THEN {name}({value}) END)"


def _chosen(name: str) -> Handler:
    def write(t: Translator, node: exp.Expr) -> Piece:
        values = same_kind(t, node, [node.this, *node.expressions])
        return Piece(f"{name}({', '.join(map(str, values))})", values[0].kind)

    return write


# Nulls


def _nullif(t: Translator, node: exp.Expr) -> Piece:
    values = demand_alike(t, node, [node.this, node.expression])
    kind = t.sql(node.this).kind
    return sqltypes.cast(f"nullif({values[0]}, {values[1]})", kind)


def _nvl2(t: Translator, node: exp.Expr) -> Piece:
    then, otherwise = same_kind(t, node, [node.args["true"], node.args["false"]])
    value = t.sql(node.this)
    written = f"(CASE WHEN {value} IS NOT NULL THEN {then} ELSE {otherwise} END)"
    return Piece(written, then.kind)


def _is_null(test: str) -> Handler:
    def write(t: Translator, node: exp.Expr) -> Piece:
        return Piece(f"({t.arguments(node, 1, 1)[0]} {test})", "BOOLEAN")

    return write


# Texts


def _texts(t: Translator, node: exp.Expr) -> list[str]:
    return [str(t.text(t.sql(part))) for part in node.expressions]


def _pipes(t: Translator, node: exp.Expr) -> str:
    if isinstance(node.expression, (exp.Add, exp.Sub)):
        # For Spark || binds as + does, for sqlglot it binds less.
        raise ConfigError(f"'{shown(node)}': put what is after || in brackets")
    return f"({t.text(t.sql(node.this))} || {t.text(t.sql(node.expression))})"


def _upper(t: Translator, node: exp.Expr) -> str:
    value = t.text(t.sql(node.this))
    # DuckDB has a capital ß, Java has none.
    whole = f"upper(replace({value}, 'ß', 'SS'))"
    if len(value.sql) > decimals.SHORT:
        return whole
    return f"(CASE WHEN contains({value}, 'ß') THEN {whole} ELSE upper({value}) END)"


def _trim(t: Translator, node: exp.Expr) -> str:
    name = {"LEADING": "ltrim", "TRAILING": "rtrim"}.get(node.text("position"), "trim")
    return f"{name}({t.text(t.sql(node.this))}, {t.optional(node, 'expression', _BLANK)})"


def _btrim(t: Translator, node: exp.Expr) -> Piece:
    value, *characters = t.arguments(node, 1, 2)
    return Piece(f"trim({t.text(value)}, {characters[0] if characters else _BLANK})", "VARCHAR")


def _substring(t: Translator, node: exp.Expr) -> str:
    value, start = t.text(t.sql(node.this)), t.sql(node.args["start"])
    length = node.args.get("length")
    # Positions are taken from the start of the text: 0 is the same as 1, and what a negative
    # one counts from the end may lie before the start, where there are no characters.
    first = (
        f"(CASE WHEN {start} > 0 THEN {start} WHEN {start} = 0 THEN 1 "
        f"ELSE length({value}) + {start} + 1 END)"
    )
    if length is None:
        return f"substr({value}, greatest({first}, 1))"
    end = f"({first} + {t.sql(length)})"
    return f"substr({value}, greatest({first}, 1), greatest({end} - greatest({first}, 1), 0))"


def _pad(t: Translator, node: exp.Expr) -> str:
    length = f"greatest(CAST({t.sql(node.expression)} AS INTEGER), 0)"
    name, fill = (
        "lpad" if node.args["is_left"] else "rpad",
        t.optional(node, "fill_pattern", _BLANK),
    )
    return f"{name}({t.text(t.sql(node.this))}, {length}, {fill})"


def _position(t: Translator, node: exp.Expr) -> str:
    if node.args.get("position") is not None or node.args.get("occurrence") is not None:
        raise ConfigError(f"'{shown(node)}': give no start position")
    return f"strpos({t.text(t.sql(node.this))}, {t.sql(node.args['substr'])})"


def _regexp_extract(t: Translator, node: exp.Expr) -> str:
    group = t.optional(node, "group", "1")
    return f"regexp_extract({t.text(t.sql(node.this))}, {_pattern(t, node)}, {group})"


def _regexp_replace(t: Translator, node: exp.Expr) -> str:
    replacement = node.args["replacement"]
    if not replacement.is_string:
        raise ConfigError(f"'{shown(node)}': the replacement must be a text in quotes")
    # Java writes the first group $1, DuckDB \1.
    written = re.sub(r"\$([0-9])", r"\\\1", replacement.name)
    value = t.text(t.sql(node.this))
    return f"regexp_replace({value}, {_pattern(t, node)}, {duckdb_sql.literal(written)}, 'g')"


def _pattern(t: Translator, node: exp.Expr) -> str:
    if not node.expression.is_string:
        raise ConfigError(f"'{shown(node)}': the pattern must be a text in quotes")
    return str(t.sql(node.expression))


def _element(t: Translator, node: exp.Expr) -> str:
    """Write split(text, pattern)[n]; there are no other arrays."""
    index = node.expressions[0]
    if not isinstance(node.this, exp.RegexpSplit) or not index.is_int or index.is_string:
        raise ConfigError(f"'{shown(node)}': only split(text, pattern)[number] is supported")
    number = int(index.name) + (0 if node.args.get("offset") == 1 else 1)
    if number < 1:
        raise ConfigError(f"'{shown(node)}': the index is before the first element")
    value, pattern = t.sql(node.this.this), _pattern(t, node.this)
    written = node.this.expression.name
    if _PLAIN.fullmatch(written):
        plain = duckdb_sql.literal(written.replace("\\", ""))
        return f"(string_split({value}, {plain})[{number}])"
    return f"(str_split_regex({value}, {pattern})[{number}])"


def _sha2(t: Translator, node: exp.Expr) -> str:
    if t.optional(node, "length", "256") not in ("256", "0"):
        raise ConfigError(f"'{shown(node)}': only sha2(text, 256) is supported")
    return f"sha256({t.text(t.sql(node.this))})"


HANDLERS: dict[type[exp.Expr], Handler] = {
    exp.Abs: _abs,
    exp.Round: _round,
    exp.Floor: _whole("floor"),
    exp.Ceil: _whole("ceil"),
    exp.Greatest: _chosen("greatest"),
    exp.Least: _chosen("least"),
    exp.Coalesce: _chosen("coalesce"),
    exp.Nullif: _nullif,
    exp.Nvl2: _nvl2,
    **of(
        "DOUBLE",
        {
            exp.Sqrt: "(CASE WHEN {this} < 0 THEN CAST('nan' AS DOUBLE) ELSE sqrt({this}) END)",
            exp.Pow: "pow({this}, {expression})",
            exp.Exp: "exp({this})",
            exp.Ln: "(CASE WHEN {this} > 0 THEN ln({this}) END)",
            exp.Log: _log,
            exp.Sign: "CAST(sign({this}) AS DOUBLE)",
        },
    ),
    **of("INTEGER", {exp.Length: "length({this:text})", exp.StrPosition: _position}),
    **of(
        "BOOLEAN",
        {
            exp.StartsWith: "starts_with({this}, {expression})",
            exp.EndsWith: "ends_with({this}, {expression})",
            exp.Contains: "contains({this}, {expression})",
        },
    ),
    **of(
        "VARCHAR",
        {
            # DuckDB's concat passes over nulls; Spark's gives null, as || does in both.
            exp.Concat: lambda t, node: f"({' || '.join(_texts(t, node))})",
            exp.DPipe: _pipes,
            exp.ConcatWs: lambda t, node: f"concat_ws({', '.join(_texts(t, node))})",
            exp.Lower: "lower({this:text})",
            exp.Upper: _upper,
            exp.Initcap: lambda t, node: initcap(str(t.text(t.sql(node.this)))),
            exp.Trim: _trim,
            exp.Reverse: "reverse({this:text})",
            exp.Repeat: "repeat({this:text}, {times})",
            exp.Replace: "replace({this:text}, {expression}, {replacement:''})",
            exp.Translate: "translate({this:text}, {from_}, {to})",
            exp.Substring: _substring,
            exp.Left: "left({this:text}, greatest({expression}, 0))",
            exp.Right: "right({this:text}, greatest({expression}, 0))",
            exp.Pad: _pad,
            exp.SplitPart: "split_part({this:text}, {delimiter}, {part_index})",
            exp.RegexpExtract: _regexp_extract,
            exp.RegexpReplace: _regexp_replace,
            exp.Bracket: _element,
            exp.MD5: "md5({this:text})",
            exp.SHA2: _sha2,
        },
    ),
}

# Functions that sqlglot leaves as it finds them, by name.
NAMED: dict[str, Handler] = {
    "btrim": _btrim,
    "isnull": _is_null("IS NULL"),
    "isnotnull": _is_null("IS NOT NULL"),
}

NAMES = (
    *("abs", "btrim", "ceil", "coalesce", "concat", "concat_ws", "contains", "endswith", "exp"),
    *("floor", "greatest", "if", "ifnull", "initcap", "instr", "isnotnull", "isnull", "least"),
    *("left", "length", "ln", "locate", "log10", "log2", "lower", "lpad", "ltrim", "md5"),
    *("nullif", "nvl", "nvl2", "power", "regexp_extract", "regexp_like"),
    *("regexp_replace", "repeat", "replace", "reverse", "right", "round", "rpad", "rtrim"),
    *("sha2", "sign", "split", "split_part", "sqrt", "startswith", "substr", "substring"),
    *("translate", "trim", "upper"),
)
