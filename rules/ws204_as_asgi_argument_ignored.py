from __future__ import annotations

from collections.abc import Iterator

from wslint.rule import Finding, Level, Location, Related, Rule
from wslint.stack import AttributeValue, CallValue, Class, Consumer, Method, Mounted, Stack, below, facts


class AsAsgiArgumentIgnored(Rule):
    """`as_asgi(name=…)` is given an argument that the consumer's `__init__` does not take.

    Why: Channels hands the arguments of `as_asgi()` to `__init__`, for every connection. Unlike Django's `as_view()`
    it sets no attributes, and the `__init__` of the generic consumers takes whatever comes and drops it.

    See: nothing at all: the attribute keeps the value of the class, or is missing (`AttributeError`) when it is read. A
    consumer whose own `__init__` takes no such argument answers every connection with HTTP 500 and `TypeError: …
    __init__() got an unexpected keyword argument`.

    Mend: take it in `__init__(self, *args, room=None, **kwargs)` and set it there, set it in a subclass, or give it in
    the extra dict of `path()`, which is in `scope["url_route"]["kwargs"]`.

    Bad:
        from channels.generic.websocket import AsyncWebsocketConsumer
        from channels.routing import URLRouter
        from django.urls import path

        class BoardConsumer(AsyncWebsocketConsumer):
            title = "?"

            async def connect(self):
                await self.accept()
                await self.send(text_data=self.title)

        router = URLRouter([path("ws/board/", BoardConsumer.as_asgi(title="Departures"))])

    Good:
        from channels.generic.websocket import AsyncWebsocketConsumer
        from channels.routing import URLRouter
        from django.urls import path

        class BoardConsumer(AsyncWebsocketConsumer):
            def __init__(self, *args, title="?", **kwargs):
                super().__init__(*args, **kwargs)
                self.title = title

            async def connect(self):
                await self.accept()
                await self.send(text_data=self.title)

        router = URLRouter([path("ws/board/", BoardConsumer.as_asgi(title="Departures"))])
    """

    code = "WS204"
    name = "as-asgi-argument-ignored"
    level = Level.WARNING

    def stack(self, stack: Stack) -> Iterator[Finding]:
        told: set[Location] = set()
        for mount in stack.mounts:
            call = mount.leaf.value
            if not isinstance(mount.leaf, Mounted) or mount.leaf.cls is None or not isinstance(call, CallValue):
                continue
            consumer = stack.consumer_of(mount.leaf.cls)
            if consumer is None or not isinstance(call.callee, AttributeValue) or not _is_known(consumer):
                continue
            for arg in call.node.args:
                place = call.frame.at(arg)
                refused = None if arg.keyword is None or place in told else _refused(consumer, arg.keyword)
                if arg.keyword is not None and refused is not None:
                    told.add(place)
                    yield self._finding(consumer, arg.keyword, place, refused)

    def _finding(self, consumer: Consumer, name: str, place: Location, refused: str) -> Finding:
        init = consumer.cls.method("__init__")
        return self.finding(
            place,
            f"`{name}` is given to {consumer.name}.as_asgi(), and no `__init__` of {consumer.name} takes it",
            hint=f"take it in `__init__(self, *args, {name}=…, **kwargs)` and set it there, or in a subclass",
            symptom=refused,
            symbol=consumer.name,
            related=[Related(consumer.location if init is None else init.location, f"does not take `{name}`")],
        )


def _is_known(consumer: Consumer) -> bool:
    """Is it known how instances are made?"""
    return consumer.complete and not any(
        cls.node.decorators or "__new__" in cls.own_methods for cls in consumer.cls.ancestry
    )


def _refused(consumer: Consumer, name: str) -> str | None:
    """What becomes of an argument that no `__init__` takes; None when one may take it."""
    for cls in consumer.cls.ancestry:
        init = cls.own_methods.get("__init__")
        if init is None:
            continue
        params = init.node.params
        if any(param.name == name and param.kind not in ("*", "**") for param in params):
            return None
        rest = next((param.name for param in params if param.kind == "**"), None)
        if rest is None:
            return _raises(cls, name)
        uses = [node for node in below(init.node) if isinstance(node, facts.Name) and node.id == rest]
        handed_on = [arg for arg in _given_to_super(init) if arg.star == "**" and arg.value in uses]
        if len(uses) > len(handed_on):
            return None
        if not handed_on:
            return _ignored(name)
    if consumer.kind == "raw":
        return f"HTTP 500 on every connection: TypeError: what {consumer.name} derives from takes no arguments"
    return _ignored(name)


def _given_to_super(init: Method) -> Iterator[facts.Argument]:
    """The arguments of `super().__init__(…)`."""
    for node in below(init.node):
        match node:
            case facts.Call(func=facts.Attribute(attr="__init__", value=facts.Call(func=facts.Name(id="super")))):
                yield from node.args
            case _:
                pass


def _raises(cls: Class, name: str) -> str:
    return f"HTTP 500 on every connection: TypeError: {cls.name}.__init__() got an unexpected keyword argument '{name}'"


def _ignored(name: str) -> str:
    return f"none: it is dropped, and `self.{name}` is what the class says or does not exist"
