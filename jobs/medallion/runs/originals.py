"""A file on its way to raw/ and archive/, and the names that all it becomes will have."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from medallion.lake.objects import sha256


@dataclass(frozen=True)
class Original:
    """
    A file on the local disk.

    Attributes
    ----------
    source_file
        What its rows say of where they come from.
    path, rows
        The file as it came, and the one that has its rows if that is another.
    date
        The day of its arrival, such as 2024-05-01.
    """

    source_file: str
    path: Path
    date: str
    stem: str
    extension: str
    digest: str
    rows: Path | None = None

    def names(self, dataset: str) -> tuple[str, str, str, str, str]:
        """Return what keys are made of."""
        return dataset, self.date, self.stem, self.digest, self.extension


def split_name(key: str) -> tuple[str, str]:
    """Return a file's name without its extension, and the extension: `.csv.gz` is one."""
    path = PurePosixPath(key)
    suffixes = path.suffixes[-2:] if path.suffix in (".gz", ".zip") else path.suffixes[-1:]
    extension = "".join(suffixes)
    if len(extension) > 20:
        extension = ""
    return path.name[: len(path.name) - len(extension)], extension


def digest_of(key: str, path: Path) -> str:
    """Return the digest that names all that becomes of a file: of its key and its content."""
    return hashlib.sha256(f"{key}\n{sha256(path)}".encode()).hexdigest()[:16]
