"""Tokens that are decoded without the checks that make them worth anything (PyJWT, python-jose, SimpleJWT)."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import NamedTuple

from wslint.facts import model as m
from wslint.facts.names import names_in
from wslint.facts.walk import contains
from wslint.knowledge.tokens import DECODERS, JUDGES, SIMPLE
from wslint.stack.code.reach import Code
from wslint.stack.code.values import AttributeValue, CallValue, Display, ExternalValue, Literal, Values, argument
from wslint.stack.project.packages import Packages

SIGNATURE, EXPIRY, ALGORITHM = "signature", "expiry", "algorithm"

_PYJWT = frozenset({"jwt.decode", "jwt.api_jwt.decode"})
_BY_OPTIONS = _PYJWT | {"jose.jwt.decode"}
_PEEKS = frozenset({"jose.jwt.get_unverified_claims"})
_NO_CLAIMS = frozenset({"jwt.get_unverified_header"})
"""What reads the header alone: to find the key, before the token is verified."""


class Unverified(NamedTuple):
    """A decode, the place that turns a check off, and which."""

    call: m.Call
    place: m.Node
    what: str
    code: Code


def unverified(codes: Iterable[Code], values: Values, packages: Packages) -> Iterator[Unverified]:
    """The decodes without a check in some code; none of them when the code has a decode with all checks too."""
    found: list[Unverified] = []
    codes = list(codes)
    for code in codes:
        for node in code.nodes():
            if not isinstance(node, m.Call) or not _decodes(node, code, values):
                continue
            off = _turned_off(node, code, values, packages)
            if off is None:
                return  # this one verifies: others look into the token before, to find its key
            found.append(Unverified(node, *off, code))
    by_hand = any(_says_exp(code, [one.call for one in found]) for code in codes)
    for one in found:
        if not _is_for_development(one) and not (one.what == EXPIRY and by_hand):
            yield one


def _decodes(call: m.Call, code: Code, values: Values) -> bool:
    value = values.one(call.func, code.frame)
    if isinstance(value, ExternalValue):
        known = value.dotted in DECODERS or value.dotted in _PEEKS
        return known and value.dotted not in _NO_CLAIMS and bool(call.args)
    if isinstance(value, AttributeValue) and isinstance(value.value, CallValue):
        return (value.value.dotted or "", value.attr) in JUDGES
    return False


def _turned_off(call: m.Call, code: Code, values: Values, packages: Packages) -> tuple[m.Node, str] | None:
    """The place that turns a check off, and the check; None when the decode surely or maybe verifies."""
    value = values.one(call.func, code.frame)
    dotted = value.dotted if isinstance(value, ExternalValue) else ""
    if dotted in _PEEKS:
        return call, SIGNATURE
    if dotted.startswith(SIMPLE):
        return _false(argument(call, 1, "verify"), code, values)
    if dotted in _PYJWT and packages.surely_below("pyjwt", "2"):
        off = _false(argument(call, 2, "verify"), code, values)
        if off is not None:
            return off
        if argument(call, 3, "algorithms") is None and not any(arg.star for arg in call.args):
            return call, ALGORITHM
    return _options(call, code, values) if dotted in _BY_OPTIONS else None


def _false(expr: m.Expr | None, code: Code, values: Values) -> tuple[m.Node, str] | None:
    value = None if expr is None else values.one(expr, code.frame)
    return (expr, SIGNATURE) if expr is not None and isinstance(value, Literal) and value.value is False else None


def _options(call: m.Call, code: Code, values: Values) -> tuple[m.Node, str] | None:
    given = argument(call, 3, "options")
    value = None if given is None else values.one(given, code.frame)
    if given is None or not isinstance(value, Display) or not isinstance(value.node, m.Dict):
        return None
    off = {
        item.key.value: item
        for item in value.node.items
        if isinstance(item.key, m.Constant) and _is_false(item.value, value, values)
    }
    for key, what in (("verify_signature", SIGNATURE), ("verify_exp", EXPIRY)):
        if key in off:
            return (off[key] if value.frame is code.frame else given), what
    return None


def _is_false(expr: m.Expr, home: Display, values: Values) -> bool:
    value = values.one(expr, home.frame)
    return isinstance(value, Literal) and value.value is False


def _says_exp(code: Code, decodes: list[m.Call]) -> bool:
    """Does code look at the expiry by itself?"""
    return any(
        isinstance(node, m.Constant)
        and node.value == "exp"
        and not any(contains(call.span, node.span) for call in decodes)
        for node in code.nodes()
    )


def _is_for_development(one: Unverified) -> bool:
    """Does it stand under a test of DEBUG or the like?"""
    return any(
        isinstance(node, (m.If, m.Conditional))
        and contains(node.span, one.call.span)
        and any("DEBUG" in text or "TEST" in text for text in names_in(node.test))
        for node in one.code.nodes()
    )
