"""Text files of any encoding as a stream of UTF-8 without a byte order mark."""

from __future__ import annotations

import codecs
import io
from collections.abc import Iterator
from contextlib import contextmanager
from typing import IO

from medallion.errors import FileRefused
from medallion.readers.archives import Member

# The longer marks first: UTF-32's begins with UTF-16's.
_MARKS = (
    (codecs.BOM_UTF32_LE, "utf-32-le"),
    (codecs.BOM_UTF32_BE, "utf-32-be"),
    (codecs.BOM_UTF8, "utf-8"),
    (codecs.BOM_UTF16_LE, "utf-16-le"),
    (codecs.BOM_UTF16_BE, "utf-16-be"),
)
_BLOCK = 1 << 20
_NUL = b"\0"
_LOOKS_LIKE_UTF_16 = (
    "the file looks like UTF-16 without a byte order mark: "
    'set encoding = "utf-16-{}" for the dataset, or send the file as UTF-8'
)


@contextmanager
def open_text(member: Member, encoding: str) -> Iterator[TextStream]:
    """Open a member of an archive, or a file, as text."""
    with member.open() as source, TextStream(source, encoding) as stream:
        yield stream


class TextStream(io.RawIOBase):
    """Reads a text and gives UTF-8.

    A byte order mark decides the encoding; without one it is `encoding`. Bytes that do not
    decode, and NUL characters, raise FileRefused when they are reached.
    """

    def __init__(self, source: IO[bytes], encoding: str) -> None:
        self._source = source
        self._pending = bytearray()
        self._at_end = False
        self._consumed = 0
        self._lines = 1
        first = self._source.read(_BLOCK)
        mark, found = next((m for m in _MARKS if first.startswith(m[0])), (b"", ""))
        self.encoding = found or codecs.lookup(encoding).name.replace("utf-8-sig", "utf-8")
        self._decoder = codecs.getincrementaldecoder(self.encoding)()
        self._consumed = len(mark)
        self._take(first[len(mark) :])

    def readable(self) -> bool:
        return True

    def peek(self, size: int) -> bytes:
        """Return the next `size` bytes, or what is left, without moving on."""
        self._fill(size)
        return bytes(self._pending[:size])

    def read(self, size: int | None = -1) -> bytes:
        """Return exactly `size` bytes, fewer only at the end."""
        if size is None or size < 0:
            size = 1 << 62
        self._fill(size)
        with memoryview(self._pending) as pending:
            block = bytes(pending[:size])
        del self._pending[: len(block)]
        return block

    def readinto(self, buffer: bytearray | memoryview) -> int:  # type: ignore[override]  # typeshed: WriteableBuffer
        block = self.read(min(len(buffer), _BLOCK))
        buffer[: len(block)] = block
        return len(block)

    def close(self) -> None:
        if not self.closed:
            self._source.close()
        super().close()

    def _fill(self, size: int) -> None:
        while len(self._pending) < size and not self._at_end:
            self._take(self._source.read(_BLOCK))

    def _take(self, block: bytes) -> None:
        self._at_end = not block
        waiting = self._decoder.getstate()[0]
        if self.encoding == "utf-8" and not waiting and block.isascii():
            text = block
        else:
            try:
                decoded = self._decoder.decode(block, final=self._at_end)
            except UnicodeDecodeError as error:
                raise FileRefused(self._undecodable(error, len(block))) from error
            except UnicodeError as error:
                # utf-16 and utf-32 do not say in which order the bytes are.
                raise FileRefused(
                    f"the file has no byte order mark, which {self.encoding} needs: "
                    f'set encoding = "{self.encoding}-le" (or -be) for the dataset, or send the '
                    "file as UTF-8"
                ) from error
            if self.encoding == "utf-8":
                # Encoding it anew would cost more than decoding did.
                data = waiting + block
                text = data[: len(data) - len(self._decoder.getstate()[0])]
            else:
                text = decoded.encode()
        nul = text.find(_NUL)
        if nul >= 0:
            raise FileRefused(self._has_nul(text, nul))
        self._consumed += len(block)
        self._lines += text.count(b"\n")
        self._pending += text

    def _undecodable(self, error: UnicodeDecodeError, read: int) -> str:
        data = error.object  # what was read last, after what it had kept from before
        offset = self._consumed + read - len(data) + error.start
        line = self._lines + data[: error.start].count(b"\n")
        byte = data[error.start]
        message = (
            f"byte 0x{byte:02x} at offset {offset} (line {line}) is not {self.encoding}: "
            f"{error.reason}"
        )
        is_other = not self.encoding.startswith("utf-16")
        if is_other and data[:200].count(_NUL) * 3 > len(data[:200]):
            return f"{message}; {_LOOKS_LIKE_UTF_16.format('be' if data[:1] == _NUL else 'le')}"
        if self.encoding != "utf-8":
            return f"{message}; set the dataset's encoding to the one the file has"
        start = max(0, error.start - 12)
        around = data[start : error.start + 12].decode("cp1252", errors="replace")
        around = around.replace("\r", "").replace("\n", " ").strip()
        name = "latin-1" if byte >= 0xA0 else "cp1252"
        return (
            f"{message}; if the file is {name} (it would read {around!r} there), "
            f'set encoding = "{name}" for the dataset, or send the file as UTF-8'
        )

    def _has_nul(self, text: bytes, nul: int) -> str:
        line = self._lines + text[:nul].count(b"\n")
        hint = "the file is binary or damaged"
        if text[:200].count(_NUL) * 3 > len(text[:200]):
            hint = _LOOKS_LIKE_UTF_16.format("be" if text[:1] == _NUL else "le")
        return f"line {line} contains a NUL character (0x00), which text does not have: {hint}"
