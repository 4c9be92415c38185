"""Whether all that a run does of a dataset was done before, by a run that came to its end."""

from __future__ import annotations

import hashlib
import json
from typing import TYPE_CHECKING, Any

from medallion.errors import ConfigError, ObjectNotFound

if TYPE_CHECKING:
    from medallion.lake.objects import Lake

_CONFIGURATION = "config/"


class Settled:
    """
    The last run that took a dataset on, at state/settled/<dataset>.json.

    The dataset is settled when that run SUCCEEDED, with every stage of models, and nothing else is
    in config/ and in the code than was then. Whoever has news takes it on, before anything is in
    raw/ and after all is: so what another run may not have seen, and what failed, is done again.

    Parameters
    ----------
    code
        Where the code of the job lies, whose folder is named after its content.
    """

    def __init__(self, lake: Lake, dataset: str, run_id: str, code: str | None) -> None:
        self._lake = lake
        self._key = lake.settled_key(dataset)
        self._run_id = run_id
        self._code = code
        self._begun = False

    def is_settled(self) -> bool:
        """Whether there is nothing left to do of the dataset."""
        last = self._read(self._key)
        return last.get("state") == self._state() and self._succeeded(str(last.get("run_id")))

    def take(self) -> None:
        """Say that this run does all there is to do."""
        self._lake.put_json(self._key, {"run_id": self._run_id, "state": self._state()})

    def begin(self) -> None:
        """Do the same before the first news; for the others it is done."""
        if not self._begun:
            self.take()
            self._begun = True

    def _state(self) -> str:
        digest = hashlib.sha256(json.dumps(self._code).encode())
        for found in self._lake.list_objects(_CONFIGURATION):
            digest.update(json.dumps([found.key, found.etag]).encode())
        return digest.hexdigest()[:16]

    def _succeeded(self, run_id: str) -> bool:
        result = self._read(self._lake.result_key(run_id))
        return result.get("status") == "SUCCEEDED" and result.get("every_stage") is True

    def _read(self, key: str) -> dict[str, Any]:
        try:
            found = self._lake.get_json(key)
        except (ConfigError, ObjectNotFound):
            return {}
        return found if isinstance(found, dict) else {}
