"""Which sends go out while a transaction of the database is still open, and whose row that transaction writes."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property

from wslint.facts import model as m
from wslint.facts.names import last_name
from wslint.facts.walk import contains, within
from wslint.knowledge import orm as known
from wslint.location import Location, Span
from wslint.stack.code.callees import bodies, called
from wslint.stack.code.values import Frame, Literal
from wslint.stack.database.orm import orm_of
from wslint.stack.database.orm_kinds import Instance
from wslint.stack.database.queries import path_of
from wslint.stack.execution.requests import is_view
from wslint.stack.groups.eventloads import Load, subjects
from wslint.stack.layers.layers import dict_entries
from wslint.stack.model import CallUse, FunctionUse, Send, Stack

MAX_CALLERS = 3
"""How many calls out a transaction is looked for."""

_IN_ADMIN = frozenset({"save_model", "delete_model", "save_related", "save_formset", "response_add", "response_change"})
"""Methods that Django's add, change and delete views call in `transaction.atomic()`."""

_WRITES = frozenset({"create", "get_or_create", "update_or_create", "save"})
_RECEIVER, _POST_SAVE = "django.dispatch.receiver", "django.db.models.signals.post_save"


Way = tuple[tuple[FunctionUse, CallUse], ...]
"""The calls that lead to a function, the inmost first, each with the function it stands in."""


@dataclass(eq=False, frozen=True)
class Open:
    """A transaction around a send: what opens it, and the calls from there to the function that sends, inmost first."""

    location: Location
    shown: str
    function: FunctionUse
    entered: Way = ()


class Transactions:
    """The transactions of one stack's functions."""

    def __init__(self, stack: Stack) -> None:
        self.stack = stack
        self.values = stack.values

    def around(self, send: Send) -> Open | None:
        """The transaction that surely is open when an event is sent."""
        return None if send.inside is None else self._around(send.inside, send.location.span, ())

    def writes(self, found: Open, send: Send, load: Load) -> bool:
        """Does the transaction save the object whose key an event has, and is it of the model that is looked up?"""
        assert send.event is not None and send.inside is not None
        expr, frame, way = send.event.keys[load.key], send.event.frame, found.entered
        while isinstance(expr, m.Name) and (bound := frame.arguments.get(expr.id)) and bound.expr is not None:
            expr, frame = bound.expr, bound.frame
        return any(self._is_saved(subject, frame, send.inside, way, load) for subject in subjects(expr))

    # --- where a transaction is open ---

    def _around(self, function: FunctionUse, span: Span, way: Way) -> Open | None:
        nodes = list(within(function.node.body))
        if function.is_async or any(isinstance(node, m.Lambda) and contains(node.span, span) for node in nodes):
            return None
        for node in nodes:
            if isinstance(node, m.With) and any(contains(one.span, span) for one in node.body):
                for item in node.items:
                    if self._is_atomic(item.value, function.frame):
                        return Open(function.at(item.value), "transaction.atomic()", function, way)
        for decorator in function.node.decorators:
            if self._is_atomic(decorator, function.frame.parent or function.frame):
                return Open(function.at(decorator), "transaction.atomic", function, way)
        return self._of_django(function, way) or self._of_callers(function, way)

    def _is_atomic(self, expr: m.Expr, frame: Frame) -> bool:
        return self.values.dotted(called(expr), frame) in known.ATOMIC

    def _of_django(self, function: FunctionUse, way: Way) -> Open | None:
        """Does Django itself open one: for a request, or in its admin?"""
        bases = " ".join(function.owner.externals) if function.owner is not None else ""
        if function.name in _IN_ADMIN and "admin" in bases:
            return Open(function.location, "a view of the admin", function, way)
        setting = self._atomic_requests(function.path)
        if setting is None:
            return None
        plain = function.owner is None and [param.name for param in function.node.params[:1]] == ["request"]
        signal = self.sender_of(function) is not None
        outside = function.frame.parent or function.frame
        freed = [self.values.dotted(called(node), outside) for node in function.node.decorators]
        if "django.db.transaction.non_atomic_requests" in freed:
            return None
        return (
            Open(setting, "ATOMIC_REQUESTS", function, way)
            if plain or signal or is_view(self.stack, function)
            else None
        )

    def _of_callers(self, function: FunctionUse, way: Way) -> Open | None:
        for caller, use in self._callers.get(function.name, ()) if len(way) < MAX_CALLERS else ():
            if caller.node is function.node or caller.in_tests:
                continue
            if any(body.node is function.node for body in bodies(use.node.func, caller.frame, self.values)):
                found = self._around(caller, use.node.span, (*way, (caller, use)))
                if found is not None:
                    return found
        return None

    @cached_property
    def _callers(self) -> dict[str, list[tuple[FunctionUse, CallUse]]]:
        found: dict[str, list[tuple[FunctionUse, CallUse]]] = {}
        for function in self.stack.functions:
            for use in function.calls:
                func = use.node.func
                name = last_name(func)
                found.setdefault(name, []).append((function, use))
        return found

    def _atomic_requests(self, path: str) -> Location | None:
        """Where the settings of a file's project switch ATOMIC_REQUESTS on."""
        settings = self.stack.settings_for(path)
        serving = () if settings is None else settings.serving
        for setting in (setting for module in serving for setting in module.get("DATABASES")):
            options = [(setting.parents, setting.expr, setting.frame)]
            for parents, expr, frame in options:  # grows: DATABASES, then "default" in it, then its options
                value = self.values.one(expr, frame)
                if parents[-1:] == ("ATOMIC_REQUESTS",) and isinstance(value, Literal) and value.value is True:
                    return frame.at(expr)
                if len(parents) < 2:
                    entries = dict_entries(self.stack, expr, frame)[0]
                    options += [((*parents, key), one.expr, one.frame) for key in entries for one in entries[key]]
        return None

    # --- what it writes ---

    def sender_of(self, function: FunctionUse) -> m.Expr | None:
        """The model after whose save() a receiver of a signal runs, as the decorator names it."""
        for decorator in function.node.decorators:
            if isinstance(decorator, m.Call) and self.values.dotted(decorator.func, function.frame) == _RECEIVER:
                words = {arg.keyword: arg.value for arg in decorator.args}
                if None in words and self.values.dotted(words[None], function.frame) == _POST_SAVE:
                    return words.get("sender")
        return None

    def _is_saved(self, subject: m.Expr, frame: Frame, function: FunctionUse, way: Way, load: Load) -> bool:
        orm = orm_of(self.stack)
        sender = self.sender_of(function)
        if sender is not None and isinstance(subject, m.Name) and subject.id == "instance":
            return orm.schema.of_value(self.values.one(sender, function.frame), function.path) is load.model
        kind = orm.one(subject, frame)
        if kind is not None and not (isinstance(kind, Instance) and kind.model in (None, load.model)):
            return False
        if any(_saves(node, path_of(subject)) for node in within(function.node.body)):
            return True
        if not way or not isinstance(subject, m.Name):
            return False
        given = dict(_arguments(function, way[0][1].node)).get(subject.id)
        return given is not None and self._is_saved(given, way[0][0].frame, way[0][0], way[1:], load)


def _saves(node: m.Node, path: object) -> bool:
    """`order.save()`, `order = Order.objects.create(…)`, `order = form.save()`."""
    match node:
        case m.Call(func=m.Attribute(attr="save", value=owner)):
            return bool(path) and path_of(owner) == path
        case m.Assign(targets=(target, *_), value=m.Call(func=m.Attribute(attr=name))) if name in _WRITES:
            first = target.items[0] if isinstance(target, m.Sequence) and target.items else target
            return bool(path) and path_of(first) == path
        case _:
            return False


def _arguments(function: FunctionUse, call: m.Call) -> Iterator[tuple[str, m.Expr]]:
    """What a call gives the parameters of a function."""
    params = [param.name for param in function.node.params]
    params = params[1:] if params[:1] in (["self"], ["cls"]) else params
    for place, arg in enumerate(call.args):
        if arg.keyword is not None:
            yield arg.keyword, arg.value
        elif place < len(params):
            yield params[place], arg.value
