from __future__ import annotations

from collections.abc import Iterator

from wslint.rule import Finding, Level, Location, Related, Rule
from wslint.stack import Consumer, Method, Stack, assignments, below, facts, within
from wslint.stack.code.fetched import may_be_fetched


class JsonConsumerReceive(Rule):
    """receive() and receive_json() of one consumer do not fit: the one that is written is never called.

    Why: on a JSON consumer Channels' own receive() decodes the frame and calls receive_json(). A class that overrides
    receive() gets the raw text, and nobody calls receive_json() any more. A consumer that is no JSON consumer has no
    such receive(): its receive_json() is never called at all.

    See: no error; what receive_json() does simply never happens. A receive() that takes the text for decoded JSON fails
    with `TypeError: string indices must be integers` (`AttributeError: 'str' object has no attribute 'get'`).

    Mend: on a JSON consumer write receive_json() and leave receive() alone, or call `super().receive(…)` in it.
    Elsewhere inherit from AsyncJsonWebsocketConsumer or JsonWebsocketConsumer.

    Bad:
        from channels.generic.websocket import AsyncJsonWebsocketConsumer

        class RoomConsumer(AsyncJsonWebsocketConsumer):
            async def receive(self, text_data=None, bytes_data=None):
                print("frame", text_data)

            async def receive_json(self, content, **kwargs):
                await self.send_json(content)

    Good:
        from channels.generic.websocket import AsyncJsonWebsocketConsumer

        class RoomConsumer(AsyncJsonWebsocketConsumer):
            async def receive(self, text_data=None, bytes_data=None):
                print("frame", text_data)
                await super().receive(text_data=text_data, bytes_data=bytes_data)

            async def receive_json(self, content, **kwargs):
                await self.send_json(content)
    """

    code = "WS317"
    name = "json-consumer-receive"
    level = Level.WARNING

    def stack(self, stack: Stack) -> Iterator[Finding]:
        told: set[Location] = set()
        for consumer in stack.consumers:
            if consumer.in_tests or consumer.vendored or not consumer.complete or consumer.is_abstract:
                continue
            if consumer.dispatches_itself or consumer.cls.defines("websocket_receive"):
                continue
            finding = None
            if consumer.kind == "json":
                finding = self._overridden(consumer)
            elif consumer.kind == "websocket":
                finding = self._uncalled(stack, consumer)
            if finding is not None and finding.location not in told:
                told.add(finding.location)
                yield finding

    def _overridden(self, consumer: Consumer) -> Finding | None:
        receive, receive_json = consumer.method("receive"), consumer.method("receive_json")
        if receive is None or receive.node.decorators or _hands_on(consumer):
            return None
        decoded = _taken_for_json(receive)
        if receive_json is None and decoded is None:
            return None
        return self.finding(
            receive.location,
            f"{receive.owner.name}.receive() gets the raw text"
            + (f", and nobody calls receive_json() of {consumer.name}" if receive_json is not None else ""),
            hint="write receive_json() alone, or call super().receive(text_data, bytes_data) in receive()",
            symptom="`TypeError: string indices must be integers` or `AttributeError: 'str' object has no attribute "
            "'get'` on every frame"
            if decoded is not None
            else "no error; what receive_json() does never happens",
            symbol=f"{consumer.name}.receive",
            related=[Related(receive.at(decoded), "takes the text for decoded JSON")]
            if decoded is not None
            else [Related(receive_json.location, "never called")]
            if receive_json is not None
            else (),
        )

    def _uncalled(self, stack: Stack, consumer: Consumer) -> Finding | None:
        method = consumer.method("receive_json")
        if method is None or method.node.decorators or _hands_on(consumer) or _is_shared(stack, method):
            return None
        if any(name.replace(".", "_") == "receive_json" for name in _event_types(stack)):
            return None
        if may_be_fetched(consumer.cls, method.name, stack.texts):
            return None
        return self.finding(
            method.location,
            f"nobody calls {method.owner.name}.receive_json(): {consumer.name} is no JSON consumer",
            hint="inherit from " + ("AsyncJsonWebsocketConsumer" if consumer.is_async else "JsonWebsocketConsumer"),
            symptom="no error; the frames that it is for have no effect",
            symbol=f"{consumer.name}.receive_json",
        )


def _hands_on(consumer: Consumer) -> bool:
    """Does some method call receive_json(), or the receive() of a base that does?"""
    for cls in consumer.cls.ancestry:
        for method in cls.own_methods.values():
            for node in below(method.node):
                match node:
                    case facts.Attribute(attr="receive_json") if method.name != "receive_json":
                        return True
                    case facts.Attribute(attr="receive", value=facts.Call(func=facts.Name(id="super"))):
                        return True
                    case facts.Call(func=facts.Attribute(attr="receive"), args=(first, *_)):
                        own = [param.name for param in method.node.params[:1]]
                        if isinstance(first.value, facts.Name) and first.value.id in own:
                            return True
    return False


def _taken_for_json(receive: Method) -> facts.Node | None:
    """Where the text parameter itself is read like a dict."""
    name = next((param.name for param in receive.node.params[1:] if param.name == "text_data"), None)
    bound = {target.id for _, target, _ in assignments(receive.node.body) if isinstance(target, facts.Name)}
    if name is None or name in bound:
        return None
    for node in within(receive.node.body):
        match node:
            case facts.Subscript(value=facts.Name(id=read), index=facts.Constant(value=str())) if read == name:
                return node
            case facts.Call(func=facts.Attribute(value=facts.Name(id=read), attr="get")) if read == name:
                return node
    return None


def _is_shared(stack: Stack, method: Method) -> bool:
    """Does a JSON consumer, too, or one of unknown kind, have the method?"""
    return any(
        method.owner in consumer.cls.ancestry and not (consumer.kind == "websocket" and consumer.complete)
        for consumer in stack.consumers
    )


def _event_types(stack: Stack) -> Iterator[str]:
    for send in stack.sends:
        if send.event is not None:
            yield from (kind for kind in send.event.types if kind is not None)
