from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import NamedTuple

from wslint.rule import Edit, Finding, Fix, Level, Location, Related, Rule, Span
from wslint.stack import Stack, contains
from wslint.stack import facts as m
from wslint.stack.code.reach import Code, reach, running
from wslint.stack.middleware.guards import Guards
from wslint.stack.middleware.handshake import HEADERS, LIST, MAPS, PLAIN, QUERY, REPR, Bytes, Handshake

TEXT_METHODS = frozenset(
    {
        *("split", "rsplit", "partition", "rpartition", "startswith", "endswith", "strip", "lstrip", "rstrip"),
        *("replace", "find", "rfind", "index", "rindex", "count", "removeprefix", "removesuffix"),
    }
)
SEARCHES = frozenset({"re.search", "re.match", "re.fullmatch", "re.findall", "re.finditer", "re.split"})
TYPE_ERROR = "TypeError: a bytes-like object is required, not 'str' (HTTP 500 before accept)"


class Misuse(NamedTuple):
    """One place where bytes are taken for text: what it does, what the user sees, how to edit it."""

    node: m.Node
    held: Bytes
    what: str
    seen: str
    edits: tuple[tuple[Span, str], ...] = ()
    safe: bool = True


class ScopeBytesAsText(Rule):
    """The query string or a header is used as text, and both are bytes.

    Why: ASGI gives `scope["query_string"]` as bytes and `scope["headers"]` as a list of pairs of bytes with lower-case
    names. `parse_qs()` of bytes has bytes for keys, so a text key is never in it; text methods on bytes raise.

    See: nothing at first: `parse_qs(scope["query_string"]).get("token")` and `dict(scope["headers"]).get("cookie")` are
    None for every client, so everybody is anonymous. Text methods raise `TypeError: a bytes-like object is required,
    not 'str'`, and the handshake gets HTTP 500.

    Mend: decode first: `parse_qs(scope["query_string"].decode())`; ask headers for lower-case bytes:
    `dict(scope["headers"]).get(b"cookie", b"").decode()`.

    Bad:
        from urllib.parse import parse_qs
        from channels.generic.websocket import AsyncWebsocketConsumer

        class Radio(AsyncWebsocketConsumer):
            async def connect(self):
                query = parse_qs(self.scope["query_string"])
                self.station = query.get("station")
                await self.accept()

    Good:
        from urllib.parse import parse_qs
        from channels.generic.websocket import AsyncWebsocketConsumer

        class Radio(AsyncWebsocketConsumer):
            async def connect(self):
                query = parse_qs(self.scope["query_string"].decode())
                self.station = query.get("station")
                await self.accept()
    """

    code = "WS610"
    name = "scope-bytes-as-text"
    level = Level.ERROR

    def stack(self, stack: Stack) -> Iterator[Finding]:
        guards = Guards.of(stack)
        roots = [code for gate in guards.gates for code in gate.codes]
        for consumer in stack.consumers:
            if not consumer.in_tests and not consumer.vendored:
                roots.extend(running(consumer.cls))
        seen: set[int] = set()
        for code in reach(roots, stack.values, limit=None):
            if id(code.node) not in seen:
                seen.add(id(code.node))
                yield from self._judge(code, stack)

    def _judge(self, code: Code, stack: Stack) -> Iterator[Finding]:
        by_source: dict[int, list[Misuse]] = {}
        for misuse in _misuses(code, stack):
            by_source.setdefault(id(misuse.held.source), []).append(misuse)
        for misuses in by_source.values():
            misuses.sort(key=lambda misuse: misuse.node.span)
            first, *others = misuses
            related = [Related(code.at(other.node), "and here") for other in others]
            if first.held.source.span.line != first.node.span.line:
                related.append(Related(code.at(first.held.source), "these are bytes"))
            yield self.finding(
                code.at(first.node),
                first.what,
                hint="the query string and headers are bytes: decode the query string before parsing it, ask headers "
                "for lower-case bytes names and decode their values",
                symptom=first.seen,
                symbol=code.node.name,
                related=related,
                fix=_fix(code, misuses, _is_mixed(code, first.held.source)),
            )


def _misuses(code: Code, stack: Stack) -> Iterator[Misuse]:
    handshake = Handshake(code, stack.values)
    tested = _tested_for_bytes(code)
    for node in code.nodes():
        found: Iterable[Misuse] = ()
        match node:
            case m.Call(func=m.Attribute(value=owner, attr=attr)):
                held = None if _is_tested(owner, tested) else handshake.of(owner)
                found = _call(node, held, attr) if held is not None else _passed(node, handshake, stack, code)
            case m.Call():
                found = _passed(node, handshake, stack, code)
            case m.Subscript(value=value, index=index):
                held = handshake.of(value)
                found = _subscript(node, held, index) if held is not None else ()
            case m.Compare(left=left, right=right):
                found = _compare(node, handshake, left, right) if not _is_tested(left, tested) else ()
            case _:
                pass
        yield from found


def _call(call: m.Call, held: Bytes, attr: str) -> Iterator[Misuse]:
    first = call.args[0].value if call.args else None
    if held.kind in PLAIN and attr in TEXT_METHODS and _is_text(first):
        yield Misuse(
            call, held, f"{_the(held)} is bytes, and .{attr}() is given text", TYPE_ERROR, _decoded(call, held)
        )
    elif held.kind in PLAIN and attr in ("encode", "format"):
        error = f"AttributeError: 'bytes' object has no attribute '{attr}' (HTTP 500 before accept)"
        yield Misuse(call, held, f"{_the(held)} is bytes and has no .{attr}()", error)
    elif held.kind == LIST and attr in ("get", "items", "keys"):
        error = f"AttributeError: 'list' object has no attribute '{attr}' (HTTP 500 before accept)"
        yield Misuse(
            call, held, f'scope["headers"] is a list of pairs and has no .{attr}()', error, _as_dict(call, first)
        )
    elif held.kind in MAPS and attr in ("get", "pop") and first is not None:
        yield from _key(call, held, first, call.args[1].value if len(call.args) > 1 else None)
    elif held.kind == REPR and attr in ("split", "partition", "rpartition"):
        yield _repr(call, held)


def _passed(call: m.Call, handshake: Handshake, stack: Stack, code: Code) -> Iterator[Misuse]:
    """Bytes given to a function that wants text."""
    dotted = stack.values.dotted(call.func, code.frame)
    if dotted in ("urllib.parse.parse_qs", "urllib.parse.parse_qsl") and call.args:
        held = handshake.of(call.args[0].value)
        if held is not None and held.kind == REPR:
            yield _repr(call, held)
    elif dotted in SEARCHES and len(call.args) > 1 and _is_text(call.args[0].value):
        held = handshake.of(call.args[1].value)
        if held is not None and held.kind in PLAIN:
            error = "TypeError: cannot use a string pattern on a bytes-like object (HTTP 500 before accept)"
            edits = ((call.args[1].value.span.end, ".decode()"),)
            yield Misuse(call, held, f"{_the(held)} is bytes, and the pattern is text", error, edits)
    elif dotted == "http.cookies.SimpleCookie" and call.args:
        held = handshake.of(call.args[0].value)
        if held is not None and held.kind in PLAIN:
            error = "AttributeError: 'bytes' object has no attribute 'items' (HTTP 500 before accept)"
            yield Misuse(call, held, f"{_the(held)} is bytes, and SimpleCookie reads text", error)


def _subscript(node: m.Subscript, held: Bytes, index: m.Expr) -> Iterator[Misuse]:
    if held.kind == LIST and isinstance(index, m.Constant | m.Bytes) and isinstance(index.value, str | bytes):
        error = "TypeError: list indices must be integers or slices, not str (HTTP 500 before accept)"
        edits: list[tuple[Span, str]] = [(node.value.span.begin, "dict("), (node.value.span.end, ")")]
        if isinstance(index.value, str):
            edits += [(index.span, repr(index.value.lower().encode())), (node.span.end, ".decode()")]
        yield Misuse(node, held, 'scope["headers"] is a list of pairs, not a dict', error, tuple(edits))
    elif held.kind in MAPS:
        yield from _key(node, held, index, None)


def _key(node: m.Call | m.Subscript, held: Bytes, key: m.Expr, default: m.Expr | None) -> Iterator[Misuse]:
    """A key that cannot be in a dict of bytes."""
    missing = isinstance(node, m.Call)
    if _is_text(key):
        text = key.value if isinstance(key, m.Constant) and isinstance(key.value, str) else None
        shown = f'"{text}"' if text is not None else "a text key"
        seen = (
            "it is never found, so the value is always None or the default, for every client"
            if missing
            else f"KeyError: {text!r} for every client (HTTP 500 before accept)"
        )
        edits: tuple[tuple[Span, str], ...] = ()
        safe = True
        if held.kind == HEADERS and text is not None:
            edits = ((key.span, repr(text.lower().encode())), (node.span.end, ".decode()"))
            if missing and isinstance(default, m.Constant) and isinstance(default.value, str):
                edits = (edits[0], (default.span, repr(default.value.encode())), edits[1])
            elif missing:
                edits = ((key.span, repr(text.lower().encode()) + ', b""'), edits[1]) if default is None else ()
                safe = False
        what = f"the keys of the {held.kind} are bytes: {shown} is never among them"
        yield Misuse(node, held, what, seen, edits, safe)
    elif held.kind == HEADERS and isinstance(key, m.Bytes) and key.value != key.value.lower():
        seen = "it is never found: servers lower the names of headers"
        edits = ((key.span, repr(key.value.lower())),)
        yield Misuse(node, held, f"header names are lower-case: {key.value!r} is never among them", seen, edits)


def _compare(node: m.Compare, handshake: Handshake, left: m.Expr, right: m.Expr) -> Iterator[Misuse]:
    if node.op in ("in", "not in"):
        held = handshake.of(right)
        if held is not None and held.kind in PLAIN and _is_text(left):
            edits = _decoded(node, held, right.span.end)
            yield Misuse(node, held, f"text is looked for in {_the(held)}, which is bytes", TYPE_ERROR, edits)
        elif held is not None and held.kind in MAPS and _is_text(left):
            what = f"the keys of the {held.kind} are bytes: a text key is never among them"
            edits = _as_bytes(left) if held.kind == HEADERS else ()
            yield Misuse(node, held, what, "the test is False for every client", edits)
        elif held is not None and held.kind == LIST and (_is_text(left) or isinstance(left, m.Bytes)):
            what = 'scope["headers"] is a list of pairs: a name is never among them'
            yield Misuse(node, held, what, "the test is False for every client")
        elif held is None and isinstance(right, m.Sequence) and right.items and all(map(_is_text, right.items)):
            one = handshake.of(left)
            if one is not None and one.kind in PLAIN:
                edits = tuple(edit for item in right.items for edit in _as_bytes(item))
                yield Misuse(node, one, f"{_the(one)} is bytes and equals no text", "the test never holds", edits)
    elif node.op in ("==", "!="):
        for side, other in ((left, right), (right, left)):
            held = handshake.of(side)
            if held is not None and held.kind in PLAIN and _is_text(other):
                edits = _as_bytes(other)
                yield Misuse(node, held, f"{_the(held)} is bytes and equals no text", "the test never holds", edits)


def _repr(call: m.Call, held: Bytes) -> Misuse:
    source = held.source
    edits: tuple[tuple[Span, str], ...] = ()
    if isinstance(source, m.Call) and source.args:
        inner = source.args[0].value
        edits = (
            (Span(source.span.line, source.span.column, inner.span.line, inner.span.column), ""),
            (
                Span(inner.span.end_line, inner.span.end_column, source.span.end_line, source.span.end_column),
                ".decode()",
            ),
        )
    seen = "the first name begins with b' and the last value ends with ', so what is looked for is never found"
    return Misuse(call, held, "str() of bytes is their literal, \"b'…'\", not their text", seen, edits)


# --- small questions and edits ----------------------------------------------------------------------------------------


def _the(held: Bytes) -> str:
    return "the query string" if held.kind == QUERY else f"a {held.kind}"


def _is_text(expr: m.Expr | None) -> bool:
    return isinstance(expr, m.FString) or (isinstance(expr, m.Constant) and isinstance(expr.value, str))


def _as_bytes(expr: m.Expr) -> tuple[tuple[Span, str], ...]:
    if isinstance(expr, m.Constant) and isinstance(expr.value, str) and expr.value.isascii():
        return ((expr.span, repr(expr.value.lower().encode())),)
    return ()


def _decoded(node: m.Node, held: Bytes, at: Span | None = None) -> tuple[tuple[Span, str], ...]:
    """`.decode()` on the bytes themselves, where they are used."""
    if held.kind == QUERY:
        return ()  # decoded at the source, for all uses
    if at is None and isinstance(node, m.Call) and isinstance(node.func, m.Attribute):
        at = node.func.value.span.end
    return () if at is None else ((at, ".decode()"),)


def _as_dict(call: m.Call, key: m.Expr | None) -> tuple[tuple[Span, str], ...]:
    assert isinstance(call.func, m.Attribute)
    if isinstance(key, m.Bytes) and call.func.attr == "get":
        return ((call.func.value.span.begin, "dict("), (call.func.value.span.end, ")"))
    return ()


def _tested_for_bytes(code: Code) -> frozenset[str]:
    """Variables of which the function asks what type they have."""
    return frozenset(
        node.args[0].value.id
        for node in code.nodes()
        if isinstance(node, m.Call)
        and isinstance(node.func, m.Name)
        and node.func.id == "isinstance"
        and node.args
        and isinstance(node.args[0].value, m.Name)
    )


def _is_tested(expr: m.Expr, tested: frozenset[str]) -> bool:
    return isinstance(expr, m.Name) and expr.id in tested


def _is_mixed(code: Code, source: m.Expr) -> bool:
    """Does the function decode or use bytes literals elsewhere, so that decoding at the source could break it?"""
    return any(
        (isinstance(node, m.Bytes) or (isinstance(node, m.Attribute) and node.attr == "decode"))
        and not contains(source.span, node.span)
        for node in code.nodes()
    )


def _fix(code: Code, misuses: list[Misuse], mixed: bool) -> Fix | None:
    """The edits of all uses; a query string is decoded once, where it is read."""
    source = misuses[0].held.source
    edits = [edit for misuse in misuses for edit in misuse.edits]
    if _reads_query(source) and not mixed:
        edits = [(source.span.end, ".decode()")]
    elif not all(misuse.edits for misuse in misuses):
        return None
    return Fix(
        tuple(sorted({Edit(Location(code.frame.path, span), text) for span, text in edits})),
        safe=all(misuse.safe for misuse in misuses),
        title="decode it",
    )


def _reads_query(source: m.Expr) -> bool:
    if isinstance(source, m.Subscript):
        return isinstance(source.index, m.Constant) and source.index.value == "query_string"
    if isinstance(source, m.Call) and source.args:
        key = source.args[0].value
        default = source.args[1].value if len(source.args) > 1 else None
        return isinstance(key, m.Constant) and key.value == "query_string" and isinstance(default, m.Bytes)
    return False
