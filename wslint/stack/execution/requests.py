"""Which functions a request waits for: views, receivers of a model's signals, save(); and what they do before."""

from __future__ import annotations

import re

from wslint.facts import model as m
from wslint.facts.names import last_name
from wslint.facts.walk import below, contains, within
from wslint.knowledge.orm import MODEL_BASES
from wslint.stack.code.guarded import BROAD, is_caught
from wslint.stack.execution.called_by import is_plain_view
from wslint.stack.model import FunctionUse, Stack

_SIGNALS = frozenset(f"django.db.models.signals.{name}" for name in ("post_save", "post_delete", "m2m_changed"))
"""What is sent when a row is written."""
_VIEW_METHODS = frozenset("form_valid create update partial_update destroy perform_create perform_update".split())
_WRITES = frozenset("save create get_or_create update_or_create bulk_create delete".split())
_DEBUGGING = re.compile(r"(^|_)DEBUG(GING)?(_|$)")
"""The name of a setting that is on where nobody is served."""
_FAILURES = BROAD | {
    "builtins.OSError",
    "builtins.ConnectionError",
    "redis.exceptions.RedisError",
    "redis.exceptions.ConnectionError",
    "redis.RedisError",
    "redis.ConnectionError",
}
"""What catches the failure of a channel layer whose Redis is down."""


def answers_request(stack: Stack, function: FunctionUse) -> str | None:
    """ "view", "signal" or "save" for a function that surely runs in requests."""
    bases = function.owner.externals if function.owner is not None else ()
    if is_view(stack, function):
        return "view"
    if function.name == "save" and any(base in MODEL_BASES for base in bases):
        return "save"
    for decorator in function.node.decorators:
        if isinstance(decorator, m.Call) and decorator.args:
            called = stack.values.dotted(decorator.func, function.frame)
            signal = stack.values.dotted(decorator.args[0].value, function.frame) or ""
            if called == "django.dispatch.receiver" and signal in _SIGNALS:
                return "signal"
    return None


def is_view(stack: Stack, function: FunctionUse) -> bool:
    """Is it surely a view, or a method that Django's or DRF's generic views call?"""
    bases = function.owner.externals if function.owner is not None and function.name in _VIEW_METHODS else ()
    return is_plain_view(function, stack.values) or any(
        base.startswith(("django.views.", "rest_framework.")) for base in bases
    )


def saves_before(function: FunctionUse, place: m.Node) -> bool:
    """Does a function save something before a place?"""
    return any(
        isinstance(node, m.Call)
        and isinstance(node.func, m.Attribute)
        and node.func.attr in _WRITES
        and node.span < place.span
        for node in within(function.node.body)
    )


def is_for_debugging(function: FunctionUse, place: m.Node) -> bool:
    """Does a place run only where a setting such as DEBUG is on: under a test of it, or behind one that returns?"""
    for node in within(function.node.body):
        if not isinstance(node, m.If):
            continue
        negated = isinstance(node.test, m.UnaryOp) and node.test.op == "not"
        if not any(_DEBUGGING.search(last_name(one)) for one in (node.test, *below(node.test))):
            continue
        if any(contains(one.span, place.span) for one in (node.orelse if negated else node.body)):
            return True
        if negated and node.span < place.span and node.body and isinstance(node.body[-1], m.Return):
            return True
    return False


def may_be_caught(stack: Stack, function: FunctionUse, place: m.Node) -> bool:
    """Is the failure of the channel layer at a place caught in its function, or by `on_commit(…, robust=True)`?"""
    if is_caught(function.node.body, place, _FAILURES, function.frame, stack.values):
        return True
    nodes = list(within(function.node.body))
    if not any(isinstance(node, m.Lambda) and contains(node.span, place.span) for node in nodes):
        return False
    around = [node for node in nodes if isinstance(node, m.Call) and contains(node.span, place.span)]
    commits = [node for node in around if isinstance(node.func, m.Attribute) and node.func.attr == "on_commit"]
    return not commits or any(arg.keyword == "robust" for node in commits for arg in node.args)
