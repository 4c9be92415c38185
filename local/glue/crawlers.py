"""Glue crawlers: their states, and the operations on them."""

from __future__ import annotations

import logging
import threading
import time
import uuid
from collections import defaultdict
from dataclasses import dataclass, field
from datetime import UTC, datetime
from statistics import median
from typing import Any

from botocore.exceptions import ClientError

from local.backends import backend
from local.errors import AwsError
from local.events.bus import emit
from local.glue import catalog
from local.glue.crawl import (
    SERVICE,
    SESSION,
    CrawlerDefinition,
    CrawlStopped,
    check_targets,
    crawl,
    definition,
)
from local.glue.crawl_catalog import Changes
from local.glue.crawl_schema import CrawlError
from local.lifecycle import on_stop
from local.logs.as_role import RoleLogStream
from local.operations import Json, after, before, operation
from local.settings import ACCOUNT, REGION

log = logging.getLogger(__name__)

_HISTORY_STATES = {"SUCCEEDED": "COMPLETED", "FAILED": "FAILED", "CANCELLED": "STOPPED"}
_UPDATABLE = {
    "Classifiers": "classifiers",
    "Configuration": "configuration",
    "CrawlerSecurityConfiguration": "crawler_security_configuration",
    "DatabaseName": "database_name",
    "Description": "description",
    "LineageConfiguration": "lineage_configuration",
    "RecrawlPolicy": "recrawl_policy",
    "Role": "role",
    "Schedule": "schedule",
    "SchemaChangePolicy": "schema_change_policy",
    "TablePrefix": "table_prefix",
    "Targets": "targets",
}


@dataclass(slots=True)
class Crawl:
    """One crawl; its status is None while it runs."""

    crawler: CrawlerDefinition
    id: str = field(default_factory=lambda: str(uuid.uuid4()))
    started: float = field(default_factory=time.time)
    ended: float | None = None
    status: str | None = None
    error: str | None = None
    changes: Changes = field(default_factory=Changes)
    stop: threading.Event = field(default_factory=threading.Event)

    def run(self) -> None:
        """Crawl to the end, whatever it is."""
        lines = [f"[{self.id}] BENCHMARK : Running Start Crawl for Crawler {self.crawler.name}"]
        stream: RoleLogStream | None = None
        try:
            acting = (self.crawler.role, SESSION, SERVICE)
            one = self.crawler
            stream = RoleLogStream(acting, one.log_group, one.name, one.log_key)
            self.changes = crawl(self.crawler, self.stop.is_set, lines)
            status = "SUCCEEDED"
        except CrawlStopped:
            status = "CANCELLED"
        except (AwsError, ClientError, CrawlError) as error:
            status = "FAILED"
            self.error = error.message if isinstance(error, AwsError) else str(error)
        except Exception as error:
            log.exception("the crawl of %s failed", self.crawler.name)
            status, self.error = "FAILED", f"a defect of the local AWS: {error!r}"
        if self.error:
            lines.append(f"ERROR : {self.error}")
        lines.append(f"BENCHMARK : Crawler has finished running and is in state READY ({status})")
        if stream:
            try:
                stream.write(lines)
            except ClientError as error:  # the permission was taken away during the crawl
                log.warning("crawler %s: lines lost: %s", self.crawler.name, error)
        self.ended = time.time()
        self.status = status
        _announce(self)


_lock = threading.RLock()
_crawls: dict[str, list[Crawl]] = defaultdict(list)


def _crawler(name: str) -> Any:
    found = backend("glue").crawlers.get(name)
    if found is None:
        raise AwsError("EntityNotFoundException", f"Crawler with name {name} does not exist")
    return found


def _running(name: str) -> Crawl | None:
    latest = _crawls[name][-1] if _crawls[name] else None
    return latest if latest and latest.status is None else None


def _announce(one: Crawl) -> None:
    """Emit the event of a crawl that started, succeeded or failed; AWS has none for a stopped one.

    Source: https://docs.aws.amazon.com/eventbridge/latest/ref/events-ref-glue.html
    """
    state = {None: "Started", "SUCCEEDED": "Succeeded", "FAILED": "Failed"}.get(one.status)
    if state is None:
        return
    detail: Json = {
        "accountId": ACCOUNT,
        "crawlerName": one.crawler.name,
        "message": f"Crawler {state}",
        "state": state,
    }
    if state == "Started":
        detail["startTime"] = _instant(one.started)
    else:
        detail["cloudWatchLogLink"] = (
            f"https://console.aws.amazon.com/cloudwatch/home?region={REGION}"
            f"#logEventViewer:group={one.crawler.log_group};stream={one.crawler.name}"
        )
    if state == "Failed":
        detail["errorMessage"] = one.error
    if state == "Succeeded":
        ended = one.ended or one.started
        detail |= {
            "completionDate": _instant(ended),
            "partitionsCreated": str(one.changes.partitions_created),
            "partitionsDeleted": str(one.changes.partitions_deleted),
            "partitionsUpdated": "0",
            "runningTime (sec)": str(int(ended - one.started)),
            "tablesCreated": str(len(one.changes.created)),
            "tablesDeleted": str(len(one.changes.deleted)),
            "tablesUpdated": str(len(one.changes.updated)),
            "warningMessage": "N/A",
        }
    emit("aws.glue", "Glue Crawler State Change", detail)


def _instant(since_1970: float) -> str:
    return datetime.fromtimestamp(since_1970, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


@operation("AWSGlue.StartCrawler")
def start_crawler(request: Json) -> Json:
    """Start a crawl; as on AWS, success means that it was accepted.

    Raises
    ------
    AwsError
        ``EntityNotFoundException``, ``CrawlerRunningException``, or ``InvalidInputException`` for
        a setting that is not emulated.
    """
    crawler = _crawler(request["Name"])
    with _lock:
        if _running(crawler.name):
            raise _already_running(crawler.name)
        one = Crawl(definition(crawler))
        _crawls[crawler.name].append(one)
    _announce(one)
    threading.Thread(target=one.run, name=f"crawl-{crawler.name}", daemon=True).start()
    return {}


def _already_running(name: str) -> AwsError:
    return AwsError("CrawlerRunningException", f"Crawler with name {name} has already started")


@operation("AWSGlue.StopCrawler")
def stop_crawler(request: Json) -> Json:
    name = _crawler(request["Name"]).name
    with _lock:
        one = _running(name)
        if one is None:
            raise AwsError("CrawlerNotRunningException", f"Crawler with name {name} isn't running")
        if one.stop.is_set():
            raise AwsError("CrawlerStoppingException", f"Crawler with name {name} is stopping")
        one.stop.set()
    return {}


@before("AWSGlue.CreateCrawler")
def check_new_crawler(request: Json) -> None:
    """Refuse a crawler that could not read its targets, as Glue does beforehand."""
    check_targets(request["Role"], request.get("Targets") or {})


@before("AWSGlue.DeleteCrawler", "AWSGlue.UpdateCrawler")
def refuse_while_running(request: Json) -> None:
    if _running(request["Name"]):
        raise _already_running(request["Name"])


@after("AWSGlue.DeleteCrawler")
def forget(request: Json, response: Json) -> Json:
    _crawls.pop(request["Name"], None)
    return response


@operation("AWSGlue.UpdateCrawler")
def update_crawler(request: Json) -> Json:
    crawler = _crawler(request["Name"])
    check_targets(
        request.get("Role") or crawler.role, request.get("Targets") or crawler.targets or {}
    )
    for name, attribute in _UPDATABLE.items():
        if name in request:
            setattr(crawler, attribute, request[name])
    crawler.version += 1
    crawler.last_updated = datetime.now(UTC)
    return {}


def _completed(crawler: Json) -> Json:
    """Return a crawler as AWS describes it, with the state of its crawls."""
    kept = {k: v for k, v in crawler.items() if v is not None and k != "LastCrawl"}
    kept.setdefault("RecrawlPolicy", {"RecrawlBehavior": "CRAWL_EVERYTHING"})
    kept.setdefault("LineageConfiguration", {"CrawlerLineageSettings": "DISABLE"})
    policy = kept.get("SchemaChangePolicy") or {}
    policy.setdefault("UpdateBehavior", "UPDATE_IN_DATABASE")
    policy.setdefault("DeleteBehavior", "DEPRECATE_IN_DATABASE")
    kept["SchemaChangePolicy"] = policy
    with _lock:
        history = list(_crawls[kept["Name"]])
    running = history.pop() if history and history[-1].status is None else None
    kept["State"] = "READY"
    kept["CrawlElapsedTime"] = 0
    if running:
        kept["State"] = "STOPPING" if running.stop.is_set() else "RUNNING"
        kept["CrawlElapsedTime"] = int((time.time() - running.started) * 1000)
    if history:
        last = history[-1]
        kept["LastCrawl"] = {
            "Status": last.status,
            "LogGroup": last.crawler.log_group,
            "LogStream": last.crawler.name,
            "MessagePrefix": last.id,
            "StartTime": round(last.started, 3),
        }
        if last.error:
            kept["LastCrawl"]["ErrorMessage"] = last.error
    return kept


@after("AWSGlue.GetCrawler")
def complete_crawler(_request: Json, response: Json) -> Json:
    return {"Crawler": _completed(response["Crawler"])}


@after("AWSGlue.GetCrawlers", "AWSGlue.BatchGetCrawlers")
def complete_crawlers(_request: Json, response: Json) -> Json:
    return {**response, "Crawlers": [_completed(one) for one in response.get("Crawlers", [])]}


@operation("AWSGlue.ListCrawls")
def list_crawls(request: Json) -> Json:
    name = _crawler(request["CrawlerName"]).name
    if request.get("Filters"):
        raise AwsError("InvalidInputException", "Filters of ListCrawls are not emulated")
    with _lock:
        history = list(reversed(_crawls[name]))
    start, count = int(request.get("NextToken") or 0), int(request.get("MaxResults") or 20)
    found = []
    for one in history[start : start + count]:
        item: Json = {
            "CrawlId": one.id,
            "State": _HISTORY_STATES[one.status] if one.status else "RUNNING",
            "StartTime": round(one.started, 3),
            "DPUHour": 0.0,
            "LogGroup": one.crawler.log_group,
            "LogStream": name,
            "MessagePrefix": one.id,
        }
        if one.ended:
            item["EndTime"] = round(one.ended, 3)
        if one.error:
            item["ErrorMessage"] = one.error
        found.append(item)
    more = {"NextToken": str(start + count)} if start + count < len(history) else {}
    return {"Crawls": found, **more}


@operation("AWSGlue.GetCrawlerMetrics")
def get_crawler_metrics(request: Json) -> Json:
    names = request.get("CrawlerNameList") or list(backend("glue").crawlers)
    metrics = []
    for name in names:
        _crawler(name)
        seconds = [one.ended - one.started for one in _crawls[name] if one.ended]
        last = next((one.changes for one in reversed(_crawls[name]) if one.ended), Changes())
        metrics.append(
            {
                "CrawlerName": name,
                "TimeLeftSeconds": 0.0,
                "StillEstimating": False,
                "LastRuntimeSeconds": round(seconds[-1], 3) if seconds else 0.0,
                "MedianRuntimeSeconds": round(median(seconds), 3) if seconds else 0.0,
                "TablesCreated": len(last.created),
                "TablesUpdated": len(last.updated),
                "TablesDeleted": len(last.deleted),
            }
        )
    return {"CrawlerMetricsList": metrics}


def install() -> None:
    """Patch the catalog that crawlers write to."""
    catalog.install()


@on_stop
def _stop() -> None:
    for history in list(_crawls.values()):
        for one in history:
            one.stop.set()
