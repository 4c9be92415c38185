"""The `model` job with a watch on the lake: seconds in which a request to S3 was under way."""

from __future__ import annotations

import functools
import json
import sys
import threading
import time
from collections.abc import Callable
from typing import Any

import model
from medallion.lake.objects import Lake, s3_client
from medallion.runs import job

_METHODS = ("download", "get_json", "get_text", "head", "list_objects", "put_json", "delete")
_UPLOADS = ("put_file", "put_if_changed", "copy")


class Watch:
    """Time in which at least one of some calls, made by any thread, was under way."""

    def __init__(self) -> None:
        self.seconds = 0.0
        self._calls = 0
        self._since = 0.0
        self._lock = threading.Lock()

    def around(self, call: Callable[..., Any]) -> Callable[..., Any]:
        @functools.wraps(call)
        def watched(*arguments: Any, **named: Any) -> Any:
            with self._lock:
                self._calls += 1
                if self._calls == 1:
                    self._since = time.monotonic()
            try:
                answer = call(*arguments, **named)
                return iter(list(answer)) if call.__name__ == "list_objects" else answer
            finally:
                with self._lock:
                    self._calls -= 1
                    if not self._calls:
                        self.seconds += time.monotonic() - self._since

        return watched


def main(bucket: str, run_id: str, stages: list[str]) -> None:
    sys.stdout, lines = sys.stderr, sys.stdout
    job.configure()
    watches = {"download": Watch(), "upload": Watch()}
    for name in (*_METHODS, *_UPLOADS):
        watch = watches["upload" if name in _UPLOADS else "download"]
        setattr(Lake, name, watch.around(getattr(Lake, name)))
    started = time.monotonic()
    for stage in stages:
        model.run(Lake(s3_client(), bucket), stage, run_id)
    seconds = {name: watch.seconds for name, watch in watches.items()}
    lines.write(json.dumps({"seconds": time.monotonic() - started, **seconds}) + "\n")


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2], sys.argv[3:])
