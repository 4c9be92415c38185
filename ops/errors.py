"""Errors that end a command with a message instead of a traceback."""

from __future__ import annotations


class OpsError(Exception):
    """What went wrong, and what to do next.

    Parameters
    ----------
    message
        What was found, and where.
    hint
        The next step, or nothing when the message says it already.
    details
        Text that is shown in full before the message, such as the output of a failed program.
    """

    def __init__(self, message: str, *, hint: str = "", details: str = "") -> None:
        super().__init__(message)
        self.message = message
        self.hint = hint
        self.details = details


class RunFailed(OpsError):  # noqa: N818 - the state of an execution, as Step Functions names it
    """A pipeline run that did not end as SUCCEEDED; what failed has been printed."""
