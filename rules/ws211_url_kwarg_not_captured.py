from __future__ import annotations

from collections.abc import Iterator

from wslint.knowledge.channels import SCOPE_KEYS
from wslint.rule import Finding, Level, Related, Rule
from wslint.stack import Consumer, Stack, Wrapper, below, facts
from wslint.stack.client.untrusted import Sources
from wslint.stack.code.guarded import NO_KEY, is_caught
from wslint.stack.code.reach import Code, reach, running


class UrlKwargNotCaptured(Rule):
    """A consumer reads a URL kwarg that no route to it captures.

    Why: `scope["url_route"]["kwargs"]` holds what the route's pattern captures by name (`<int:room_id>`,
    `(?P<room_id>…)`), what the routes around it capture, and the extra dict of `path()`. A kwarg that was renamed on
    one side only is simply not there.

    See: `KeyError: 'room_id'`: HTTP 500 when it is read before accept(); later the connection is lost (1011 from
    daphne, 1006 from uvicorn).

    Mend: give both the same name, or read it with `.get()` where a route need not have it.

    Bad:
        from channels.generic.websocket import AsyncWebsocketConsumer
        from channels.routing import URLRouter
        from django.urls import path

        class RoomConsumer(AsyncWebsocketConsumer):
            async def connect(self):
                self.room = self.scope["url_route"]["kwargs"]["room_name"]
                await self.accept()

        router = URLRouter([path("room/<int:room_id>/", RoomConsumer.as_asgi())])

    Good:
        from channels.generic.websocket import AsyncWebsocketConsumer
        from channels.routing import URLRouter
        from django.urls import path

        class RoomConsumer(AsyncWebsocketConsumer):
            async def connect(self):
                self.room = self.scope["url_route"]["kwargs"]["room_id"]
                await self.accept()

        router = URLRouter([path("room/<int:room_id>/", RoomConsumer.as_asgi())])
    """

    code = "WS211"
    name = "url-kwarg-not-captured"
    level = Level.ERROR

    def stack(self, stack: Stack) -> Iterator[Finding]:
        if any(not router.complete for router in stack.routers):
            return  # another route may mount the consumer
        told: set[int] = set()
        for consumer in stack.consumers:
            captured = _captured(consumer)
            if captured is None or consumer.in_tests or consumer.vendored:
                continue
            for name, node, code in _reads(stack, consumer):
                if name not in captured and id(node) not in told:
                    told.add(id(node))
                    yield self._finding(consumer, name, node, code, captured)

    def _finding(
        self, consumer: Consumer, name: str, node: facts.Node, code: Code, captured: frozenset[str]
    ) -> Finding:
        routes = [mount.routes[-1] for mount in consumer.mounts if mount.routes]
        there = ", ".join(f"`{each}`" for each in sorted(captured)) or "nothing"
        return self.finding(
            code.at(node),
            f"no route to {consumer.name} captures `{name}`",
            hint=f"what is captured: {there}",
            symptom=f"KeyError: '{name}': HTTP 500 before accept(), a lost connection after it (1011 from daphne, 1006 "
            "from uvicorn)",
            symbol=consumer.name,
            related=[Related(route.pattern_location, f"captures {there}") for route in routes[:3]],
        )


def _captured(consumer: Consumer) -> frozenset[str] | None:
    """What some route to a consumer captures; None when that cannot be known."""
    mounts = [mount for mount in consumer.mounts if not mount.in_tests]
    found: set[str] = set()
    for mount in mounts:
        if not mount.routes or any(_may_add(wrapper) for wrapper in mount.wrappers):
            return None
        for route in mount.routes:
            if route.captures is None:
                return None
            found |= route.captures
    return frozenset(found) if mounts else None


def _may_add(wrapper: Wrapper) -> bool:
    """May a wrapper put kwargs in? One of the project does when it speaks of `url_route`."""
    if wrapper.dotted is not None:
        return wrapper.dotted not in SCOPE_KEYS
    codes: list[facts.Node] = [] if wrapper.cls is None else [method.node for method in wrapper.cls.methods.values()]
    if wrapper.function is not None:
        codes.append(wrapper.function.node)
    return not codes or any(
        isinstance(node, facts.Constant) and node.value == "url_route" for code in codes for node in below(code)
    )


def _reads(stack: Stack, consumer: Consumer) -> Iterator[tuple[str, facts.Node, Code]]:
    """The kwargs that are read by `kwargs["name"]` with no guard, and that nothing looks for or puts in."""
    sources = Sources(stack)
    found: list[tuple[str, facts.Node, Code]] = []
    optional: set[object] = set()
    for code in reach(running(consumer.cls), stack.values):
        written = {id(target) for node in code.nodes() for target in _targets(node)}
        for node in code.nodes():
            match node:
                case facts.Subscript(value=owner, index=index) if sources.is_kwargs(owner, code.frame):
                    name = stack.values.constant(index, code.frame)
                    caught = is_caught(code.node.body, node, NO_KEY, code.frame, stack.values)
                    if id(node) in written or caught or not isinstance(name, str):
                        optional.add(name)
                    else:
                        found.append((name, node, code))
                case facts.Compare(op="in" | "not in", left=left, right=right) if sources.is_kwargs(right, code.frame):
                    optional.add(stack.values.constant(left, code.frame))
                case facts.Call(func=facts.Attribute(value=owner, attr="get" | "setdefault" | "pop"), args=args):
                    if args and sources.is_kwargs(owner, code.frame):
                        optional.add(stack.values.constant(args[0].value, code.frame))
                case facts.Call(func=facts.Attribute(value=owner, attr="update")):
                    if sources.is_kwargs(owner, code.frame):
                        return
    yield from (read for read in found if read[0] not in optional)


def _targets(node: facts.Node) -> Iterator[facts.Expr]:
    if isinstance(node, facts.Assign):
        yield from node.targets
