"""What keeps a hostile file from libcst, which on some sources takes minutes or ends the process.

Measured with libcst 1.9: brackets nested 2,000 deep end the process; 1,000 take 6 s; `.b()` × 2,000 takes 7 s; a
`case` pattern takes up to four times as long with every bracket (10 deep: 1.4 s). So a scan in linear time looks at
every file first. It must see exactly the code that libcst sees: strings and comments do not count, the holes of
f-strings do.
"""

from __future__ import annotations

import codecs
import re

from wslint.facts.model import Unreadable

LARGEST = 1_000_000  # bytes
DEEPEST = 200  # open brackets
LONGEST = 300  # trailers and operators of one expression; `elif` branches of one `if`
DEEPEST_PATTERN = 6  # open brackets in a `case` pattern
BUDGET = 100_000  # steps beyond the ordinary in one file, about a second of libcst

_CODING = re.compile(rb"[ \t\f]*#[^\n\r]*?coding[:=][ \t]*([-\w.]+)")
_SLOW_CODECS = frozenset({"idna", "punycode"})  # quadratic

_COMMENT = rb"#[^\n]*"
_TRIPLE = b"|".join(
    (rb'"""[^"\\]*(?:(?:\\[\s\S]|"(?!""))[^"\\]*)*(?:""")?', rb"'''[^'\\]*(?:(?:\\[\s\S]|'(?!''))[^'\\]*)*(?:''')?")
)
_SINGLE = rb'"[^"\\\n]*(?:\\[\s\S][^"\\\n]*)*"?' + rb"|'[^'\\\n]*(?:\\[\s\S][^'\\\n]*)*'?"
_LITERAL = re.compile(b"|".join((_COMMENT, _TRIPLE, _SINGLE)))
_IN_HOLE = re.compile(b"|".join((_COMMENT, _TRIPLE, _SINGLE, rb"[()\[\]{}:]")))
_QUOTE = re.compile(rb"\"\"\"|'''|\"|'")
_TEMPLATE_PREFIX = re.compile(rb"(?<!\w)(?:[rR]?[fFtT]|[fFtT][rR])\Z")
_IN_TEXT = {
    quote: re.compile(rb"\\[^{}]|[{}]|" + quote + (b"" if len(quote) == 3 else rb"|\n"))
    for quote in (b'"', b"'", b'"""', b"'''")
}

_STRING, _WORD, _LAMBDA, _CASE, _FOLD = 1, 2, 3, 4, 5  # marks; a fold is a line end that ends no statement
_WORDS = re.compile(rb"\b(?:and|or|not|in|is|if|else|for|await)\b")
_LAMBDAS = re.compile(rb"\blambda\b")
_CASES = re.compile(rb"^[ \t\f]*case\b(?![ \t]*[=.,:)])", re.MULTILINE)
_BRANCHES = re.compile(rb"^([ \t\f]*)(el)?if\b", re.MULTILINE)
_DULL = bytes(sorted(set(range(256)) - set(b"()[]{}.,;:=+-*/%@&|^<>~\n\x01\x02\x03\x04\x05")))

_HASH, _COLON, _NEWLINE = b"#:\n"
_OPENING, _CLOSING, _RESETS = frozenset(b"([{"), frozenset(b")]}"), frozenset(b",;:=")
_PREFIX_ENDS = (b"f", b"F", b"t", b"T", b"r", b"R")


def refuse(source: bytes) -> Unreadable | None:
    """Why libcst must not see this source, or None. Linear, about 1 ms for 1,000 lines."""
    if len(source) > LARGEST:
        return Unreadable(f"larger than {LARGEST // 1_000_000} MB")
    if source.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
        return Unreadable("UTF-16, which Python does not take for source")
    if _is_disguised(source):
        text = decode(source)
        if isinstance(text, Unreadable):
            return text
        source = text.encode("utf-8", "replace")
    if b"\r" in source:
        source = source.replace(b"\r\n", b"\n").replace(b"\r", b"\n")
    if b"\0" in source:
        return Unreadable("null byte", _line_at(source, source.index(b"\0")))
    code = _code(source)
    return _long_if(code) or _measure(code)


def decode(source: bytes) -> str | Unreadable:
    """The text of Python source: by its BOM, its coding line (PEP 263), else as UTF-8. Line ends stay as they are."""
    name = _bom(source) or _declared(source) or "utf-8"
    try:
        if codecs.lookup(name).name in _SLOW_CODECS:
            return Unreadable(f"unknown encoding {name}")
        return source.decode(name).removeprefix("\ufeff")
    except LookupError:
        return Unreadable(f"unknown encoding {name}")
    except UnicodeDecodeError as error:
        return Unreadable(f"not {name.removesuffix('-sig')} text", _line_at(source, error.start))
    except Exception:  # codecs that are not made for text raise what they like
        return Unreadable(f"not {name} text")


def _bom(source: bytes) -> str | None:
    if source.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
        return "utf-16"
    return "utf-8-sig" if source.startswith(codecs.BOM_UTF8) else None


def _declared(source: bytes) -> str | None:
    lines = re.split(rb"\r\n|\r|\n", source[:1000], maxsplit=2)
    found = _CODING.match(lines[0])
    if found is None and len(lines) > 1 and re.fullmatch(rb"[ \t\f]*(#.*)?", lines[0]):
        found = _CODING.match(lines[1])
    return found[1].decode("ascii", "replace") if found else None


def _is_disguised(source: bytes) -> bool:
    """Whether its bytes may spell brackets in another way than ASCII."""
    name = _bom(source) or _declared(source) or "utf-8"
    return name.lower() not in ("utf-8", "utf8", "utf-8-sig", "ascii", "latin-1")


def _line_at(source: bytes, offset: int) -> int:
    return len(re.findall(rb"\r\n|\r|\n", source[:offset])) + 1


def _code(source: bytes) -> bytes:
    """The source without comments, every string as one mark; the holes of f-strings stay, in their braces."""
    pieces: list[bytes] = []
    place = 0
    while (found := _LITERAL.search(source, place)) is not None:
        start, stop = found.span()
        pieces.append(source[place:start])
        if source[start] != _HASH:
            holes = b""
            if source[start - 1 : start] in _PREFIX_ENDS and _TEMPLATE_PREFIX.search(source, max(0, start - 3), start):
                stop, holes = _template(source, start)
            folds = source.count(b"\n", start, stop) - holes.count(b"\n")
            pieces.append(b"\x01" + holes + b"\x05" * folds)
        place = stop
    pieces.append(source[place:])
    return b"".join(pieces).replace(b"\\\n", b"\x05")


def _template(source: bytes, start: int) -> tuple[int, bytes]:
    """Where the f-string whose quote stands at `start` ends, and the code in its holes (strings nest in them)."""
    pieces: list[bytes] = []
    # What we are in, innermost last: a quote is a string's text, None a format spec, a number a hole's open brackets.
    frames: list[bytes | int | None] = []
    strings: list[bytes] = []

    def enter(place: int) -> int:
        quote = _QUOTE.match(source, place)
        assert quote is not None
        frames.append(quote[0])
        strings.append(quote[0])
        return quote.end()

    place = enter(start)
    while frames:
        frame = frames[-1]
        pattern = _IN_HOLE if isinstance(frame, int) else _IN_TEXT[strings[-1]]
        found = pattern.search(source, place)
        if found is None:
            return len(source), b"".join(pieces)
        token = found[0]
        if isinstance(frame, int):
            pieces.append(source[place : found.start()])
            place = found.end()
            if token in (b"(", b"[", b"{"):
                frames[-1] = frame + 1
                pieces.append(token)
            elif token in (b")", b"]", b"}"):
                pieces.append(token)
                if frame:
                    frames[-1] = frame - 1
                elif token == b"}":
                    frames.pop()
            elif token == b":":
                if frame:
                    pieces.append(token)
                else:
                    frames.append(None)
            elif token[0] != _HASH:
                pieces.append(b"\x01")
                if _TEMPLATE_PREFIX.search(source, max(0, found.start() - 3), found.start()):
                    place = enter(found.start())
            continue
        place = found.end()
        if token == b"{":
            if frame is not None and source[place : place + 1] == b"{":
                place += 1
            else:
                pieces.append(token)
                frames.append(0)
        elif token == b"}":
            if frame is None:
                pieces.append(token)
                del frames[-2:]
        elif token == b"\n":
            return found.start(), b"".join(pieces)
        elif token == strings[-1]:
            while not isinstance(frames.pop(), bytes):
                pass
            strings.pop()
    return place, b"".join(pieces)


def _long_if(code: bytes) -> Unreadable | None:
    if code.count(b"elif") <= LONGEST:
        return None
    branches: dict[bytes, int] = {}
    for found in _BRANCHES.finditer(code):
        indent = found[1]
        branches[indent] = branches.get(indent, 0) + 1 if found[2] else 0
        if branches[indent] > LONGEST:
            line = _folded_line(code[: found.start()])
            return Unreadable(f"more than {LONGEST} branches of one if", line)
    return None


def _folded_line(code: bytes) -> int:
    return code.count(b"\n") + code.count(b"\x05") + 1


def _measure(code: bytes) -> Unreadable | None:
    """Walk over what is left – brackets, operators, marks – with a counter of links for every open bracket."""
    if b"case" in code:
        code = _CASES.sub(b"\x04", code)
    marks = _LAMBDAS.sub(b"\x03", _WORDS.sub(b"\x02", code)).translate(None, _DULL)
    line = 1
    links = lambdas = 0
    open_: list[tuple[int, int]] = []
    in_pattern = False
    spent = 0
    for mark in marks:
        if mark == _NEWLINE:
            line += 1
            if not open_:
                links = lambdas = 0
                in_pattern = False
        elif mark in _RESETS:
            if not lambdas:
                links = 0
            elif mark == _COLON:
                lambdas -= 1
        elif mark in _CLOSING:
            if open_:
                links, lambdas = open_.pop()
        elif mark == _FOLD:
            line += 1
        elif mark == _CASE:
            in_pattern = not open_
        else:
            links += mark != _STRING  # implicit concatenation costs libcst nothing
            if links > 50:
                spent += links
                if links > LONGEST:
                    return Unreadable(f"more than {LONGEST} operations in one expression", line)
            if mark in _OPENING:
                open_.append((links, lambdas))
                links = lambdas = 0
                depth = len(open_)
                if in_pattern:
                    spent += 4**depth >> 3
                elif depth > 20:
                    spent += depth
                if depth > (DEEPEST_PATTERN if in_pattern else DEEPEST):
                    return Unreadable(f"brackets nested more than {depth - 1} deep", line)
            elif mark == _LAMBDA:
                lambdas += 1
            if spent > BUDGET:
                return Unreadable("too much nesting and chaining for one file", line)
    return None
