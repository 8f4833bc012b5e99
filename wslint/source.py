"""The text of a file as its author sees it: decoded, its lines counted as Python counts them, and back to bytes."""

from __future__ import annotations

import codecs
import io
import re
import tokenize
from dataclasses import dataclass
from functools import cached_property

_LINE_END = re.compile(r"\r\n|\r|\n")
_BOMS = (
    (codecs.BOM_UTF8, "utf-8"),
    (codecs.BOM_UTF16_LE, "utf-16-le"),
    (codecs.BOM_UTF16_BE, "utf-16-be"),
)


@dataclass(frozen=True)
class Source:
    """Text without its byte order mark; line ends are as in the file."""

    text: str
    encoding: str = "utf-8"
    bom: bytes = b""

    @classmethod
    def decode(cls, data: bytes, *, python: bool = True) -> Source:
        """Never raises: bytes that do not fit their encoding are read as Latin-1, so that every byte survives."""
        for bom, encoding in _BOMS:
            if data.startswith(bom):
                try:
                    return cls(data[len(bom) :].decode(encoding), encoding, bom)
                except UnicodeDecodeError:
                    break
        try:
            encoding = tokenize.detect_encoding(io.BytesIO(data).readline)[0] if python else "utf-8"
            return cls(data.decode(encoding), encoding)
        except (SyntaxError, UnicodeDecodeError, LookupError, ValueError):
            return cls(data.decode("latin-1"), "latin-1")

    def encode(self) -> bytes:
        """The bytes of the file again. Raises UnicodeEncodeError when the text no longer fits its encoding."""
        return self.bom + self.text.encode(self.encoding)

    @cached_property
    def starts(self) -> tuple[int, ...]:
        """The offset at which each line begins."""
        return (0, *(match.end() for match in _LINE_END.finditer(self.text)))

    def line(self, number: int) -> str:
        """Line `number` (from 1) without its end; "" when there is no such line."""
        if not 0 < number <= len(self.starts):
            return ""
        start = self.starts[number - 1]
        end = self.starts[number] if number < len(self.starts) else len(self.text)
        return self.text[start:end].rstrip("\r\n")

    def offset(self, line: int, column: int) -> int:
        """The offset of a 1-based place, never beyond the end of its line (its line end included)."""
        if line < 1:
            return 0
        if line > len(self.starts):
            return len(self.text)
        start = self.starts[line - 1]
        end = self.starts[line] if line < len(self.starts) else len(self.text)
        return min(start + max(column, 1) - 1, end)
