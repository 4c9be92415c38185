"""Access to moto's insides that fails at start-up, by name, when they have moved."""

from __future__ import annotations

import importlib
import inspect
from types import FunctionType, ModuleType
from typing import Any

import moto

from local.errors import MovedSymbolError

MOTO_VERSION = "5.2.5"


def _moved(name: str, reason: str) -> MovedSymbolError:
    return MovedSymbolError(
        f"moto {moto.__version__} has no usable {name}: {reason}. local/ is written for moto "
        f"{MOTO_VERSION}; install that version (pyproject.toml pins it) or adapt the module of "
        "local/ that names the symbol."
    )


def _owner(name: str) -> tuple[Any, str]:
    module_name, _, path = name.partition(":")
    try:
        owner: Any = importlib.import_module(module_name)
    except ImportError as error:
        raise _moved(name, f"the module does not import ({error})") from error
    *parents, last = path.split(".")
    for parent in parents:
        if not hasattr(owner, parent):
            raise _moved(name, f"{parent!r} is missing")
        owner = getattr(owner, parent)
    return owner, last


def resolve(name: str) -> Any:
    """Return the object that ``module:attribute.path`` names.

    Raises
    ------
    MovedSymbolError
        When the module or the attribute does not exist.
    """
    owner, last = _owner(name)
    if not hasattr(owner, last):
        raise _moved(name, f"{last!r} is missing")
    return getattr(owner, last)


def module(name: str) -> ModuleType:
    """Import a module of moto."""
    try:
        return importlib.import_module(name)
    except ImportError as error:
        raise _moved(name, f"the module does not import ({error})") from error


def replace(name: str, replacement: Any) -> Any:
    """Put ``replacement`` where ``module:attribute.path`` points and return what was there.

    Raises
    ------
    MovedSymbolError
        When the symbol is missing, or is a function that takes other parameters than the
        replacement: a moved parameter would else show up as a strange error in some request.
    """
    original = resolve(name)
    owner, last = _owner(name)
    if isinstance(original, FunctionType) and isinstance(replacement, FunctionType):
        expected = list(inspect.signature(replacement).parameters)
        found = list(inspect.signature(original).parameters)
        if expected != found:
            raise _moved(name, f"it takes {found}, local/ expects {expected}")
    static = isinstance(inspect.getattr_static(owner, last), staticmethod)
    setattr(owner, last, staticmethod(replacement) if static else replacement)
    return original
