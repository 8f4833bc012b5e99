"""Edits on text: places, overlaps, line ends, and rounds."""

from __future__ import annotations

from collections.abc import Mapping

import pytest

from wslint import fix
from wslint.rule import Edit, Finding, Fix, Level, Location, Span
from wslint.source import Source


def edit(place: tuple[int, int, int, int], text: str, path: str = "a.py") -> Edit:
    return Edit(Location(path, Span(*place)), text)


def finding(*edits: Edit, safe: bool = True) -> Finding:
    return Finding("WS910", "found-alpha", Level.ERROR, "", edits[0].location, fix=Fix(edits, safe))


def applied(text: str, *findings: Finding, unsafe: bool = False) -> str:
    return fix.apply({"a.py": text}, findings, unsafe=unsafe).get("a.py", text)


@pytest.mark.parametrize(
    ("text", "after"),
    [
        ("x\n  ", "\t\tx\n\t\ta\n"),  # as deep
        ("if y:\n      x\n  ", "\t\tif y:\n\t\t\tx\n\t\ta\n"),  # a step deeper
        ("x\n y\n  ", "\t\tx\n\ty\n\t\ta\n"),  # less deep
    ],
)
def test_new_lines_are_indented_by_tabs_where_the_file_is(text: str, after: str) -> None:
    assert applied("\t\ta\n", finding(edit((1, 3, 1, 3), text))) == after


@pytest.mark.parametrize(
    ("before", "place", "text", "after"),
    [
        ("abc\n", (1, 2, 1, 3), "X", "aXc\n"),
        ("abc\n", (1, 1, 1, 1), "X", "Xabc\n"),
        ("abc\n", (1, 4, 1, 4), "X", "abcX\n"),
        ("abc", (1, 4, 1, 4), "X", "abcX"),
        ("a\nb\nc\n", (1, 2, 3, 1), "-", "a-c\n"),
        ("a\nb\nc\n", (2, 1, 3, 1), "", "a\nc\n"),
        ("a\nb", (2, 1, 3, 1), "", "a\n"),
        ("a\r\nb\r\n", (2, 1, 2, 1), "x\n", "a\r\nx\r\nb\r\n"),
        ("a\r\nb\r\n", (1, 1, 2, 1), "", "b\r\n"),
        ("é😀x\n", (1, 3, 1, 4), "y", "é😀y\n"),
        ("a\x0cb\u2028c\nd\n", (2, 1, 2, 2), "D", "a\x0cb\u2028c\nD\n"),
        ("", (1, 1, 1, 1), "x\n", "x\n"),
    ],
)
def test_one_edit(before: str, place: tuple[int, int, int, int], text: str, after: str) -> None:
    assert applied(before, finding(edit(place, text))) == after


def test_unsafe_fixes_wait_to_be_asked_for() -> None:
    mend = finding(edit((1, 1, 1, 2), "X"), safe=False)
    assert applied("abc\n", mend) == "abc\n"
    assert applied("abc\n", mend, unsafe=True) == "Xbc\n"


def test_of_two_that_overlap_the_first_wins() -> None:
    assert applied("abcd\n", finding(edit((1, 1, 1, 4), "X")), finding(edit((1, 2, 1, 3), "Y"))) == "Xd\n"


def test_a_fix_is_made_as_a_whole_or_not_at_all() -> None:
    first = finding(edit((1, 1, 1, 2), "X"))
    second = finding(edit((2, 1, 2, 1), "import y\n"), edit((1, 1, 1, 2), "Y"))
    assert applied("a\nb\n", first, second) == "X\nb\n"
    elsewhere = finding(edit((1, 1, 1, 2), "Z"), edit((1, 1, 1, 1), "", "unread.py"))
    assert applied("a\nb\n", elsewhere) == "a\nb\n"


def test_shared_edits_are_made_once() -> None:
    needed = edit((1, 1, 1, 1), "import x\n")
    one, two = finding(needed, edit((1, 1, 1, 2), "x.a")), finding(needed, edit((2, 1, 2, 2), "x.b"))
    assert applied("a\nb\n", one, two) == "import x\nx.a\nx.b\n"


def test_insertions_at_one_place_keep_their_order() -> None:
    assert applied("a\n", finding(edit((1, 1, 1, 1), "1")), finding(edit((1, 1, 1, 1), "2"))) == "12a\n"


def test_insertions_at_the_edges_of_a_replacement() -> None:
    findings = [finding(edit((1, 2, 1, 3), "B")), finding(edit((1, 3, 1, 3), ")")), finding(edit((1, 2, 1, 2), "("))]
    assert applied("abc\n", *findings) == "a(B)c\n"


def test_several_files() -> None:
    mend = finding(edit((1, 1, 1, 2), "X"), edit((1, 1, 1, 2), "Y", "b.py"))
    assert fix.apply({"a.py": "a\n", "b.py": "b\n", "c.py": "c\n"}, [mend]) == {"a.py": "X\n", "b.py": "Y\n"}


def test_rounds_end_when_nothing_is_left_to_fix() -> None:
    def check(sources: Mapping[str, str]) -> list[Finding]:
        line = sources["a.py"].splitlines()[0]
        starts = [start for start in range(len(line) - 1) if line[start : start + 2] == "aa"]
        return [finding(edit((1, start + 1, 1, start + 3), "a")) for start in starts]

    assert fix.settle({"a.py": "aaaaa\n"}, check) == {"a.py": "a\n"}


def test_a_fix_that_never_settles_stops() -> None:
    def check(sources: Mapping[str, str]) -> list[Finding]:
        return [finding(edit((1, 1, 1, 1), "x"))]

    assert fix.settle({"a.py": ""}, check, rounds=3) == {"a.py": "xxx"}


@pytest.mark.parametrize(
    ("data", "encoding"),
    [
        (b"x = 1\r\n", "utf-8"),
        (b"\xef\xbb\xbfx = '\xc3\xa9'\n", "utf-8"),
        (b"# -*- coding: latin-1 -*-\nx = '\xe9'\n", "iso-8859-1"),
        ("x = 1\n".encode("utf-16"), "utf-16-le"),
        (b"x = '\xff'\n", "latin-1"),
        (b"# coding: nonsense\n\xe9\n", "latin-1"),
        (b"", "utf-8"),
    ],
)
def test_every_file_goes_back_to_the_bytes_it_came_from(data: bytes, encoding: str) -> None:
    source = Source.decode(data)
    assert source.encode() == data
    assert source.encoding == encoding


def test_lines_are_counted_as_python_counts_them() -> None:
    source = Source("a\x0cb\u2028c\r\nd\re\n")
    assert [source.line(number) for number in range(5)] == ["", "a\x0cb\u2028c", "d", "e", ""]
    assert source.offset(2, 1) == 7
    assert source.offset(99, 1) == len(source.text)
    assert source.offset(2, 99) == 9
