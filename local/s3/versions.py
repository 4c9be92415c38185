"""S3: moto's store of versions, made safe for requests side by side and cheap to list."""

from __future__ import annotations

import re
from collections import deque
from collections.abc import Iterator
from typing import Any
from urllib.parse import quote_plus
from xml.sax.saxutils import unescape

from local.operations import after_xml
from local.symbols import replace, resolve

FakeKey, FakeMultipart, FakeDeleteMarker = (
    resolve(f"moto.s3.models:{name}") for name in ("FakeKey", "FakeMultipart", "FakeDeleteMarker")
)

_STORE = "moto.s3.utils:_VersionedKeyStore"
# What `encoding-type=url` is about, by the names of the fields in the answer:
# https://docs.aws.amazon.com/AmazonS3/latest/API/API_ListObjectVersions.html
_ENCODED = re.compile(r"<(Key|Prefix|KeyMarker|NextKeyMarker|Delimiter)>([^<]+)</")
_ENCODING = "<EncodingType>url</EncodingType>"


@after_xml("s3:ListObjectVersions")
def encode_keys(request: dict[str, Any], body: bytes) -> bytes:
    """Encode keys where the request asks for that, as moto does for the other listings alone."""
    text = body.decode()
    if request.get("encoding-type") != "url" or _ENCODING in text:
        return body
    text = _ENCODED.sub(
        lambda found: f"<{found[1]}>{quote_plus(unescape(found[2]), safe='/')}</", text
    )
    return text.replace("</ListVersionsResult>", f"{_ENCODING}</ListVersionsResult>").encode()


def _copy_for_listing(self: Any, memo: dict[int, Any]) -> Any:
    """Stand in for moto's copy of the data of each version, whenever versions are listed."""
    del memo
    listed = object.__new__(FakeKey)
    listed.__dict__.update(self.__dict__)
    return listed


def _lists(self: Any) -> Iterator[tuple[str, list[Any]]]:
    """Yield the versions of each key, but for keys that another request deletes meanwhile."""
    for key in dict(self):
        versions = self.getlist(key)
        if versions:
            yield key, list(versions)


def _items(self: Any) -> Iterator[tuple[str, Any]]:
    for key, versions in _lists(self):
        yield key, versions[-1]


def _values(self: Any) -> Iterator[Any]:
    for _, versions in _lists(self):
        yield versions[-1]


def _keep(self: Any, garbage: bool = False) -> None:
    """Leave the data open, which moto closes under requests that are reading it."""
    del self, garbage


def install() -> None:
    """Put the replacements in moto's place."""
    for names, replacement in (
        (("lists", "iterlists"), _lists),
        (("items", "iteritems"), _items),
        (("values", "itervalues"), _values),
    ):
        for name in names:
            replace(f"{_STORE}.{name}", replacement)
    FakeKey.__deepcopy__ = _copy_for_listing
    FakeDeleteMarker.dispose = _keep  # it has none, but moto asks it to
    for kind in (FakeKey, FakeMultipart):
        # Data goes with the last reference to it; moto's list of all keys ever made is one.
        kind.dispose = _keep
        kind.instances_tracked = deque(maxlen=0)
