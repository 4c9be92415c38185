"""The records of a JSON text, one after the other, with the text of their numbers kept."""

from __future__ import annotations

import codecs
import io
import re
from collections.abc import Iterator
from typing import Any, NamedTuple

import simplejson
from simplejson import JSONDecodeError, RawJSON

from medallion.errors import FileRefused
from medallion.readers.text_stream import TextStream

_BLOCK = 1 << 20
_MAX_RECORD = 32 << 20
_SPACE = re.compile(r"[ \t\r\n]*")
# How far before the end of what was read an error may lie that more text would mend.
_LONGEST_TOKEN = 16


class Record(NamedTuple):
    """A record; `problem` says why it cannot be used, and is empty when it can."""

    text: str
    value: Any
    problem: str


class _Decoder:
    """Decodes values: numbers keep their text, NaN and repeated keys are noted as problems."""

    def __init__(self) -> None:
        self.problem = ""
        self._decoder = simplejson.JSONDecoder(
            parse_float=RawJSON,
            parse_int=RawJSON,
            parse_constant=self._constant,
            object_pairs_hook=self._object,
        )

    def decode(self, text: str, position: int = 0) -> tuple[Any, int]:
        self.problem = ""
        value, end = self._decoder.raw_decode(text, position)
        return value, end

    def _constant(self, name: str) -> None:
        self.problem = f"{name} is not a JSON value: write null or a number"

    def _object(self, pairs: list[tuple[str, Any]]) -> dict[str, Any]:
        found = dict(pairs)
        if len(found) != len(pairs):
            keys = [key for key, _ in pairs]
            repeated = next(key for key in keys if keys.count(key) > 1)
            self.problem = f"the key {repeated!r} appears twice in one object"
        return found


class _Text:
    """The text of a stream, of which only what is being read is in memory."""

    def __init__(self, stream: TextStream) -> None:
        self._stream = stream
        self._decoder = codecs.getincrementaldecoder("utf-8")()
        self._dropped = 0
        self.buffer = ""
        self.position = 0
        self.at_end = False

    def more(self, size: int = _BLOCK) -> bool:
        """Read on; return whether there was more."""
        if self.at_end:
            return False
        block = self._stream.read(size)
        self.at_end = not block
        self._dropped += self.position
        self.buffer = self.buffer[self.position :] + self._decoder.decode(block)
        self.position = 0
        return not self.at_end

    def next_character(self) -> str:
        """Skip white space and return the character there, which stays; "" at the end."""
        while True:
            match = _SPACE.match(self.buffer, self.position)
            self.position = match.end() if match else self.position
            if self.position < len(self.buffer):
                return self.buffer[self.position]
            if not self.more():
                return ""

    def record(self, decoder: _Decoder, number: int) -> Record:
        """Decode the value that begins here.

        Raises
        ------
        FileRefused
            When it is broken: where the next one would begin is then unknown.
        """
        size = _BLOCK
        while True:
            try:
                value, end = decoder.decode(self.buffer, self.position)
            except JSONDecodeError as error:
                near_end = error.pos >= len(self.buffer) - _LONGEST_TOKEN
                if self.at_end or not (near_end or error.msg.startswith("Unterminated")):
                    cut_off = " (is the file cut off?)" if self.at_end and near_end else ""
                    raise FileRefused(
                        f"JSON record {number} is broken at character "
                        f"{self._dropped + error.pos + 1} of the file: {error.msg}{cut_off}"
                    ) from error
            except RecursionError as error:
                raise FileRefused(f"JSON record {number} is nested too deep") from error
            else:
                # A number at the very end of the buffer may go on in the next block.
                if end < len(self.buffer) or self.at_end:
                    text = self.buffer[self.position : end]
                    self.position = end
                    return Record(text, value, decoder.problem)
            if len(self.buffer) - self.position > _MAX_RECORD:
                raise FileRefused(
                    f"JSON record {number} is longer than {_MAX_RECORD >> 20} MB or never closed"
                )
            self.more(size)
            size *= 2


def layout(stream: TextStream) -> str:
    """Tell how the records lie: `array`, `line` (a single one), `lines`, or `objects`.

    `objects` are records over several lines. When in doubt it is `lines`, where a broken record
    costs one row and not the file.
    """
    text = _Text(stream)
    first = text.next_character()
    if first == "[":
        return "array"
    if first != "{":
        return "lines"
    decoder = _Decoder()
    try:
        record = text.record(decoder, 1)
    except FileRefused:
        return "lines"
    if "\n" in record.text:
        return "objects"
    return "lines" if text.next_character() else "line"


def lines(stream: TextStream) -> Iterator[Record]:
    """Yield the records of a text that has one on each line."""
    decoder = _Decoder()
    reader = io.BufferedReader(stream, _BLOCK)
    number = 0
    for line in iter(lambda: reader.readline(_MAX_RECORD), b""):
        if len(line) == _MAX_RECORD:
            raise FileRefused(
                f"the line after JSON record {number} is longer than {_MAX_RECORD >> 20} MB"
            )
        text = line.decode().strip(" \t\r\n")
        if not text:
            continue
        number += 1
        try:
            value, end = decoder.decode(text)
        except JSONDecodeError as error:
            problem = f"not valid JSON: {error.msg}"
            yield Record(text, None, problem.replace("control character %r", "control character"))
        except RecursionError:
            yield Record(text, None, "nested too deep")
        else:
            rest = "more text after the record on its line" if text[end:].strip() else ""
            yield Record(text, value, decoder.problem or rest)


def array(stream: TextStream) -> Iterator[Record]:
    """Yield the records of a JSON array."""
    text = _Text(stream)
    decoder = _Decoder()
    text.next_character()
    text.position += 1  # the bracket that `layout` has seen
    number = 0
    character = text.next_character()
    while character != "]" or number:
        number += 1
        if not character:
            raise FileRefused(f"the JSON array is cut off before record {number}: send it again")
        yield text.record(decoder, number)
        character = text.next_character()
        if character == "]":
            break
        if not character:
            raise FileRefused(f"the JSON array is cut off after record {number}: send it again")
        if character != ",":
            raise FileRefused(
                f"after JSON record {number} comes {character!r} where , or ] is expected"
            )
        text.position += 1
        character = text.next_character()
    text.position += 1
    if text.next_character():
        raise FileRefused(
            "more text follows after the end of the JSON array: a file has one array, "
            "or one record on each line"
        )


def objects(stream: TextStream) -> Iterator[Record]:
    """Yield records that follow one another, each over any number of lines."""
    text = _Text(stream)
    decoder = _Decoder()
    number = 0
    while text.next_character():
        number += 1
        yield text.record(decoder, number)
