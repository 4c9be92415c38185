"""What can go wrong in a job.

LakeError
├── ConfigError        the contract or an argument is wrong: change the configuration
├── FileRefused        a file cannot be read as its contract says: quarantined, the job goes on
├── AccountingError    rows were lost or counted twice: a defect of the job
├── AccessDenied       the job's role lacks a permission, and S3 does not say which
├── ObjectNotFound     an object that has to be there is not
├── DiskFull           the local disk is too small for the file: give the job more disk
├── SourceFailed       the server of a dataset does not give its data: see what it says, or ask it
├── InputsChanged      other runs wrote to a job's inputs all the time: run it again later
└── ModelsFailed       some SQL models of a stage failed or were skipped; the others are written

None of them is worth a retry. Failures of AWS itself (botocore.exceptions) are passed on as they
are; the client has already retried what is transient.
"""

from __future__ import annotations


class LakeError(Exception):
    """Base of all errors that jobs raise on purpose."""


class ConfigError(LakeError):
    """The contract of a dataset, or an argument of a job, is not valid."""


class FileRefused(LakeError):  # noqa: N818 - names the outcome, as the reports do
    """A file cannot be accepted; `reason` says why in words for whoever sent it."""

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason


class AccountingError(LakeError):
    """The rows that went in are not the rows that came out, were refused or dropped."""


class AccessDenied(LakeError):  # noqa: N818 - the name that AWS has for it
    """The role of the job may not do what the job has to do."""


class ObjectNotFound(LakeError):  # noqa: N818 - names the outcome, as the reports do
    """An object that the job needs is not in the bucket."""


class DiskFull(LakeError):  # noqa: N818 - names the outcome, as the reports do
    """There is not enough room on the local disk."""


class SourceFailed(LakeError):  # noqa: N818 - names the outcome, as the reports do
    """What a dataset has to be fetched from gave no data, or not such as were asked for."""


class InputsChanged(LakeError):  # noqa: N818 - names the outcome, as the reports do
    """The inputs of a table changed while it was made, each time that it was made."""


class ModelsFailed(LakeError):  # noqa: N818 - names the outcome, as the reports do
    """Models of a stage failed, or were skipped because of others; the message names them."""
