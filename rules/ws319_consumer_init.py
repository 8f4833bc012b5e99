from __future__ import annotations

from collections.abc import Iterator

from wslint.rule import Edit, Finding, Fix, Level, Location, Rule
from wslint.stack import CallValue, Consumer, Method, Stack, calls_within, facts, within
from wslint.stack.code.places import before

LATER = ("scope", "channel_name", "channel_layer")
"""Attributes that a consumer gets when it is called, after it was made."""


class ConsumerInit(Rule):
    """An `__init__` with which a websocket consumer cannot be made or used.

    Why: Channels makes a consumer for each connection with the arguments of as_asgi(), mostly none. The `__init__` of
    its websocket consumers sets `groups`; scope, channel_name and channel_layer come later, before connect().

    See: every handshake ends in HTTP 500: `TypeError: 'NoneType' object is not iterable` without
    super().__init__(), `TypeError: __init__() missing 1 required positional argument`, or `AttributeError: …
    object has no attribute 'scope'`.

    Mend: `def __init__(self, *args, **kwargs): super().__init__(*args, **kwargs)`; read the scope in connect().

    Bad:
        from channels.generic.websocket import AsyncWebsocketConsumer

        class RoomConsumer(AsyncWebsocketConsumer):
            def __init__(self):
                self.seen = []

    Good:
        from channels.generic.websocket import AsyncWebsocketConsumer

        class RoomConsumer(AsyncWebsocketConsumer):
            def __init__(self, *args, **kwargs):
                super().__init__(*args, **kwargs)
                self.seen = []
    """

    code = "WS319"
    name = "consumer-init"
    level = Level.ERROR

    def stack(self, stack: Stack) -> Iterator[Finding]:
        if stack.packages.capped_below("channels", "3"):
            return
        told: set[Location] = set()
        for consumer in stack.consumers:
            init = consumer.method("__init__")
            if consumer.in_tests or consumer.vendored or not consumer.complete or not consumer.is_websocket:
                continue
            if init is None or init.node.decorators or not init.node.params:
                continue
            finding = self._judged(consumer, init)
            if finding is not None and finding.location not in told:
                told.add(finding.location)
                yield finding

    def _judged(self, consumer: Consumer, init: Method) -> Finding | None:
        symbol = f"{consumer.name}.__init__"
        if not _calls_base(init) and not consumer.cls.defines("groups") and not _sets_groups(consumer):
            return self.finding(
                init.location,
                f"{init.owner.name}.__init__() does not call super().__init__(), which sets `groups`",
                hint="call super().__init__(*args, **kwargs) first",
                symptom="every handshake ends in HTTP 500: `TypeError: 'NoneType' object is not iterable`",
                symbol=symbol,
                fix=_fix(init),
            )
        required = [
            param.name
            for param in init.node.params[1:]
            if param.default is None and param.kind in ("positional-only", "positional", "keyword-only")
        ]
        if required and consumer.mounts and not _given(consumer):
            return self.finding(
                init.location,
                f"{init.owner.name}.__init__() requires `{required[0]}`, which as_asgi() does not give",
                hint="give it a default, or give the value to as_asgi()",
                symptom="every handshake ends in HTTP 500: TypeError: missing required argument",
                symbol=symbol,
            )
        own = next((param.name for param in init.node.params), None)
        for node in within(init.node.body):
            if isinstance(node, facts.Attribute) and node.attr in LATER and not consumer.cls.defines(node.attr):
                if not isinstance(node.value, facts.Name) or node.value.id != own or _sets(consumer, node.attr):
                    continue
                return self.finding(
                    init.at(node),
                    f"{init.owner.name}.__init__() reads self.{node.attr}, which is set later",
                    hint="read it in connect()",
                    symptom=f"every handshake ends in HTTP 500: AttributeError: no attribute '{node.attr}'",
                    symbol=symbol,
                )
        return None


def _calls_base(init: Method) -> bool:
    """Does it call some other `__init__`?"""
    return any(
        isinstance(call.func, facts.Attribute) and call.func.attr == "__init__" for call in calls_within(init.node.body)
    )


def _sets_groups(consumer: Consumer) -> bool:
    return any(method.name == "__init__" for _, _, method in consumer.cls.instance_assignments.get("groups", ()))


def _sets(consumer: Consumer, name: str) -> bool:
    """Does the project set the attribute before it is needed?"""
    return any(method.name == "__init__" for _, _, method in consumer.cls.instance_assignments.get(name, ()))


def _given(consumer: Consumer) -> bool:
    """Does some as_asgi() bring arguments, or may it?"""
    values = [getattr(mount.leaf, "value", None) for mount in consumer.mounts]
    return not all(isinstance(value, CallValue) and not getattr(value.node, "args", ()) for value in values)


def _fix(init: Method) -> Fix:
    stars = [param.kind + param.name for param in init.node.params if param.kind in ("*", "**")]
    first = init.node.body[0]
    text = f"super().__init__({', '.join(stars)})\n" + " " * (first.span.column - 1)
    return Fix((Edit(before(first, init.frame), text),), safe=False, title="call super().__init__()")
