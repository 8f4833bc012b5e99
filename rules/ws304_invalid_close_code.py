from __future__ import annotations

from collections.abc import Iterator

from wslint.flow import ACCEPTED, UNKNOWN, Occurrence, life_of
from wslint.rule import Edit, Finding, Fix, Level, Location, Related, Rule
from wslint.stack import ClassValue, Consumer, Frame, Stack, facts
from wslint.stack.code.places import after
from wslint.stack.consumers.closecodes import numbers
from wslint.stack.project.servers import servers_of

STANDARD = frozenset({1001, 1002, 1003, *range(1007, 1015)})
"""Codes of the standard that uvicorn and hypercorn send and daphne refuses."""

LENIENT = ("uvicorn", "hypercorn")
"""Servers that send them."""

ENUMS = ("enum.Enum", "enum.IntEnum", "enum.StrEnum", "django.db.models.IntegerChoices", "django.db.models.TextChoices")


class InvalidCloseCode(Rule):
    """A close code that the server does not send.

    Why: an application may close with 1000, with 3000–4999 and, on some servers, with a few codes of the standard.
    HTTP statuses (401, 403, 404), strings and enum members are none of these.

    See: daphne raises `invalid close code 403 (must be 1000 or from [3000, 4999])` and the client gets 1011; uvicorn
    raises `ProtocolError: invalid status code` and the client gets 1006. 1001–1003 and 1007–1014 are sent by uvicorn
    and hypercorn, not by daphne. disconnect() is skipped.

    Mend: a code of your own from 4000 to 4999, for example 4401 where HTTP has 401.

    Bad:
        from channels.generic.websocket import AsyncWebsocketConsumer

        class RoomConsumer(AsyncWebsocketConsumer):
            async def receive(self, text_data=None, bytes_data=None):
                if not text_data:
                    await self.close(code=400)

    Good:
        from channels.generic.websocket import AsyncWebsocketConsumer

        class RoomConsumer(AsyncWebsocketConsumer):
            async def receive(self, text_data=None, bytes_data=None):
                if not text_data:
                    await self.close(code=4400)
    """

    code = "WS304"
    name = "invalid-close-code"
    level = Level.ERROR

    def stack(self, stack: Stack) -> Iterator[Finding]:
        told: set[Location] = set()
        servers = servers_of(stack)
        for consumer in stack.consumers:
            if consumer.in_tests or consumer.vendored or not consumer.is_websocket:
                continue
            for flow in life_of(stack, consumer).flows():
                for closing in flow.of("close"):
                    expr = closing.code
                    if expr is None or closing.location in told or not _is_open(closing):
                        continue
                    wrong = self._wrong(stack, consumer, closing, expr, servers)
                    if wrong is not None:
                        told.add(closing.location)
                        yield wrong

    def _wrong(
        self,
        stack: Stack,
        consumer: Consumer,
        closing: Occurrence,
        expr: facts.Expr,
        servers: frozenset[str],
    ) -> Finding | None:
        frame = closing.method.frame
        enum = _enum_member(stack, expr, frame)
        if enum is not None:
            is_int = enum.cls.derives_from("enum.IntEnum", "django.db.models.IntegerChoices", "builtins.int")
            if is_int and _all_lenient(servers):
                return None
            shown = f"a member of {enum.cls.name}, not an int"
            mend = Edit(after(expr, frame), ".value") if is_int else None
            return self._finding(consumer, closing, shown, is_int, servers, None, mend)
        for value in (value for way in closing.frames for value in stack.values.of(expr, way)):
            for number, location in numbers(stack, value):
                verdict = _verdict(number)
                if verdict is None or (verdict == "standard" and _all_lenient(servers)):
                    continue
                here = frame.at(expr)
                better = _better(number) if location == here else None
                mend = None if better is None else Edit(here, str(better))
                elsewhere = None if location == here else location
                return self._finding(consumer, closing, repr(number), verdict == "standard", servers, elsewhere, mend)
        return None

    def _finding(
        self,
        consumer: Consumer,
        closing: Occurrence,
        shown: str,
        lenient: bool,
        servers: frozenset[str],
        elsewhere: Location | None,
        mend: Edit | None,
    ) -> Finding:
        daphne = "daphne raises `invalid close code` or `invalid type` and the client gets 1011"
        uvicorn = "uvicorn raises `ProtocolError: invalid status code` and the client gets 1006"
        if lenient:
            symptom = f"{daphne}; uvicorn and hypercorn send it"
            who = "daphne does not send" if "daphne" in servers else "daphne would not send"
        else:
            symptom = f"{daphne}; {uvicorn}"
            who = "no server sends"
        return self.finding(
            closing.location,
            f"{consumer.name} closes with {shown}, which {who}",
            hint="1000, or a code of your own from 4000 to 4999",
            symptom=symptom,
            level=Level.WARNING if lenient and "daphne" not in servers else None,
            symbol=f"{consumer.name}.{closing.method.name}",
            related=[Related(elsewhere, "the code comes from here")] if elsewhere is not None else (),
            fix=None if mend is None else Fix((mend,), safe=False),
        )


def _is_open(closing: Occurrence) -> bool:
    """Can the socket have been accepted here (before that no code matters)?"""
    sockets = {state.socket for state in closing.before}
    return ACCEPTED in sockets and UNKNOWN not in sockets


def _verdict(number: object) -> str | None:
    """ "standard": some servers send it; "never": none does; None: every server does."""
    if number is None or isinstance(number, bool):
        return None
    if not isinstance(number, int):
        return "never"
    if number == 1000 or 3000 <= number <= 4999:
        return None
    return "standard" if number in STANDARD else "never"


def _better(number: object) -> int | None:
    """A code that says the same: 4401 for 401, 4008 for 1008, 4001 for "4001"."""
    if isinstance(number, str):
        return int(number) if number.isdecimal() and _verdict(int(number)) is None else None
    if not isinstance(number, int):
        return None
    if 100 <= number <= 599:
        return 4000 + number
    return 3000 + number if number in STANDARD else None


def _enum_member(stack: Stack, expr: facts.Expr, frame: Frame) -> ClassValue | None:
    """The enum of which an expression like `State.BROKEN` is a member."""
    if not isinstance(expr, facts.Attribute):
        return None
    owner = stack.values.one(expr.value, frame)
    if not isinstance(owner, ClassValue):
        return None
    return owner if owner.cls.derives_from(*ENUMS) else None


def _all_lenient(servers: frozenset[str]) -> bool:
    return bool(servers) and servers <= set(LENIENT)
