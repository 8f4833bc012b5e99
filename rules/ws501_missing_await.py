from __future__ import annotations

from collections.abc import Iterator

from wslint.flow import is_handler
from wslint.knowledge.channels import CONSUMER_API, CONSUMER_COROUTINES, GET_CHANNEL_LAYER, LAYER_METHODS
from wslint.rule import Edit, Finding, Fix, Level, Rule
from wslint.stack import (
    AttributeValue,
    CallUse,
    CallValue,
    Class,
    Consumer,
    ExternalValue,
    FunctionUse,
    FunctionValue,
    Method,
    SelfValue,
    Send,
    Stack,
    Value,
    below,
    facts,
    within,
)
from wslint.stack.code.places import after, before

COMMUNICATOR = frozenset(
    {"connect", "disconnect", "get_response", "receive_from", "receive_json_from", "receive_nothing", "receive_output"}
    | {"send_input", "send_json_to", "send_to", "wait"}
)
"""Coroutines of the communicators in channels.testing."""

ASYNCIO = frozenset({"asyncio.sleep", "asyncio.wait_for"})

CALLED_BY_CHANNELS = CONSUMER_API - CONSUMER_COROUTINES
"""Methods whose result Channels drops."""


class MissingAwait(Rule):
    """A coroutine is made and never run.

    Why: calling a coroutine function does nothing but make a coroutine; `await` runs it. Naming it without calling it
    does even less.

    See: nothing. accept() without await leaves the client waiting for its handshake, send() sends nothing, group_add()
    joins no group, group_discard() leaks the membership. Python's warning `coroutine '…' was never awaited` is printed
    under uvicorn, and never under daphne or its runserver.

    Mend: `await` it, or give it to asyncio.create_task() or gather().

    Bad:
        from channels.generic.websocket import AsyncWebsocketConsumer

        class RoomConsumer(AsyncWebsocketConsumer):
            async def receive(self, text_data=None, bytes_data=None):
                self.send(text_data="heard")

    Good:
        from channels.generic.websocket import AsyncWebsocketConsumer

        class RoomConsumer(AsyncWebsocketConsumer):
            async def receive(self, text_data=None, bytes_data=None):
                await self.send(text_data="heard")
    """

    code = "WS501"
    name = "missing-await"
    level = Level.ERROR
    in_tests = True

    def stack(self, stack: Stack) -> Iterator[Finding]:
        coroutines = _Coroutines(stack)
        for function in stack.functions:
            if function.vendored:
                continue
            if function.is_async:
                yield from self._dropped(stack, function, coroutines)
            elif _helps_async(function):
                yield from self._dropped_by_helper(function, coroutines)
            yield from self._uncalled(function, coroutines)

    def _dropped(self, stack: Stack, function: FunctionUse, coroutines: _Coroutines) -> Iterator[Finding]:
        for use in function.calls:
            if use.usage not in ("dropped", "returned", "assigned"):
                continue
            what = coroutines.of_call(use.node, function)
            if what is None:
                continue
            if use.usage == "dropped":
                yield self._finding(function, use.node, f"the coroutine {what}() is made and dropped: it never runs")
            elif use.usage == "returned" and _result_dropped(stack, function):
                yield self._finding(
                    function, use.node, f"{function.name}() returns the coroutine {what}(), and nobody awaits it"
                )
            elif use.usage == "assigned" and _never_read(use, function):
                yield self._finding(function, use.node, f"the coroutine {what}() is kept in a name that nothing reads")

    def _dropped_by_helper(self, function: FunctionUse, coroutines: _Coroutines) -> Iterator[Finding]:
        for use in function.calls:
            what = coroutines.of_call(use.node, function) if use.usage == "dropped" else None
            if what is not None and id(use.node) not in coroutines.sends:
                yield self.finding(
                    function.at(use.node),
                    f"the coroutine {what}() is made and dropped: {function.name}() is not async and cannot await it",
                    hint=f"make it `async def {function.name}`, and await it where it is called",
                    symptom="nothing happens, and under daphne nothing is logged",
                    symbol=function.symbol,
                )

    def _uncalled(self, function: FunctionUse, coroutines: _Coroutines) -> Iterator[Finding]:
        for node in within(function.node.body):
            if not isinstance(node, (facts.Await, facts.ExpressionStatement)):
                continue
            reference = node.value
            if not isinstance(reference, facts.Attribute):
                continue
            what = coroutines.of_reference(reference, function)
            if what is None:
                continue
            is_coroutine, name = what
            edits = [Edit(after(reference, function.frame), "()")]
            if is_coroutine and isinstance(node, facts.ExpressionStatement):
                if not function.is_async:
                    continue
                edits.insert(0, Edit(before(reference, function.frame), "await "))
            yield self.finding(
                function.at(node.value if isinstance(node, facts.ExpressionStatement) else node),
                f"{name} is named here, not called",
                hint="call it: `()` is missing",
                symptom="TypeError: object method can't be used in 'await' expression"
                if isinstance(node, facts.Await)
                else "nothing happens, and nothing is logged",
                symbol=function.symbol,
                fix=Fix(tuple(edits), safe=True, title="call it"),
            )

    def _finding(self, function: FunctionUse, call: facts.Call, message: str) -> Finding:
        return self.finding(
            function.at(call),
            message,
            hint="`await` it",
            symptom="nothing happens; uvicorn prints `RuntimeWarning: coroutine … was never awaited`, daphne nothing",
            symbol=function.symbol,
            fix=Fix((Edit(before(call, function.frame), "await "),), safe=True, title="await it"),
        )


class _Coroutines:
    """Which calls and references are coroutine functions, as far as that is sure."""

    def __init__(self, stack: Stack) -> None:
        self.stack = stack
        self.sends: dict[int, Send] = {id(send.call): send for send in stack.sends}
        self.consumers: dict[int, Consumer] = {id(consumer.cls): consumer for consumer in stack.consumers}

    def of_call(self, call: facts.Call, function: FunctionUse) -> str | None:
        """The name of the coroutine function that is called."""
        send = self.sends.get(id(call))
        func = call.func
        if send is not None:
            return send.method if isinstance(func, facts.Attribute) else None
        if isinstance(func, facts.Attribute):
            own = self._own(func, function)
            if own is not None:
                return own[1] if own[0] else None
        value = self.stack.values.one(func, function.frame)
        if isinstance(value, ExternalValue):
            return value.dotted if value.dotted in ASYNCIO else None
        if isinstance(value, FunctionValue) and self._is_coroutine(value):
            return value.name
        if isinstance(value, AttributeValue) and isinstance(value.value, CallValue) and value.attr in COMMUNICATOR:
            dotted = value.value.dotted or ""
            return value.attr if dotted.startswith("channels.testing.") else None
        return None

    def of_reference(self, node: facts.Attribute, function: FunctionUse) -> tuple[bool, str] | None:
        """(whether it is a coroutine function, its name) of a method of Channels, the layer or the project."""
        own = self._own(node, function)
        return own if own is not None and (own[0] or own[1] in CONSUMER_COROUTINES) else None

    def _own(self, node: facts.Attribute, function: FunctionUse) -> tuple[bool, str] | None:
        """The method that `self.name` or `super().name` is, when it is known."""
        name = node.attr
        is_super = isinstance(node.value, facts.Call) and getattr(node.value.func, "id", "") == "super"
        if is_super:
            owner = function.owner
            method = None if owner is None else owner.method_after(owner, name)
        else:
            value = self.stack.values.one(node.value, function.frame)
            owner = value.cls if isinstance(value, SelfValue) else None
            method = None if owner is None else owner.method(name)
            if _is_layer(value) and name in LAYER_METHODS:
                return True, name
        if method is not None:
            found = FunctionValue(method.node, method.owner.frame, None, method.owner)
            return None if method.node.decorators else (self._is_coroutine(found), name)
        return None if owner is None else self._stock(owner, name, is_super)

    def _stock(self, owner: Class, name: str, is_super: bool) -> tuple[bool, str] | None:
        consumer = self.consumers.get(id(owner))
        if consumer is None or not consumer.is_websocket or not consumer.complete:
            return None
        if owner.defines(name) and not is_super:
            return None
        if name in CONSUMER_COROUTINES or (is_super and name in CALLED_BY_CHANNELS):
            return consumer.is_async is True, name
        return None

    def _is_coroutine(self, value: FunctionValue) -> bool:
        node = value.node
        if not isinstance(node, facts.FunctionDef) or not node.is_async:
            return False
        plain = all(self.stack.values.dotted(d, value.frame) in _KEEPS for d in node.decorators)
        return plain and not any(isinstance(inner, facts.Yield) for inner in within(node.body))


_KEEPS = frozenset({"builtins.staticmethod", "builtins.classmethod", "typing.override", "abc.abstractmethod"})


def _helps_async(function: FunctionUse) -> bool:
    """A plain method of an async consumer that only the project calls."""
    consumer = function.consumer
    if consumer is None or consumer.is_async is not True or function.owner is None or function.node.decorators:
        return False
    if function.nested_in is not function.owner.node or function.name in CONSUMER_API:
        return False
    return not is_handler(Method(function.node, function.owner))


def _is_layer(value: Value) -> bool:
    if isinstance(value, AttributeValue):
        return value.attr == "channel_layer" and isinstance(value.value, SelfValue)
    return isinstance(value, CallValue) and value.dotted == GET_CHANNEL_LAYER


def _result_dropped(stack: Stack, function: FunctionUse) -> bool:
    """Is the result of an async method dropped by whoever awaits it?"""
    if function.owner is None or function.node.decorators or function.nested_in is not function.owner.node:
        return False
    if function.consumer is not None and function.name in CALLED_BY_CHANNELS:
        return True
    uses = [
        use
        for other in stack.functions
        for use in other.calls
        if isinstance(use.node.func, facts.Attribute) and use.node.func.attr == function.name
    ]
    return bool(uses) and all(_awaited_and_dropped(use) for use in uses)


def _awaited_and_dropped(use: CallUse) -> bool:
    *_, outer, inner = (None, *use.parents)
    return isinstance(inner, facts.Await) and isinstance(outer, facts.ExpressionStatement)


def _never_read(use: CallUse, function: FunctionUse) -> bool:
    statement = use.parents[-1]
    if not isinstance(statement, facts.Assign) or statement.value is not use.node:
        return False
    names = [target.id for target in statement.targets if isinstance(target, facts.Name)]
    if len(names) != len(statement.targets):
        return False
    return not any(
        isinstance(node, facts.Name) and node.id in names and node not in statement.targets
        for node in below(function.node)
    )
