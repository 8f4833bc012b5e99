from __future__ import annotations

import re
from collections.abc import Iterator
from typing import NamedTuple
from urllib.parse import urlsplit

from wslint.rule import Edit, Finding, Fix, Level, Location, Rule, Span
from wslint.stack import Settings
from wslint.stack import facts as m
from wslint.stack.settings.origins import CORS_LISTS, OPAQUE_ORIGINS, Entry, OriginList, origin_lists

NEVER = "no browser sends such an Origin, so requests from there get no Access-Control-Allow-Origin and are blocked"
REFUSED = "manage.py check, runserver and migrate stop with ({})"
NO_SCHEME, NO_PATH, NO_SEQUENCE = (REFUSED.format(f"corsheaders.{code}") for code in ("E013", "E014", "E006"))
WEBSOCKETS = "CORS lists do not guard websockets; an OriginValidator that is given this list wants the same form"
LOCAL = re.compile(r"^(localhost|127\.0\.0\.1|0\.0\.0\.0|\[::1\])(:\d+)?$")
DEFAULT_PORTS = {"http": ":80", "https": ":443"}


class Fault(NamedTuple):
    """What is wrong with an entry, what follows, and how it should read (None: that needs a person)."""

    what: str
    seen: str
    better: str | None
    safe: bool = True


class MalformedCorsOrigin(Rule):
    """An entry of CORS_ALLOWED_ORIGINS is no origin: no scheme, a path, a `*`, a default port, or no list at all.

    Why: an origin is scheme, host and port (unless it is the scheme's own), and nothing else. django-cors-headers
    compares the entries with the Origin header as text; patterns belong in CORS_ALLOWED_ORIGIN_REGEXES.

    See: `manage.py check`, runserver and migrate stop with `(corsheaders.E013) Origin 'localhost:3000' in
    CORS_ALLOWED_ORIGINS is missing scheme or netloc` (no scheme), E014 (a path) or E006 (no sequence). An entry with a
    `*`, `wss://`, a default port or capitals passes every check and never matches: the browser blocks the requests.

    Mend: write the origin as the browser's address bar shows it, without the path.

    Bad:
        # config/settings.py
        INSTALLED_APPS = ["daphne", "corsheaders"]
        MIDDLEWARE = ["corsheaders.middleware.CorsMiddleware"]
        CORS_ALLOWED_ORIGINS = ["localhost:3000"]

    Good:
        # config/settings.py
        INSTALLED_APPS = ["daphne", "corsheaders"]
        MIDDLEWARE = ["corsheaders.middleware.CorsMiddleware"]
        CORS_ALLOWED_ORIGINS = ["http://localhost:3000"]
    """

    code = "WS622"
    name = "malformed-cors-origin"
    level = Level.ERROR

    def settings(self, settings: Settings) -> Iterator[Finding]:
        seen: set[tuple[str, object]] = set()
        for item in origin_lists(settings, CORS_LISTS):
            shape = _shape(item, settings)
            if shape is not None:
                yield self._report(item, shape, None)
                continue
            for entry in item.entries:
                fault = fault_of(entry.text)
                key = (entry.location.path, entry.location.span)
                if fault is not None and key not in seen:
                    seen.add(key)
                    yield self._report(item, fault, entry)

    def _report(self, item: OriginList, fault: Fault, entry: Entry | None) -> Finding:
        location = item.location if entry is None else entry.location
        shown = item.name if entry is None else f"{entry.text!r} in {item.name}"
        write = f"write {fault.better}" if fault.better else "write the origin as scheme://host or scheme://host:port"
        return self.finding(
            location,
            f"{shown} {fault.what}",
            hint=f"{write}. {WEBSOCKETS}",
            symptom=fault.seen,
            symbol=item.name,
            fix=_fix(item, fault, entry),
        )


def fault_of(text: str) -> Fault | None:
    """What is wrong with one entry; None for an origin as a browser sends it."""
    if text in OPAQUE_ORIGINS or not text:
        return None
    if "," in text or text.count("://") > 1:
        return Fault("holds several origins in one text", NO_PATH, None)
    try:
        parts = urlsplit(text)
    except ValueError:
        return None
    if text == "*":
        return Fault("is no origin; all are let in by CORS_ALLOW_ALL_ORIGINS = True", NO_SCHEME, None)
    if not parts.scheme or not parts.netloc:
        bare = text.lstrip("/").rstrip("/")
        scheme = "http" if LOCAL.match(bare) else "https"
        better = f"{scheme}://{bare}" if re.fullmatch(r"[\w.\-\[\]:]+", bare) else None
        return Fault("has no scheme", NO_SCHEME, better, safe=scheme == "http")
    if "*" in parts.netloc:
        what = "has a * that is taken literally; patterns belong in CORS_ALLOWED_ORIGIN_REGEXES"
        return Fault(what, NEVER, None)
    if parts.path or parts.query or parts.fragment:
        what = "ends in a slash" if parts.path == "/" and not parts.query else "has a path, and an origin has none"
        return Fault(what, NO_PATH, f"{parts.scheme}://{parts.netloc}")
    if parts.scheme in ("ws", "wss"):
        what = f"has the scheme {parts.scheme}; the Origin of a page is its own address"
        return Fault(what, NEVER, text.replace("ws", "http", 1))
    default = DEFAULT_PORTS.get(parts.scheme)
    if default is not None and parts.netloc.endswith(default):
        better = f"{parts.scheme}://{parts.netloc.removesuffix(default)}"
        return Fault(f"names the port {default[1:]}, which browsers leave out", NEVER, better)
    if parts.netloc != parts.netloc.lower():
        return Fault("has capitals, and browsers send hosts in lower case", NEVER, text.lower())
    if any(character.isspace() for character in text):
        return Fault("has a space in it", NEVER, None)
    return None


def _shape(item: OriginList, settings: Settings) -> Fault | None:
    """A value that is no list or tuple of texts."""
    value = item.value
    if isinstance(value, m.Sequence) and value.kind == "set":
        return Fault("is a set; django-cors-headers wants a list or tuple", NO_SEQUENCE, "a list")
    literal = settings.stack.values.constant(value, item.frame)
    if isinstance(literal, str):
        what = "is one text, so each of its letters is taken for an origin"
        return Fault(what, NO_SCHEME, f"[{literal!r}]")
    return None


def _fix(item: OriginList, fault: Fault, entry: Entry | None) -> Fix | None:
    if entry is None:
        if isinstance(item.value, m.Constant) and fault.better:
            return Fix((Edit(item.location, f"[{_quoted(str(item.value.value))}]"),), safe=True, title="make it a list")
        if isinstance(item.value, m.Sequence) and item.value.items:
            braces = _braces(item.location.span)
            edits = tuple(Edit(Location(item.path, span), text) for span, text in zip(braces, "[]", strict=True))
            return Fix(edits, safe=True, title="make it a list")
        return None
    if fault.better is None or not _is_literal(entry):
        return None
    return Fix((Edit(entry.location, _quoted(fault.better)),), safe=fault.safe, title=f"write {fault.better}")


def _braces(span: Span) -> tuple[Span, Span]:
    """The first and the last character of a display."""
    return (
        Span(span.line, span.column, span.line, span.column + 1),
        Span(span.end_line, span.end_column - 1, span.end_line, span.end_column),
    )


def _is_literal(entry: Entry) -> bool:
    """Does the entry's place hold exactly its text as one literal?"""
    span = entry.location.span
    return span.line == span.end_line and span.end_column - span.column == len(entry.text) + 2


def _quoted(text: str) -> str:
    return '"' + text.replace("\\", "\\\\").replace('"', '\\"') + '"'
