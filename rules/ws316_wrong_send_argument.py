from __future__ import annotations

from collections.abc import Iterator

from wslint.rule import Edit, Finding, Fix, Level, Location, Rule
from wslint.stack import CallValue, Consumer, Display, FunctionUse, Stack, Value, argument, facts
from wslint.stack.code.places import after, before


class WrongSendArgument(Rule):
    """send() is given what it cannot put into a frame.

    Why: send() of the websocket consumers takes `text_data` (str) first, or `bytes_data`. A dict belongs to send_json()
    of the JSON consumers, or into json.dumps(); `{"type": "websocket.send", …}` belongs to raw consumers.

    See: a dict or bytes: `'dict' object has no attribute 'encode'` in the server, and the connection dies (1011 or
    1006). `send(message=…)`: TypeError. send_json() on a consumer without it: AttributeError.

    Mend: `send(text_data=json.dumps(…))`, `send(bytes_data=…)`, or a JSON consumer and send_json().

    Bad:
        from channels.generic.websocket import AsyncWebsocketConsumer

        class RoomConsumer(AsyncWebsocketConsumer):
            async def receive(self, text_data=None, bytes_data=None):
                await self.send({"heard": text_data})

    Good:
        import json

        from channels.generic.websocket import AsyncWebsocketConsumer

        class RoomConsumer(AsyncWebsocketConsumer):
            async def receive(self, text_data=None, bytes_data=None):
                await self.send(text_data=json.dumps({"heard": text_data}))
    """

    code = "WS316"
    name = "wrong-send-argument"
    level = Level.ERROR

    def stack(self, stack: Stack) -> Iterator[Finding]:
        told: set[Location] = set()
        for function in stack.functions:
            consumer = function.consumer
            if consumer is None or function.in_tests or function.vendored or not function.node.params:
                continue
            if not consumer.is_websocket or not consumer.complete:
                continue
            for use in function.calls:
                name = _own(use.node, function)
                found = None
                if name == "send" and not consumer.cls.defines("send"):
                    found = self._send(stack, consumer, function, use.node)
                elif name == "send_json" and consumer.kind == "websocket" and not _has_send_json(consumer):
                    found = self._send_json(stack, consumer, function, use.node)
                if found is not None and found.location not in told:
                    told.add(found.location)
                    yield found

    def _send(self, stack: Stack, consumer: Consumer, function: FunctionUse, call: facts.Call) -> Finding | None:
        strange = next(
            (arg for arg in call.args if arg.keyword and arg.keyword not in ("text_data", "bytes_data", "close")), None
        )
        if strange is not None:
            return self.finding(
                function.at(call),
                f"send() has no argument `{strange.keyword}`",
                hint="`text_data=` for text, `bytes_data=` for bytes",
                symptom=f"`TypeError: send() got an unexpected keyword argument '{strange.keyword}'` each time",
                symbol=f"{consumer.name}.{function.name}",
            )
        given = argument(call, 0, "text_data")
        if given is None:
            return None
        kinds = {_kind(value) for value in stack.values.of(given, function.frame)}
        if len(kinds) != 1 or None in kinds:
            return None
        kind = kinds.pop()
        return self.finding(
            function.at(call),
            f"send() of {consumer.name} is given {'a dict' if kind == 'dict' else kind}, not text",
            hint="`send_json(…)`"
            if kind == "dict" and consumer.kind == "json"
            else "`send(text_data=json.dumps(…))`"
            if kind == "dict"
            else "`send(bytes_data=…)`",
            symptom=f"`'{kind}' object has no attribute 'encode'` in the server, and the connection dies (1011 with "
            "daphne, 1006 with uvicorn)",
            symbol=f"{consumer.name}.{function.name}",
            fix=_fix(stack, consumer, function, call, given, kind == "dict"),
        )

    def _send_json(self, stack: Stack, consumer: Consumer, function: FunctionUse, call: facts.Call) -> Finding:
        given = call.args[0] if len(call.args) == 1 and not call.args[0].star else None
        edits = None
        if given is not None and given.keyword is None and _has_json(stack, function):
            edits = _dumped(function, call, given.value)
        return self.finding(
            function.at(call),
            f"{consumer.name} is no JSON consumer: it has no send_json()",
            hint="`send(text_data=json.dumps(…))`, or a JSON consumer as the base",
            symptom="AttributeError: object has no attribute 'send_json'",
            symbol=f"{consumer.name}.{function.name}",
            fix=None if edits is None else Fix(edits, safe=True, title="send it as text"),
        )


def _own(call: facts.Call, function: FunctionUse) -> str | None:
    """`send` of `self.send(…)` and `super().send(…)`; `super(Base, self)` may mean the send() of a raw consumer."""
    func = call.func
    if not isinstance(func, facts.Attribute) or not function.node.params:
        return None
    on_self = isinstance(func.value, facts.Name) and func.value.id == function.node.params[0].name
    on_super = (
        isinstance(func.value, facts.Call) and getattr(func.value.func, "id", "") == "super" and not func.value.args
    )
    direct = function.owner is not None and function.nested_in is function.owner.node
    return func.attr if direct and (on_self or on_super) else None


def _has_send_json(consumer: Consumer) -> bool:
    names = ("send_json", "__getattr__", "__getattribute__")
    return any(consumer.cls.defines(name) for name in names) or "send_json" in consumer.cls.instance_assignments


def _kind(value: Value) -> str | None:
    """ "dict" or "bytes", when a value surely is one."""
    if isinstance(value, Display):
        if isinstance(value.node, facts.Dict):
            return "dict"
        return "bytes" if isinstance(value.node, facts.Bytes) else None
    if isinstance(value, CallValue) and value.dotted in ("builtins.dict", "builtins.bytes"):
        return value.dotted.rpartition(".")[2]
    return None


def _has_json(stack: Stack, function: FunctionUse) -> bool:
    """Can the function say `json.dumps`?"""
    func = facts.Name(function.node.span, "json")
    return stack.values.dotted(func, function.frame) == "json"


def _fix(
    stack: Stack, consumer: Consumer, function: FunctionUse, call: facts.Call, given: facts.Expr, is_dict: bool
) -> Fix | None:
    func = call.func
    if len(call.args) != 1 or not isinstance(func, facts.Attribute):
        return None
    if isinstance(given, facts.Dict) and any(
        isinstance(item.key, facts.Constant) and item.key.value == "type" for item in given.items
    ):
        return None  # perhaps a raw consumer's message
    if not is_dict:
        if call.args[0].keyword is not None:
            return None
        return Fix((Edit(before(given, function.frame), "bytes_data="),), safe=True, title="send it as bytes")
    if consumer.kind == "json" and call.args[0].keyword is None:
        return Fix((Edit(function.frame.at(func.attr_span), "send_json"),), safe=True, title="send it as JSON")
    if call.args[0].keyword is None and _has_json(stack, function):
        return Fix(_dumped(function, call, given), safe=True, title="send it as JSON")
    return None


def _dumped(function: FunctionUse, call: facts.Call, given: facts.Expr) -> tuple[Edit, ...]:
    edits = (Edit(before(given, function.frame), "text_data=json.dumps("), Edit(after(given, function.frame), ")"))
    func = call.func
    if isinstance(func, facts.Attribute) and func.attr == "send_json":
        return (Edit(function.frame.at(func.attr_span), "send"), *edits)
    return edits
