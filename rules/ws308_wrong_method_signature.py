from __future__ import annotations

from collections.abc import Iterator

from wslint.rule import Edit, Finding, Fix, Level, Location, Rule
from wslint.stack import Consumer, Method, Stack, below, facts
from wslint.stack.code.places import after, between
from wslint.stack.code.signatures import shown, takes

CALLS: dict[str, tuple[tuple[int, tuple[str, ...]], ...]] = {
    "connect": ((0, ()),),
    "disconnect": ((1, ()),),
    "receive": ((0, ("text_data",)), (0, ("bytes_data",))),
    "receive_json": ((1, ()),),
    "websocket_connect": ((1, ()),),
    "websocket_receive": ((1, ()),),
    "websocket_disconnect": ((1, ()),),
}
"""How Channels calls each method: (positional arguments, keywords), in alternatives."""

SHOWN = {
    "connect": "connect()",
    "disconnect": "disconnect(code)",
    "receive": "receive(text_data=…) or receive(bytes_data=…)",
    "receive_json": "receive_json(content)",
    "websocket_connect": "websocket_connect(message)",
    "websocket_receive": "websocket_receive(message)",
    "websocket_disconnect": "websocket_disconnect(message)",
}

CALLERS = {
    "connect": ("websocket_connect",),
    "disconnect": ("websocket_disconnect",),
    "receive": ("websocket_receive",),
    "receive_json": ("receive", "websocket_receive"),
}
"""The methods that call each; a project that overrides one of them calls in its own way."""


class WrongMethodSignature(Rule):
    """A method that Channels calls with arguments it does not take.

    Why: Channels calls connect() without arguments, disconnect() with the close code, receive() with either text_data=
    or bytes_data=, receive_json() with the content and websocket_*() with the message.

    See: a TypeError each time: `disconnect() takes 1 positional argument but 2 were given` (the cleanup never
    runs), `receive() got an unexpected keyword argument 'text_data'` (the connection dies: 1011 with daphne, 1006 with
    uvicorn), HTTP 500 for connect().

    Mend: the signatures of the manual: `disconnect(self, code)`, `receive(self, text_data=None, bytes_data=None)`.

    Bad:
        from channels.generic.websocket import WebsocketConsumer

        class RoomConsumer(WebsocketConsumer):
            def receive(self, data):
                self.send(text_data=data)

    Good:
        from channels.generic.websocket import WebsocketConsumer

        class RoomConsumer(WebsocketConsumer):
            def receive(self, text_data=None, bytes_data=None):
                self.send(text_data=text_data)
    """

    code = "WS308"
    name = "wrong-method-signature"
    level = Level.ERROR

    def stack(self, stack: Stack) -> Iterator[Finding]:
        told: set[Location] = set()
        for consumer in stack.consumers:
            if consumer.in_tests or consumer.vendored or not consumer.complete:
                continue
            for name, method in consumer.methods.items():
                if self._is_api(consumer, name) and method.location not in told and self._is_wrong(consumer, method):
                    told.add(method.location)
                    yield self._finding(consumer, method)

    def _is_api(self, consumer: Consumer, name: str) -> bool:
        """Does Channels call a method of this name on this kind of consumer?"""
        if consumer.kind == "raw":
            return name.startswith("websocket_") and name in CALLS
        return consumer.is_websocket and name in CALLS

    def _is_wrong(self, consumer: Consumer, method: Method) -> bool:
        overridden = any(consumer.cls.defines(caller) for caller in CALLERS.get(method.name, ()))
        if method.node.decorators or overridden or consumer.cls.defines("dispatch"):
            return False
        return not any(takes(method.node, *call) for call in CALLS[method.name])

    def _finding(self, consumer: Consumer, method: Method) -> Finding:
        return self.finding(
            method.location,
            f"{method.owner.name}.{method.name}({shown(method.node)}) cannot be called as Channels does it: "
            f"{SHOWN[method.name]}",
            hint="take the arguments that Channels gives",
            symptom=_symptom(method.name),
            symbol=f"{consumer.name}.{method.name}",
            fix=_fix(consumer, method),
        )


def _symptom(name: str) -> str:
    if name == "disconnect":
        return "TypeError on every disconnect, in the log only: the cleanup in it never runs"
    if name in ("receive", "receive_json", "websocket_receive"):
        return "TypeError on every frame: the client gets close code 1011 (daphne) or 1006 (uvicorn)"
    if name == "websocket_disconnect":
        return "TypeError on every disconnect, in the log only"
    return "TypeError: every handshake ends in HTTP 500"


def _fix(consumer: Consumer, method: Method) -> Fix | None:
    edits = tuple(_edits(consumer, method))
    return Fix(edits, safe=True, title=f"the signature of {method.name}()") if edits else None


def _edits(consumer: Consumer, method: Method) -> Iterator[Edit]:
    params = method.node.params
    plain = all(param.kind == "positional" and param.default is None for param in params)
    if not params or not plain:
        return
    if len(params) == 1 and method.name != "connect":
        wanted = {"disconnect": "code", "receive": "text_data=None, bytes_data=None", "receive_json": "content"}
        yield Edit(after(params[-1], method.frame), f", {wanted.get(method.name, 'message')}")
    elif method.name == "receive" and [param.name for param in params[1:]] == ["text_data", "bytes_data"]:
        for param in params[1:]:
            yield Edit(after(param, method.frame), "=None")
    elif method.name == "receive" and len(params) == 2 and consumer.kind == "websocket":
        yield from _renamed(method, params[1])
    elif method.name == "connect" and len(params) == 2 and not _uses(method, params[1].name):
        yield Edit(between(after(params[0], method.frame), after(params[1], method.frame)), "")


def _uses(method: Method, name: str) -> list[facts.Name]:
    return [node for node in below(method.node) if isinstance(node, facts.Name) and node.id == name]


def _renamed(method: Method, param: facts.Parameter) -> Iterator[Edit]:
    """`data` becomes `text_data`, everywhere in the method; nothing when a nested function hides a name."""
    hidden = any(isinstance(node, (facts.FunctionDef, facts.Lambda, facts.ClassDef)) for node in below(method.node))
    if hidden or _uses(method, "text_data") or _uses(method, "bytes_data"):
        return
    yield Edit(method.at(param), "text_data=None, bytes_data=None")
    for use in _uses(method, param.name):
        yield Edit(method.at(use), "text_data")
