"""JSONata as Step Functions evaluates it: variables bound to it, and AWS's own functions.

Source: https://docs.aws.amazon.com/step-functions/latest/dg/transforming-data.html
"""

from __future__ import annotations

import copy
import functools
import hashlib
import json
import math
import random
import uuid
from collections.abc import Callable, Mapping
from typing import Any

from jsonata import Jsonata
from jsonata.jexception import JException
from jsonata.utils import Utils

from local.errors import LocalAwsError

_NULL = Utils.NULL_VALUE
_HASHES = {"MD5": "md5", "SHA-1": "sha1", "SHA-256": "sha256", "SHA-384": "sha384"}
_HASHES["SHA-512"] = "sha512"
_LARGEST_RANGE = 1000


class QueryError(LocalAwsError):
    """An expression that does not compile, fails, or yields nothing or a function."""


def _bound(value: Any) -> Any:
    """Return a copy of a JSON value in which null is what the engine takes for null."""
    if value is None:
        return _NULL
    if isinstance(value, Mapping):
        return {key: _bound(one) for key, one in value.items()}
    if isinstance(value, list):
        return [_bound(one) for one in value]
    return value


def _json(value: Any, expression: str) -> Any:
    """Return the engine's result as plain JSON."""
    if value is _NULL:
        return None
    if isinstance(value, bool | str | int):
        return value
    if isinstance(value, float):
        if not math.isfinite(value):
            raise QueryError(
                f"The JSONata expression '{expression}' returned a number out of range."
            )
        return int(value) if value.is_integer() and abs(value) < 2**53 else value
    if isinstance(value, dict):
        members = value.items()
        return {key: _json(one, expression) for key, one in members if one is not None}
    if isinstance(value, list):
        # By index: iterating over the engine's ranges leaves out their last number.
        return [_json(value[index], expression) for index in range(len(value))]
    raise QueryError(f"The JSONata expression '{expression}' returned an unsupported result type.")


def _whole(value: Any, name: str) -> int:
    if isinstance(value, bool) or not isinstance(value, int | float) or value != int(value):
        raise ValueError(f"{name} has to be an integer")
    return int(value)


def _partition(array: Any = None, size: Any = None) -> Any:
    if array is None:
        return None
    items = array if isinstance(array, list) else [array]
    step = _whole(size, "the second argument of $partition")
    if step <= 0:
        raise ValueError("the second argument of $partition has to be above 0")
    return [items[start : start + step] for start in range(0, len(items), step)]


def _range(first: Any = None, last: Any = None, step: Any = None) -> Any:
    start, end = _whole(first, "the start of $range"), _whole(last, "the end of $range")
    by = _whole(step, "the step of $range")
    if by == 0:
        raise ValueError("the step of $range must not be 0")
    numbers = range(start, end + (1 if by > 0 else -1), by)
    if len(numbers) > _LARGEST_RANGE:
        raise ValueError(f"$range yields more than {_LARGEST_RANGE} numbers")
    return list(numbers)


def _hash(data: Any = None, algorithm: Any = None) -> Any:
    if data is None:
        return None
    if not isinstance(data, str):
        raise ValueError("the first argument of $hash has to be a string")
    if algorithm not in _HASHES:
        raise ValueError(f"the algorithm of $hash has to be one of {', '.join(_HASHES)}")
    return hashlib.new(_HASHES[algorithm], data.encode(), usedforsecurity=False).hexdigest()


def _random(seed: Any = None) -> float:
    if seed is None:
        return random.random()  # noqa: S311 - as the function of the language is meant
    return random.Random(_whole(seed, "the seed of $random")).random()  # noqa: S311


def _parse(text: Any = None) -> Any:
    if text is None:
        return None
    if not isinstance(text, str):
        raise ValueError("the argument of $parse has to be a string")
    return _bound(json.loads(text))


def _no_eval(*_arguments: Any) -> Any:
    raise ValueError("$eval is not supported, use $parse to read JSON text")


_FUNCTIONS: dict[str, Callable[..., Any]] = {
    "eval": _no_eval,
    "hash": _hash,
    "parse": _parse,
    "partition": _partition,
    "random": _random,
    "range": _range,
    "uuid": lambda: str(uuid.uuid4()),
}


def compiles(expression: str) -> str | None:
    """Return None for an expression that parses, else what is wrong with it."""
    try:
        Jsonata(expression)
    except JException as error:
        return str(error)
    except Exception as error:  # noqa: BLE001 - the parser lets IndexError and the like escape
        return f"{type(error).__name__}: {error}"
    return None


@functools.lru_cache(maxsize=4096)
def _compiled(expression: str) -> Any:
    engine = Jsonata(expression)
    engine.set_output_convert_nulls(False)
    for name, function in _FUNCTIONS.items():
        engine.register_lambda(name, function)
    return engine


def evaluate(expression: str, variables: Mapping[str, Any]) -> Any:
    """Evaluate an expression.

    Parameters
    ----------
    expression
        JSONata, without the delimiters.
    variables
        JSON values by name, without the ``$``; they shadow AWS's functions, as on AWS.

    Returns
    -------
    object
        A JSON value.

    Raises
    ------
    QueryError
        Worded as the cause of ``States.QueryEvaluationError``.
    """
    try:
        # An engine for this evaluation, for it keeps input and variables in itself; the parsed
        # expression is the same for all, and the functions of the language look up the engine.
        Jsonata.CURRENT.jsonata = engine = copy.copy(_compiled(expression))
        result = engine.evaluate(None, {name: _bound(one) for name, one in variables.items()})
    except Exception as error:
        code = f"{error.get_error()}: " if isinstance(error, JException) else ""
        raise QueryError(
            f"The JSONata expression '{expression}' threw an error during evaluation. {code}{error}"
        ) from error
    if result is None:
        raise QueryError(f"The JSONata expression '{expression}' returned nothing (undefined).")
    return _json(result, expression)
