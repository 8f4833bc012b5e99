"""Applications that know the clients of their websockets by an Authorization header, and by nothing else."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from wslint.discover import mentions
from wslint.location import Location
from wslint.stack.code.reach import Code
from wslint.stack.middleware.gates import HANDSHAKE, keys_of, words
from wslint.stack.middleware.guards import COOKIE_WRAPPERS, Entry, Guards
from wslint.stack.model import Mount, Stack

_ELSEWHERE = re.compile(
    r"cookie|session|query|subprotocol|sec-websocket|^x-|^path$|raw_path|token$|jwt|ticket|bearer|authenticat|password"
    r"|credential|api_?key|secret|signature|^code$|^pin$",
    re.IGNORECASE,
)
"""Words of a consumer that may ask for a credential by itself."""

_OTHER_WAYS = re.compile(
    r"cookie|session|query_string|subprotocol|sec-websocket|^x-|raw_path|url_route"
    r"|^basic\b|b64decode|^digest\b|negotiate|kerberos",
    re.IGNORECASE,
)
"""Other credentials, and those schemes of the header that browsers do fill in by themselves."""

_PROXIES = re.compile(
    rb"proxy_set_header\s+Authorization\s+(?!\$http_authorization)|(auth_?response_?headers|(set|pass)[-_]authorization"
    rb"[-_]header|proxyReqWs)",
    re.IGNORECASE,
)
_PROXY_WORDS = (b"proxy_set_header", b"uthResponseHeaders", b"uthorization", b"UTHORIZATION", b"roxyReqWs")
_ANSWERS = frozenset({"is_authenticated", "is_anonymous"})


@dataclass(eq=False)
class HeaderAuth:
    """Who reads the header, and where."""

    reader: str
    location: Location


def header_auths(stack: Stack) -> Iterator[HeaderAuth]:
    """The readers of the header in those applications where it is the only credential on every way; unknown: none."""
    guards = Guards.of(stack)
    for entry in guards.entries:
        found: dict[Location, HeaderAuth] = {}
        for mount in entry.mounts:
            if mount.consumer is not None and guards.never_accepts(mount.consumer):
                continue
            reader = _reader(entry, mount, guards)
            if reader is None:
                break
            found.setdefault(reader.location, reader)
        else:
            if found and not _is_added_by_proxy(stack):
                yield from found.values()


def _is_added_by_proxy(stack: Stack) -> bool:
    """Does a proxy of the project put the header into handshakes, or may it?"""
    others = [path for path in stack.tree.paths if not path.endswith(".py")]
    return any(_PROXIES.search(source) for source in mentions(stack.tree, _PROXY_WORDS, others).values())


def _reader(entry: Entry, mount: Mount, guards: Guards) -> HeaderAuth | None:
    """Who reads the header on the way to a consumer, when every look at the handshake is known and is one at it."""
    if mount.consumer is None or not mount.consumer.linked:
        return None
    found: HeaderAuth | None = None
    for wrapper in entry.chain(mount):
        if wrapper.dotted in COOKIE_WRAPPERS or guards.keys_set(wrapper) is None:
            return None
        gate = guards.gate_of(wrapper)
        if gate is None:
            continue
        if gate.reads_handshake:
            place = _header_read(gate.codes, guards)
            if place is None or not gate.authenticates:
                return None
            found = found or HeaderAuth(gate.name, place)
        elif gate.authenticates or any(_OTHER_WAYS.search(text) for text in words(gate.codes)):
            return None
    codes = guards.consumer_code(mount.consumer)
    if any(kind != "write" and key in HANDSHAKE for kind, key, _, _ in keys_of(codes, guards.stack)):
        place = _header_read(codes, guards)
        return None if place is None else found or HeaderAuth(mount.consumer.name, place)
    if guards.hands_scope_on(codes) or any(_ELSEWHERE.search(text) for text in words(codes) if text not in _ANSWERS):
        return None
    return found


def _header_read(codes: Iterable[Code], guards: Guards) -> Location | None:
    """Where code reads the headers, when it looks for `authorization` there and nowhere else for anything."""
    codes = list(codes)
    keys = [(key, code.at(node)) for kind, key, node, code in keys_of(codes, guards.stack) if kind != "write"]
    if {key for key, _ in keys} & (HANDSHAKE | {None, "path", "session"}) != {"headers"} or guards.hands_scope_on(
        codes
    ):
        return None
    texts = {text.lower() for text in words(codes)}
    if "authorization" not in texts or any(_OTHER_WAYS.search(text) for text in texts):
        return None
    return next(place for key, place in keys if key == "headers")
