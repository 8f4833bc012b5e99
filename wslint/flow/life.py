"""The life of a consumer: every method that Channels or an event can call, from the states it can start in."""

from __future__ import annotations

from collections.abc import Iterator

from wslint.flow.keys import is_own
from wslint.flow.occurrence import Flow
from wslint.flow.state import ACCEPTED, ANYTHING, CONNECTING, UNKNOWN, State, common, forget
from wslint.flow.subject import Subject
from wslint.flow.walk import walk
from wslint.knowledge import channels as known
from wslint.stack.code.classes import Method
from wslint.stack.model import Consumer, Stack


class Life:
    """The flows of one consumer: connect from a connecting socket, everything else from an accepted one."""

    def __init__(self, stack: Stack, consumer: Consumer) -> None:
        self.stack = stack
        self.consumer = consumer
        self._subject = Subject(stack, consumer)
        self._flows: dict[str, Flow | None] = {}

    @property
    def connect(self) -> Flow | None:
        """The flow of connect(); None when the project does not define it."""
        start = State(CONNECTING, attributes=self._initial(), facts=self._subject.defaults)
        return self._flow("connect", (start,))

    @property
    def disconnect(self) -> Flow | None:
        """The flow of disconnect(), started from every normal exit of connect()."""
        connect = self.connect
        if connect is None:
            starts: tuple[State, ...] = (State(ACCEPTED, attributes=self._initial(), facts=self._subject.defaults),)
        else:
            starts = tuple(_left(exit.state) for exit in connect.exits if exit.how not in ("raise", "stop"))
            if not connect.known or not starts:
                starts = (State(UNKNOWN, attributes=ANYTHING),)
        return self._flow("disconnect", starts)

    def method(self, name: str) -> Flow | None:
        """The flow of any other method, on an accepted socket."""
        if name in ("connect", "disconnect"):
            return self.connect if name == "connect" else self.disconnect
        return self._flow(name, (self._accepted(),))

    def flows(self) -> Iterator[Flow]:
        """Every method that Channels or a group event can call."""
        for name, method in self.consumer.methods.items():
            if name.startswith("_") or (name not in _ENTRY_POINTS and not is_handler(method)):
                continue
            flow = self.method(name)
            if flow is not None:
                yield flow

    def _accepted(self) -> State:
        """Where an event finds the consumer: accepted, with what every way to accept has set."""
        connect = self.connect
        if connect is None:
            return State(ACCEPTED, attributes=self._initial())
        attributes: frozenset[str] | None = None
        for exit in connect.exits if connect.known else ():
            if exit.state.socket == ACCEPTED:
                own = exit.state.attributes
                attributes = own if attributes is None else common(attributes, own)
        return State(ACCEPTED, attributes=ANYTHING if attributes is None else attributes)

    def _initial(self) -> frozenset[str]:
        init = self.consumer.method("__init__")
        if init is None:
            return frozenset()
        return frozenset(name for name, found in self.consumer.cls.instance_assignments.items() if any(
            method.name == "__init__" for _, _, method in found
        ))  # fmt: skip

    def _flow(self, name: str, starts: tuple[State, ...]) -> Flow | None:
        if name not in self._flows:
            method = self.consumer.method(name)
            self._flows[name] = None if method is None else walk(self._subject, method, starts)
        return self._flows[name]


def _left(state: State) -> State:
    """A state after connect(): of what it knows, what is about the consumer stays true."""
    return forget(state).but(facts=frozenset(filter(is_own, state.facts)), doubt=state.doubt)


_ENTRY_POINTS = frozenset(
    {"connect", "disconnect", "receive", "receive_json", "websocket_connect", "websocket_receive"}
)


def is_handler(method: Method) -> bool:
    """Could a method be an event handler: public, not of the API, one parameter besides self?"""
    params = [param for param in method.node.params if param.kind.startswith("positional") and param.default is None]
    return not method.name.startswith("_") and method.name not in known.CONSUMER_API and len(params) == 2


def life_of(stack: Stack, consumer: Consumer) -> Life:
    """The life of a consumer, computed once per stack."""
    lives: dict[int, Life] = stack.__dict__.setdefault("_lives", {})
    if id(consumer) not in lives:
        lives[id(consumer)] = Life(stack, consumer)
    return lives[id(consumer)]
