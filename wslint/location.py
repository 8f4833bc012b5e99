"""Places in files: spans, locations, and edits of the text there."""

from __future__ import annotations

import msgspec


class Span(msgspec.Struct, frozen=True, array_like=True, gc=False, order=True):
    """A stretch of one file, compared by value.

    Lines and columns are 1-based, columns count code points, ends are exclusive.
    """

    line: int
    column: int
    end_line: int
    end_column: int

    @property
    def begin(self) -> Span:
        """The empty place where it begins."""
        return Span(self.line, self.column, self.line, self.column)

    @property
    def end(self) -> Span:
        """The empty place where it ends."""
        return Span(self.end_line, self.end_column, self.end_line, self.end_column)


class Location(msgspec.Struct, frozen=True, order=True):
    """A span of one file; `path` is relative to the tree root, with `/`."""

    path: str
    span: Span


class Edit(msgspec.Struct, frozen=True, order=True):
    """Replace the text of a span (empty span: insert)."""

    location: Location
    text: str
