"""Tokens that expire soon, as the project says, and sockets that nobody ends when they do."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass

from wslint.discover import mentions
from wslint.facts import model as m
from wslint.facts.walk import within
from wslint.location import Location
from wslint.stack.code.classes import Class
from wslint.stack.layers.layers import dict_entries
from wslint.stack.middleware.gates import NAMES_TOKEN, VERIFIES, words
from wslint.stack.middleware.guards import Guards
from wslint.stack.middleware.passages import Passage, passages, passages_from
from wslint.stack.model import Settings, Stack
from wslint.stack.settings.environment import Option
from wslint.stack.tokens.tokenfailures import decode_risk

SHORT = 30
"""Minutes: whoever sets an access token's lifetime to no more wants one that is stolen or revoked to end soon."""

_MINUTES = {"days": 1440.0, "hours": 60.0, "minutes": 1.0, "seconds": 1 / 60}
_SIMPLE = frozenset({"TokenError", "InvalidToken", "TokenBackendError"})
_LASTING = ("RefreshToken", "SlidingToken")
_TIMED = re.compile(
    r"^(exp|call_later|call_at|sleep|wait_for|timeout(_at)?|create_task|ensure_future|add_task|Timer|start_soon"
    r"|receive_nowait)$|expir|lifetime|refresh|revoke|re_?(check|auth|valid)|ticket|one_?time|single_?use|heartbeat",
    re.IGNORECASE,
)
"""Words of code that knows of time, or of a token that is for the handshake alone."""
_REFUSES = frozenset({"is_authenticated", "is_anonymous", "AnonymousUser"})
_LIMITS = (b"websocket_timeout", b"websocket-timeout", b"WEBSOCKET_TIMEOUT")
_LIFE = frozenset({"connect", "websocket_connect"})


@dataclass(eq=False)
class Outlived:
    """A check of a short-lived token, and a consumer behind it that stays; `joins` is where it joins a group."""

    check: Location
    checker: str
    consumer: Class
    joins: Location
    minutes: float
    said: Location


def outlived_checks(stack: Stack) -> Iterator[Outlived]:
    """The checks of tokens after which nothing looks at the time again; each with every consumer behind it."""
    guards = Guards.of(stack)
    lives = {id(one): life for one in stack.settings if (life := _lifetime(one, stack)) is not None}
    if not lives or mentions(stack.tree, _LIMITS, stack.tree.paths):
        return
    for entry in guards.entries:
        for mount in entry.mounts:
            settings = stack.settings_for(entry.location.path)
            if mount.consumer is None or not mount.consumer.linked or id(settings) not in lives:
                continue
            joins = _joins(mount.consumer, guards)
            gates = [gate for wrapper in entry.chain(mount) if (gate := guards.gate_of(wrapper)) is not None]
            connect = mount.consumer.method("connect")
            own = passages_from(connect.node, connect.frame, stack.values) if connect is not None else []
            ways = [(gate.name, passages(gate)) for gate in gates] + [(mount.consumer.name, own)]
            checks = [(name, place) for name, way in ways if (place := _check(way)) is not None]
            if joins is None or len(checks) != 1 or _knows_time(mount.consumer, guards, own):
                continue
            texts = {text for gate in gates for text in words(gate.codes)}
            (name, place), (minutes, said) = checks[0], lives[id(settings)]
            refuses = _refuses(mount.consumer, guards, texts, by_itself=name == mount.consumer.name)
            if refuses and not any(_TIMED.search(text) for text in texts):
                yield Outlived(place, name, mount.consumer, joins, minutes, said)


def _lifetime(settings: Settings, stack: Stack) -> tuple[float, Location] | None:
    """The lifetime of an access token in minutes, when every settings module that gives one gives a short one."""
    found: list[tuple[float, Location] | None] = []
    for setting in settings.get("SIMPLE_JWT"):
        entries, _ = dict_entries(stack, setting.expr, setting.frame)
        given = entries.get("ACCESS_TOKEN_LIFETIME", ())
        found += [_short(option, stack) for option in given] or [None]
    return None if None in found or not found else found[0]


def _short(option: Option, stack: Stack) -> tuple[float, Location] | None:
    """The minutes of `timedelta(minutes=5)`, where they are few."""
    call = option.expr
    if not isinstance(call, m.Call) or stack.values.dotted(call.func, option.frame) != "datetime.timedelta":
        return None
    minutes = 0.0
    for arg in call.args:
        number = stack.values.constant(arg.value, option.frame)
        if arg.keyword not in _MINUTES or isinstance(number, bool) or not isinstance(number, (int, float)):
            return None
        minutes += number * _MINUTES[arg.keyword]
    return (minutes, option.frame.at(call)) if 0 < minutes <= SHORT else None


def _check(way: list[Passage]) -> Location | None:
    """Where a token of SimpleJWT is proven, which raises for one that has expired."""
    for passage in way:
        for call in (node for node in within(passage.node.body) if isinstance(node, m.Call)):
            risk = decode_risk(call, passage)
            dotted = passage.values.dotted(call.func, passage.frame) or ""
            if risk is not None and risk.failure.error in _SIMPLE and not dotted.endswith(_LASTING):
                return risk.location
    return None


def _joins(cls: Class, guards: Guards) -> Location | None:
    for code in guards.consumer_code(cls):
        for node in code.nodes():
            if isinstance(node, m.Attribute) and node.attr == "group_add":
                return code.at(node)
    return None


def _refuses(cls: Class, guards: Guards, texts: set[str], *, by_itself: bool) -> bool:
    """Does the consumer, or a middleware with these words, refuse who has no valid token?"""
    own = set(words(guards.consumer_code(cls)))
    asks = by_itself or "user" in own or not _REFUSES.isdisjoint(own)
    return "DenyConnection" in texts or "DenyConnection" in own or ("close" in own and asks)


def _knows_time(cls: Class, guards: Guards, own: list[Passage]) -> bool:
    """Does a consumer know of time, look at a credential after the handshake, or let an event end it?"""
    at_connect = {id(passage.node) for passage in own}
    for code in guards.consumer_code(cls):
        texts = set(words([code]))
        if any(_TIMED.search(text) for text in texts):
            return True
        if id(code.node) not in at_connect and code.node.name not in _LIFE:
            if any(NAMES_TOKEN.search(text) or VERIFIES.search(text) for text in texts):
                return True
            if "close" in texts and not code.node.name.startswith(("receive", "disconnect", "websocket_")):
                return True
    return False
