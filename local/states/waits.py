"""Waiting, for a time or before a retry: no longer than the execution runs; and time-outs.

Source: https://docs.aws.amazon.com/step-functions/latest/dg/state-wait.html
"""

from __future__ import annotations

import re
import time
from datetime import UTC, datetime
from typing import Any

from local.states import interpreter as asl
from local.symbols import replace

LONGEST_SECONDS = 99_999_999
# A stop wakes whoever waits; the pause covers one that comes just before the waiting begins.
LONGEST_PAUSE = 1.0
_TIMESTAMP = re.compile(r"\d{4}-\d{2}-\d{2}T\d{2}:\d{2}:\d{2}(\.\d+)?(Z|[+-]\d{2}:\d{2})")


def pause(env: Any, seconds: float) -> None:
    """Wait that long at most, and end as soon as something happens to the environment."""
    env.program_state_event.wait(min(max(seconds, 0), LONGEST_PAUSE))


def wake(env: Any) -> None:
    """End a :func:`pause` that another thread makes in this environment."""
    env.program_state_event.set()
    env.program_state_event.clear()


def wait_until(env: Any, deadline: float) -> None:
    """Wait for a moment of ``time.time()``, or until the environment has ended before."""
    while env.is_running() and (left := deadline - time.time()) > 0:
        pause(env, left)


def parse_timestamp(timestamp: Any) -> datetime | None:
    """Return the moment that a timestamp of a state machine names, or None where it is none."""
    if not isinstance(timestamp, str) or not _TIMESTAMP.fullmatch(timestamp):
        return None
    try:
        return datetime.fromisoformat(timestamp.replace("Z", "+00:00"))
    except ValueError:
        return None


def _wrong_type(env: Any, expression: str, field: str, expected: str, value: Any) -> Any:
    cause = (
        f"The JSONata expression '{expression}' specified for the field '{field}' returned an "
        f"unexpected result type. Expected '{expected}', but was {value!r}."
    )
    return asl.FailureEventException(asl.query_failure(env, cause))


# The parameters of these have the names of the methods that they replace.
def _eval_wait(self: Any, env: Any) -> None:
    seconds = self._get_wait_seconds(env=env)
    wait_until(env, time.time() + seconds)


def _seconds_until(self: Any, env: Any) -> float:
    self.string.eval(env=env)
    value = env.stack.pop()
    moment = parse_timestamp(value)
    if moment is None and hasattr(self.string, "expression"):
        raise _wrong_type(env, self.string.expression, "Timestamp", "TIMESTAMP", value)
    if moment is None:
        raise asl.FailureEventException(self._create_failure_event(env, value))
    return moment.timestamp() - datetime.now(UTC).timestamp()


def _whole_seconds(self: Any, env: Any, field: str, least: int) -> int:
    self.string_jsonata.eval(env=env)
    value = env.stack.pop()
    whole = isinstance(value, int) and not isinstance(value, bool)
    if not whole or not least <= value <= LONGEST_SECONDS:
        expected = f"INTEGER from {least} to {LONGEST_SECONDS}"
        raise _wrong_type(env, self.string_jsonata.expression, field, expected, value)
    return int(value)


def _wait_seconds(self: Any, env: Any) -> int:
    return _whole_seconds(self, env, "Seconds", 0)


def _timeout_seconds(self: Any, env: Any) -> int:
    return _whole_seconds(self, env, "TimeoutSeconds", 1)


def _heartbeat_seconds(self: Any, env: Any) -> int:
    return _whole_seconds(self, env, "HeartbeatSeconds", 1)


def _eval_retrier(self: Any, env: Any) -> None:
    """Wait for the next attempt, but no longer than the execution runs."""
    self.error_equals.eval(env)
    if not env.stack.pop():
        env.stack.append(asl.RetrierOutcome.Skipped)
        return
    self.max_attempts.eval(env=env)
    if env.stack.pop() == asl.MaxAttemptsOutcome.EXHAUSTED:
        env.stack.append(asl.RetrierOutcome.Failed)
        return
    for part in (self.interval_seconds, self.backoff_rate, self.max_delay_seconds):
        part.eval(env=env)
    self.jitter_strategy.eval(env=env)
    wait_until(env, time.time() + env.stack.pop())
    env.stack.append(asl.RetrierOutcome.Executed)


def install() -> None:
    """Put these functions into the interpreter."""
    functions = f"{asl.STATE}wait.wait_function."
    replace(f"{functions}wait_function:WaitFunction._eval_body", _eval_wait)
    replace(f"{functions}seconds:SecondsJSONata._get_wait_seconds", _wait_seconds)
    replace(f"{functions}timestamp:Timestamp._get_wait_seconds", _seconds_until)
    replace(f"{functions}timestamp:Timestamp._from_timestamp_string", parse_timestamp)
    replace(f"{asl.COMMON}retry.retrier_decl:RetrierDecl._eval_body", _eval_retrier)
    timeouts = f"{asl.COMMON}timeouts."
    replace(f"{timeouts}timeout:TimeoutSecondsJSONata._eval_seconds", _timeout_seconds)
    replace(f"{timeouts}heartbeat:HeartbeatSecondsJSONata._eval_seconds", _heartbeat_seconds)
