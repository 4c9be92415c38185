"""The Glue Data Catalog's rules that moto does not keep: lower-case names, versions of tables."""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import Any

from local import symbols
from local.backends import backend
from local.errors import AwsError
from local.operations import Json, operation

_BACKEND = "moto.glue.models:GlueBackend"


def _replace(method: str, make: Callable[[Callable[..., Any]], Callable[..., Any]]) -> None:
    original: list[Callable[..., Any]] = []

    def forward(*arguments: Any, **named: Any) -> Any:
        return original[0](*arguments, **named)

    original.append(symbols.replace(f"{_BACKEND}.{method}", make(forward)))


def _fold_database(forward: Callable[..., Any]) -> Callable[..., Any]:
    def get_database(self: Any, database_name: str) -> Any:
        return forward(self, (database_name or "").lower())

    return get_database


def _fold_new_database(forward: Callable[..., Any]) -> Callable[..., Any]:
    def create_database(
        self: Any,
        database_name: str,
        database_input: dict[str, Any],
        tags: dict[str, str] | None = None,
    ) -> Any:
        name = (database_name or "").lower()
        return forward(self, name, {**database_input, "Name": name}, tags)

    return create_database


def _fold_changed_database(forward: Callable[..., Any]) -> Callable[..., Any]:
    def update_database(self: Any, database_name: str, database_input: dict[str, Any]) -> None:
        forward(self, (database_name or "").lower(), database_input)

    return update_database


def _fold_new_table(forward: Callable[..., Any]) -> Callable[..., Any]:
    def create_table(
        self: Any,
        database_name: str,
        table_name: str,
        table_input: dict[str, Any],
        open_table_format_input: dict[str, Any] | None = None,
    ) -> Any:
        name = (table_name or "").lower()
        folded = {**table_input, "Name": name}
        made = forward(self, database_name, name, folded, open_table_format_input)
        # Glue counts versions from 0, moto from 1.
        made.versions = {"0": made.versions.pop(str(made._current_version))}
        made._current_version = 0
        return made

    return create_table


def _fold_table(forward: Callable[..., Any]) -> Callable[..., Any]:
    def get_table(self: Any, database_name: str, table_name: str) -> Any:
        return forward(self, database_name, (table_name or "").lower())

    return get_table


def _fold_changed_table(forward: Callable[..., Any]) -> Callable[..., Any]:
    def update_table(
        self: Any, database_name: str, table_name: str, table_input: dict[str, Any]
    ) -> None:
        name = (table_name or "").lower()
        forward(self, database_name, name, {**table_input, "Name": name})

    return update_table


_updating = threading.Lock()


@operation("AWSGlue.UpdateTable")
def update_table(request: Json) -> Json:
    """Update a table, unless the request names a version that it no longer has.

    Source: https://github.com/floci-io/floci/issues/1205, where it was tried on AWS.
    """
    catalog, given = backend("glue"), request["TableInput"]
    with _updating:
        table = catalog.get_table(request["DatabaseName"], given["Name"])
        wanted = request.get("VersionId")
        if wanted is not None and wanted != table.as_dict()["VersionId"]:
            raise AwsError(
                "ConcurrentModificationException",
                "Update table failed due to concurrent modifications.",
            )
        catalog.update_table(request["DatabaseName"], given["Name"], given)
    return {}


def install() -> None:
    """Put the folding methods in the place of moto's."""
    _replace("create_database", _fold_new_database)
    _replace("get_database", _fold_database)
    _replace("update_database", _fold_changed_database)
    _replace("delete_database", _fold_database)
    _replace("create_table", _fold_new_table)
    _replace("get_table", _fold_table)
    _replace("delete_table", _fold_table)
    _replace("update_table", _fold_changed_table)
