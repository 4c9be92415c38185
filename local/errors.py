"""Errors of the local AWS.

::

    LocalAwsError
    ├── AwsError            an answer to a caller, in the service's own words
    ├── MovedSymbolError    moto is not the version that local/ was written for
    ├── PortTakenError      the port to listen on is in use
    ├── SparkSetupError     the environment of Spark could not be made
    └── StartError          the server did not come up
"""

from __future__ import annotations


class LocalAwsError(Exception):
    """Any error that local/ raises itself."""


class AwsError(LocalAwsError):
    """An error answer of an AWS API.

    Parameters
    ----------
    code
        The error code as the service's model names it, for example ``EntityNotFoundException``.
    message
        The message as the service words it.
    status
        The HTTP status. Never use 500 and above: SDKs retry those for minutes.
    """

    def __init__(self, code: str, message: str, status: int = 400) -> None:
        super().__init__(f"{code}: {message}")
        self.code = code
        self.message = message
        self.status = status


class MovedSymbolError(LocalAwsError):
    """A symbol of moto that local/ replaces or calls is not where, or what, it used to be."""


class PortTakenError(LocalAwsError):
    """Another process listens on the port that was asked for."""


class SparkSetupError(LocalAwsError):
    """The virtual environment of Spark could not be made, or lacks something."""


class StartError(LocalAwsError):
    """The server process ended or stayed silent instead of becoming ready."""
