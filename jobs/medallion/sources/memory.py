"""What is remembered of a source between runs: state/sources/<dataset>.json."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING

from medallion.errors import ConfigError, ObjectNotFound
from medallion.sources.download import Version

if TYPE_CHECKING:
    from medallion.lake.objects import Lake


@dataclass(frozen=True)
class Memory:
    """
    The file that was fetched last, once it was in raw/ and archive/.

    Attributes
    ----------
    asked
        What was asked for; of anything else, this says nothing.
    version
        By which the server is asked whether the file has changed.
    """

    asked: str
    version: Version
    size: int
    raw: str
    archive: str


def recall(lake: Lake, dataset: str, asked: str) -> Memory | None:
    """Return what is remembered of a source, if its rows are where they were put."""
    try:
        document = lake.get_json(lake.source_key(dataset))
        found = Memory(**{**document, "version": Version(**document["version"])})
    except ObjectNotFound:
        return None
    except (ConfigError, KeyError, TypeError):
        # Of another make, or edited: then the file is fetched once more.
        return None
    if found.asked != asked or lake.head(found.raw) is None:
        return None
    return found


def remember(lake: Lake, dataset: str, memory: Memory) -> None:
    """Keep what the next run needs.

    Of two runs at once the last one counts. Should it be the older file, the server is asked by an
    old version and sends the new one, whose rows are in raw/ then: none is added.
    """
    if memory.version != Version():
        lake.put_json(lake.source_key(dataset), asdict(memory))
