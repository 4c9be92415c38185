"""Whether a table would be made as it is: then it is not made again."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from medallion.errors import ConfigError, ObjectNotFound

if TYPE_CHECKING:
    from medallion.lake.objects import Lake
    from medallion.runs.inputs_guard import Inputs


class LastBuild:
    """
    What a table was made of, and which objects that gave, at state/built/<prefix>.json.

    A record holds for what its writer has read and put, not for what lies in the bucket: the ETags
    are those of its own answers from S3. So it is of no use when others have written to the table
    meanwhile, also when they were killed half way, and the table is made again. An ETag stands for
    one content of an object (AmazonS3/latest/API/RESTCommonResponseHeaders.html); where the same
    content gets another one, as it may with KMS, the table is made once more than it need be.

    Parameters
    ----------
    lake, prefix
        Where the table is; `prefix` ends with a slash.
    recipe
        All that decides what the table is, beside its inputs: code, versions, settings, SQL.
    beside
        The key of an object that is made with the table, wherever it lies, if there is one.
    """

    def __init__(
        self, lake: Lake, prefix: str, recipe: Sequence[object], beside: str | None = None
    ) -> None:
        self._lake = lake
        self._prefix = prefix
        self._beside = beside
        self._key = lake.built_key(prefix)
        self._recipe = _digest(recipe)

    def find(self, inputs: Inputs) -> dict[str, Any] | None:
        """Give what was kept of the table; None when anything differs from what was then."""
        try:
            last = self._lake.get_json(self._key)
        except (ConfigError, ObjectNotFound):
            return None
        if not isinstance(last, dict):
            return None
        expected = {"recipe": self._recipe, "inputs": inputs.fingerprint}
        if any(last.get(name) != value for name, value in expected.items()):
            return None
        now = {found.key: found.etag for found in self._lake.list_objects(self._prefix)}
        other = self._lake.head(self._beside) if self._beside else None
        if other:
            now[other.key] = other.etag
        return last.get("kept") if last.get("objects") == _digest(sorted(now.items())) else None

    def keep(self, inputs: Inputs, etags: Mapping[str, str], kept: Mapping[str, Any]) -> None:
        """
        Keep how the table was made.

        Parameters
        ----------
        inputs
            As they were before and after it was made.
        etags
            Of all its objects by key, from the answers to who put them; one that is not known is
            empty, and then the table is made again.
        kept
            What `find` is to give.
        """
        record = {
            "recipe": self._recipe,
            "inputs": inputs.fingerprint,
            "objects": _digest(sorted(etags.items())),
            "kept": kept,
        }
        self._lake.put_json(self._key, record)


def _digest(values: Sequence[object]) -> str:
    return hashlib.sha256(json.dumps(values).encode()).hexdigest()[:16]
