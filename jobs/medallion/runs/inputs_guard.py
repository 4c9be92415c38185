"""Tables whose inputs may change while they are made: the last to publish has read what is there.

A pass lists the inputs, reads them, publishes, and lists them again; if the lists differ, the
whole is done again. That is enough for jobs that make the same table at the same time:

A pass that read old inputs is always followed by another pass of its job. Take the last write of
such passes, of all jobs. The pass that follows it finds the table as that write left it, and makes
it what the inputs now say: it puts each object that differs, also one that another job has deleted
meanwhile, and deletes those that do not belong. All who publish after that write have read the same
inputs, so they put the same bytes under the same keys, and delete none of them. Who changes a table
builds afterwards what depends on it, so the same holds of models that read models.

A job that ends between such a write and the pass that follows, because it is killed, gives up or
waits for approval, leaves some partitions old. Its run says so; the next run mends the table.
"""

from __future__ import annotations

import hashlib
import json
from collections import Counter
from collections.abc import Callable, Sequence

from medallion.errors import InputsChanged
from medallion.lake.objects import Lake, StoredObject
from medallion.lake.table_layer import ObjectCounts
from medallion.runs.report import Report, RowCounts

MAX_PASSES = 5


class Inputs:
    """
    What lies under some prefixes, as it was listed when this was made.

    Parameters
    ----------
    lake, prefixes
        Where; prefixes end with a slash.
    """

    def __init__(self, lake: Lake, prefixes: Sequence[str]) -> None:
        self._lake = lake
        self._prefixes = prefixes
        self._objects = self._listed()

    def _listed(self) -> dict[str, StoredObject]:
        return {o.key: o for prefix in self._prefixes for o in self._lake.list_objects(prefix)}

    @property
    def fingerprint(self) -> str:
        """16 hexadecimal digits that tell one content of the prefixes from another."""
        digest = hashlib.sha256()
        for key, found in sorted(self._objects.items()):
            digest.update(json.dumps([key, found.etag, found.size]).encode())
        return digest.hexdigest()[:16]

    def changes(self) -> str:
        """List the prefixes again and say how they differ; an empty text if they do not."""
        now = self._listed()
        both = self._objects.keys() & now.keys()
        found = {
            "added": now.keys() - both,
            "changed": {key for key in both if _state(now[key]) != _state(self._objects[key])},
            "gone": self._objects.keys() - both,
        }
        counts = ", ".join(f"{len(keys):,} {what}" for what, keys in found.items() if keys)
        if not counts:
            return ""
        return f"objects: {counts}; the first is {min(set().union(*found.values()))}"

    def require_unchanged(self) -> None:
        """Raise InputsChanged when the prefixes do not hold what they held."""
        changes = self.changes()
        if changes:
            raise InputsChanged(f"{self} changed while it was read ({changes})")

    def __str__(self) -> str:
        return ", ".join(self._prefixes)


def _state(stored: StoredObject) -> tuple[object, ...]:
    # The time as well: an object that was away for a while may come back with the same bytes.
    return stored.etag, stored.size, stored.last_modified


def until_unchanged(
    lake: Lake, prefixes: Sequence[str], report: Report, make: Callable[[Inputs], None]
) -> None:
    """
    Make a table, and make it again as long as its inputs have changed meanwhile.

    Parameters
    ----------
    lake, prefixes
        Where the inputs lie.
    report
        What it says is of the last pass, but for the objects that were written and deleted and
        the bytes: those are of all passes. A warning tells of each pass that was repeated.
    make
        Reads the inputs, fills the report and publishes. An exception that it raises is passed on,
        unless the inputs have changed: what it said of them is not to be relied on then.

    Raises
    ------
    InputsChanged
        When they still changed in the last of MAX_PASSES passes.
    """
    warnings: list[str] = []
    total = ObjectCounts()
    for number in range(1, MAX_PASSES + 1):
        _reset(report, warnings)
        failure: Exception | None = None
        inputs = Inputs(lake, prefixes)
        try:
            make(inputs)
        except Exception as error:
            failure = error
            changes = inputs.changes()
            if not changes:
                raise
        else:
            changes = inputs.changes()
        total.written += report.objects.written
        total.deleted += report.objects.deleted
        total.bytes += report.objects.bytes
        if not changes:
            total.unchanged = report.objects.unchanged
            total.etags = report.objects.etags
            report.objects = total
            return
        if number < MAX_PASSES:
            text = f"{inputs} changed while it was read ({changes}): pass {number + 1} begins"
            report.warn(text)
            warnings.append(text)
    message = (
        f"{inputs} changed while it was read, {MAX_PASSES} times in a row (at last {changes}). The "
        "published table is whole, but may lack the newest rows: run the job again when nothing "
        "writes there"
    )
    if failure is not None and not isinstance(failure, InputsChanged):
        message += f". The last pass failed: {type(failure).__name__}: {failure}"
    raise InputsChanged(message) from failure


def _reset(report: Report, warnings: Sequence[str]) -> None:
    """Forget what a pass has counted."""
    report.rows = RowCounts()
    report.reasons = Counter()
    report.warnings = [*warnings]
    report.objects = ObjectCounts()
    report.held = None
