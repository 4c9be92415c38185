"""Athena's workgroups, prepared statements and tags, where moto lacks or mistakes them."""

from __future__ import annotations

import contextlib
import re
import threading
import time
from typing import Any

from local.athena.errors import QueryFailedError, malformed
from local.athena.sql import parse
from local.athena.statements import classify
from local.backends import backend
from local.errors import AwsError
from local.operations import Json, after, operation

_lock = threading.RLock()
_statements: dict[tuple[str, str], Json] = {}
_created: dict[str, float] = {}
_queries_in: dict[str, int] = {}


def invalid(message: str) -> AwsError:
    """Return Athena's usual refusal."""
    return AwsError("InvalidRequestException", message)


def workgroup(name: str) -> Any:
    """Return moto's workgroup.

    Raises
    ------
    AwsError
        ``InvalidRequestException`` when there is none of that name.
    """
    found = backend("athena").work_groups.get(name)
    if found is None:
        raise invalid(f"WorkGroup {name} is not found.")
    return found


def note_query(name: str) -> None:
    """Note that a workgroup has a query history."""
    with _lock:
        _queries_in[name] = _queries_in.get(name, 0) + 1


@operation("AmazonAthena.CreateWorkGroup")
def create_work_group(request: Json) -> Json:
    name = request.get("Name", "")
    if not re.fullmatch(r"[a-zA-Z0-9._-]{1,128}", name):
        raise invalid(f"WorkGroup name {name!r} is not valid: 1 to 128 of a-z A-Z 0-9 . _ -")
    configuration = request.get("Configuration") or {}
    _check_cutoff(configuration)
    created = backend("athena").create_work_group(
        name, configuration, request.get("Description", ""), request.get("Tags") or []
    )
    if created is None:
        raise invalid("WorkGroup is already created")
    _created[name] = time.time()
    return {}


def _check_cutoff(configuration: Json) -> None:
    cutoff = configuration.get("BytesScannedCutoffPerQuery")
    if cutoff is not None and cutoff < 10_000_000:
        raise invalid(f"BytesScannedCutoffPerQuery is {cutoff}; it has to be at least 10000000")


@operation("AmazonAthena.GetWorkGroup")
def get_work_group(request: Json) -> Json:
    group = workgroup(request["WorkGroup"])
    return {
        "WorkGroup": {
            "Name": group.name,
            "State": group.state,
            "Configuration": group.configuration,
            "Description": group.description or "",
            "CreationTime": _created.setdefault(group.name, time.time()),
        }
    }


@operation("AmazonAthena.UpdateWorkGroup")
def update_work_group(request: Json) -> Json:
    group = workgroup(request["WorkGroup"])
    updates = dict(request.get("ConfigurationUpdates") or {})
    _check_cutoff(updates)
    with _lock:
        if "Description" in request:
            group.description = request["Description"]
        if "State" in request:
            group.state = request["State"]
        results = dict(updates.pop("ResultConfigurationUpdates", {}))
        kept = group.configuration.setdefault("ResultConfiguration", {})
        for target, changes in ((kept, results), (group.configuration, updates)):
            for key, value in changes.items():
                if key.startswith("Remove"):
                    if value:
                        target.pop(key.removeprefix("Remove"), None)
                else:
                    target[key] = value
    return {}


@operation("AmazonAthena.DeleteWorkGroup")
def delete_work_group(request: Json) -> Json:
    name = request["WorkGroup"]
    workgroup(name)
    if name == "primary":
        raise invalid("WorkGroup primary cannot be deleted")
    athena = backend("athena")
    with _lock:
        prepared = [key for key in _statements if key[0] == name]
        named = [q for q in athena.named_queries.values() if q.workgroup.name == name]
        if (prepared or named or _queries_in.get(name)) and not request.get(
            "RecursiveDeleteOption"
        ):
            raise invalid(f"WorkGroup {name} is not empty")
        for key in prepared:
            del _statements[key]
        for query in named:
            del athena.named_queries[query.id]
        _queries_in.pop(name, None)
        _created.pop(name, None)
        athena.delete_work_group(name)
    return {}


@operation("AmazonAthena.ListTagsForResource")
def list_tags(request: Json) -> Json:
    arn = request["ResourceARN"]
    kind, _, name = arn.split(":")[-1].partition("/")
    if kind == "workgroup":
        workgroup(name)
    tags = backend("athena").tagger.list_tags_for_resource(arn)
    return {"Tags": tags.get("Tags", [])}


@operation("AmazonAthena.GetDataCatalog")
def get_data_catalog(request: Json) -> Json:
    name = request.get("Name", "")
    if name.lower() == "awsdatacatalog":
        return {"DataCatalog": {"Name": "AwsDataCatalog", "Type": "GLUE"}}
    found = backend("athena").get_data_catalog(name)
    if found is None:
        raise invalid(f"DataCatalog {name} was not found")
    return {"DataCatalog": found}


@after("AmazonAthena.ListDataCatalogs")
def list_data_catalogs(_request: Json, response: Json) -> Json:
    own = {"CatalogName": "AwsDataCatalog", "Type": "GLUE"}
    return {**response, "DataCatalogsSummary": [own, *response["DataCatalogsSummary"]]}


# --------------------------------------------------------------------------- prepared statements


def _checked(request: Json) -> Json:
    name, query = request["StatementName"], request["QueryStatement"]
    if not re.fullmatch(r"[A-Za-z_][A-Za-z0-9_@:]{0,255}", name):
        raise invalid(f"StatementName {name!r} is not valid: letters, digits, _ @ :, 256 at most")
    if classify(query) is not None:
        raise malformed(f"Statement {name} is not a query: the local AWS prepares SELECT only")
    with contextlib.suppress(QueryFailedError):  # it parses; the rest shows when it is executed
        parse(query)
    return {
        "StatementName": name,
        "QueryStatement": query,
        "WorkGroupName": request["WorkGroup"],
        "Description": request.get("Description", ""),
        "LastModifiedTime": time.time(),
    }


@operation("AmazonAthena.CreatePreparedStatement")
def create_prepared_statement(request: Json) -> Json:
    group = workgroup(request["WorkGroup"]).name
    with _lock:
        if (group, request["StatementName"]) in _statements:
            raise invalid(
                f"PreparedStatement {request['StatementName']} already exists in WorkGroup {group}"
            )
        _statements[group, request["StatementName"]] = _checked(request)
    return {}


def _statement(request: Json) -> tuple[str, str]:
    group, name = workgroup(request["WorkGroup"]).name, request["StatementName"]
    if (group, name) not in _statements:
        raise AwsError(
            "ResourceNotFoundException",
            f"PreparedStatement {name} was not found in WorkGroup {group}",
        )
    return group, name


@operation("AmazonAthena.GetPreparedStatement")
def get_prepared_statement(request: Json) -> Json:
    with _lock:
        return {"PreparedStatement": dict(_statements[_statement(request)])}


@operation("AmazonAthena.UpdatePreparedStatement")
def update_prepared_statement(request: Json) -> Json:
    with _lock:
        _statements[_statement(request)] = _checked(request)
    return {}


@operation("AmazonAthena.DeletePreparedStatement")
def delete_prepared_statement(request: Json) -> Json:
    with _lock:
        del _statements[_statement(request)]
    return {}


@operation("AmazonAthena.ListPreparedStatements")
def list_prepared_statements(request: Json) -> Json:
    group = workgroup(request["WorkGroup"]).name
    with _lock:
        found = sorted(
            (s["StatementName"], s["LastModifiedTime"])
            for key, s in _statements.items()
            if key[0] == group
        )
    return {"PreparedStatements": [{"StatementName": n, "LastModifiedTime": t} for n, t in found]}
