"""Servers on this machine that outlive the command which starts them: start, tell, end."""

from __future__ import annotations

import os
import re
import signal
import socket
import subprocess
import time
from collections.abc import Sequence
from pathlib import Path

from ops.environment import ROOT
from ops.errors import OpsError

START_SECONDS = 60
STOP_SECONDS = 15

# Servers that this very process has started: a child stays in the process table until it is asked.
_children: dict[int, subprocess.Popen[bytes]] = {}


def launch(what: str, command: Sequence[str], ready: str, log: Path) -> tuple[int, int]:
    """Start a server and wait until it is ready.

    Parameters
    ----------
    what
        What it is called in errors.
    ready
        Pattern of the line of its log that says so; its group is the port.
    log
        Where what it prints goes.

    Returns
    -------
    tuple
        Its process number and its port.

    Raises
    ------
    OpsError
        It ends, or does not get ready; the end of its log is in the error.
    """
    with log.open("w", encoding="utf-8") as stream:
        process = subprocess.Popen(
            command, cwd=ROOT, stdin=subprocess.DEVNULL, stdout=stream, stderr=stream,
            start_new_session=True,
        )  # fmt: skip
    try:
        port = _wait_ready(what, process, ready, log)
    except BaseException:
        process.terminate()
        process.wait(STOP_SECONDS)
        raise
    _children[process.pid] = process
    return process.pid, port


def _wait_ready(what: str, process: subprocess.Popen[bytes], ready: str, log: Path) -> int:
    deadline = time.monotonic() + START_SECONDS
    while True:
        text = log.read_text(encoding="utf-8", errors="replace")
        if found := re.search(ready, text, re.MULTILINE):
            return int(found[1])
        code = process.poll()
        if code is not None or time.monotonic() > deadline:
            state = f"ended with exit code {code}" if code is not None else "is not ready"
            raise OpsError(
                f"The {what} {state} after its start.",
                hint=f"Its whole log: {log}",
                details="\n".join(text.splitlines()[-40:]),
            )
        time.sleep(0.05)


def answers(port: int) -> bool:
    """Whether something listens on a port of this machine."""
    try:
        with socket.create_connection(("127.0.0.1", port), timeout=2):
            return True
    except OSError:
        return False


def runs(pid: int, port: int, command: str) -> bool:
    """Tell a server by a part of its command from a stranger that was given its number later."""
    try:
        found = subprocess.run(
            ["ps", "-o", "command=", "-p", str(pid)],
            capture_output=True, text=True, check=False,
        ).stdout  # fmt: skip
    except FileNotFoundError:  # a machine without ps
        return answers(port)
    return command in found


def end(pid: int) -> None:
    """End a server: in order, if it does so in time."""
    deadline = time.monotonic() + STOP_SECONDS
    os.kill(pid, signal.SIGTERM)
    while alive(pid):
        if time.monotonic() > deadline:
            os.killpg(pid, signal.SIGKILL)
            return
        time.sleep(0.05)


def alive(pid: int) -> bool:
    """Whether a process is at work."""
    if pid in _children:
        return _children[pid].poll() is None
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return True
