from __future__ import annotations

import re
from collections.abc import Iterator

from wslint.flow import Turns, life_of, turns_of
from wslint.rule import Finding, Level, Location, Related, Rule
from wslint.stack import Consumer, Stack, facts, within
from wslint.stack.middleware.guards import Guards

_VERIFIES = re.compile(
    r"jwt|token_?auth|(verify|decode|validate|check|authenticate)_(\w+_)?(token|credentials?|password)"
    r"|user_?(from|of|by|for)_?token|^a?authenticate(_user)?$|unsign|check_password",
    re.IGNORECASE,
)
"""Names of functions that find out from a message who is calling."""

_TELLS = frozenset({"is_authenticated", "is_anonymous"})

_LOOKS = _TELLS | {"query_string", "headers", "cookies", "has_perm"}
"""Names by which connect() looks at who is calling."""

_TIMERS = frozenset(
    "wait_for timeout timeout_at move_on_after fail_after call_later call_at create_task ensure_future start_soon "
    "sleep Timer apply_async delay".split()
)
"""Names by which a consumer can end a connection that stays silent."""


class AcceptedBeforeAuthentication(Rule):
    """A socket is accepted before anybody is known, and one that never says who it is stays open.

    Why: browsers cannot send headers with a handshake, so that many consumers accept and let the first message bring
    the token. That is right with a limit: without one, whoever connects and says nothing holds a socket, its memory
    and a place among those that the server can hold. The same when connect() accepts and only then looks for a login.

    See: nothing. Such sockets stay open, as many as somebody likes to open, until the server runs out of files.

    Mend: close in a task that connect() starts, after some seconds without a valid message (`asyncio.get_running_loop()
    .call_later(…)` or `asyncio.create_task(…)`); or ask before accept().

    Bad:
        from channels.generic.websocket import AsyncJsonWebsocketConsumer
        from channels.routing import ProtocolTypeRouter, URLRouter
        from channels.security.websocket import AllowedHostsOriginValidator
        from django.contrib.auth import aauthenticate
        from django.core.asgi import get_asgi_application
        from django.urls import path

        class Desk(AsyncJsonWebsocketConsumer):
            async def connect(self):
                self.user = None
                await self.accept()

            async def receive_json(self, content, **kwargs):
                if self.user is None:
                    self.user = await aauthenticate(username=content.get("name"), password=content.get("word"))
                await self.send_json({"known": self.user is not None})

        application = ProtocolTypeRouter({
            "http": get_asgi_application(),
            "websocket": AllowedHostsOriginValidator(URLRouter([path("ws/desk/", Desk.as_asgi())])),
        })

    Good:
        import asyncio

        from channels.generic.websocket import AsyncJsonWebsocketConsumer
        from channels.routing import ProtocolTypeRouter, URLRouter
        from channels.security.websocket import AllowedHostsOriginValidator
        from django.contrib.auth import aauthenticate
        from django.core.asgi import get_asgi_application
        from django.urls import path

        class Desk(AsyncJsonWebsocketConsumer):
            async def connect(self):
                self.user = None
                await self.accept()
                self.waiting = asyncio.create_task(self.give_up())

            async def give_up(self):
                await asyncio.sleep(10)
                await self.close(code=4401)

            async def disconnect(self, code):
                self.waiting.cancel()

            async def receive_json(self, content, **kwargs):
                if self.user is None:
                    self.user = await aauthenticate(username=content.get("name"), password=content.get("word"))
                    self.waiting.cancel()
                await self.send_json({"known": self.user is not None})

        application = ProtocolTypeRouter({
            "http": get_asgi_application(),
            "websocket": AllowedHostsOriginValidator(URLRouter([path("ws/desk/", Desk.as_asgi())])),
        })
    """

    code = "WS624"
    name = "accepted-before-authentication"
    level = Level.INFO

    def stack(self, stack: Stack) -> Iterator[Finding]:
        guards, turns, told = Guards.of(stack), turns_of(stack), set[Location]()
        for consumer in stack.consumers:
            if consumer.in_tests or consumer.vendored or consumer.is_abstract or not consumer.complete:
                continue
            if not consumer.is_websocket or not any(mount.application in guards.served for mount in consumer.mounts):
                continue
            if any(name in _TIMERS for code in guards.consumer_code(consumer.cls) for name, _ in _names(code.nodes())):
                continue
            accepted = _acceptance(stack, consumer)
            asked = None if accepted is None else _asked(consumer, turns, accepted)
            if accepted is not None and asked is not None and accepted not in told:
                told.add(accepted)
                yield self.finding(
                    accepted,
                    f"{consumer.name} accepts before it knows who is calling, and nothing ends a connection that "
                    "does not say so",
                    hint="close after some seconds without a login, in a task that connect() starts; or ask before "
                    "accept()",
                    symptom="a client that connects and says nothing keeps its socket for as long as it likes",
                    symbol=consumer.name,
                    related=[Related(asked, "who is calling is asked here")],
                )


def _acceptance(stack: Stack, consumer: Consumer) -> Location | None:
    """Where everybody is let in, by a connect() that refuses nobody."""
    flow = life_of(stack, consumer).connect
    if flow is None:
        return consumer.location
    accepts = flow.of("accept")
    if not flow.known or not accepts or accepts[0].conditions or flow.of("close", "deny", "stop"):
        return None
    return None if any(one.how in ("deny", "raise", "stop") for one in flow.exits) else accepts[0].location


def _asked(consumer: Consumer, turns: Turns, accepted: Location) -> Location | None:
    """Where a consumer asks who is calling: in connect() after it has accepted, else in what it does with a message.

    None when something before accept() may ask.
    """
    found: dict[str, Location] = {}
    for turn in turns.of(consumer):
        for run in turns.runs(turn):
            if turn.kind == "receive" and any(map(_knows, within(run.node.body))):
                return None
            for name, node in _names(within(run.node.body)):
                place = run.at(node)
                if turn.kind == "receive" and _VERIFIES.search(name):
                    found.setdefault("receive", place)
                elif turn.kind == "connect" and name in _LOOKS:
                    if name not in _TELLS or place.path != accepted.path or place.span < accepted.span:
                        return None
                    found.setdefault("connect", place)
    return found.get("connect") or found.get("receive")


def _knows(node: facts.Node) -> bool:
    """Is it `scope.get("user")`: the handshake has told who is calling?"""
    match node:
        case facts.Call(
            func=facts.Attribute(attr="get"), args=(facts.Argument(value=facts.Constant(value="user")), *_)
        ):
            return True
        case _:
            return False


def _names(nodes: Iterator[facts.Node]) -> Iterator[tuple[str, facts.Node]]:
    for node in nodes:
        match node:
            case facts.Attribute(attr=name) | facts.Name(id=name):
                yield name, node
            case facts.Subscript(index=facts.Constant(value=str() as name)):
                yield name, node
            case _:
                pass
