from __future__ import annotations

from collections.abc import Iterator, Mapping

from wslint.flow.closes import Close, own_closes
from wslint.rule import Finding, Level, Related, Rule
from wslint.stack import Stack
from wslint.stack.consumers.closecodes import meaning


class UndeclaredCloseCode(Rule):
    """A consumer closes with a code that means something else, or nothing, by the project's contract.

    Why: a close code is all that a client gets to decide by: to log in again, to wait, to give up. `close-codes` in
    the configuration says what each one means. A code that is not in it, a code that is used for the meaning of
    another, and two codes with one meaning are decisions that the clients take wrongly.

    See: the client gets the code and does what it does for any other: as a rule it connects again, and again, for
    something that will not change; or it shows the wrong reason.

    Mend: use the code of the contract, or add the new one to it, and to the clients.

    Bad:
        # pyproject.toml
        [tool.wslint.close-codes]
        4001 = "not authenticated"
        4004 = "rate limited"
        # consumers.py
        from channels.generic.websocket import AsyncWebsocketConsumer

        class RoomConsumer(AsyncWebsocketConsumer):
            async def receive(self, text_data=None, bytes_data=None):
                await self.close(code=4029)

    Good:
        # pyproject.toml
        [tool.wslint.close-codes]
        4001 = "not authenticated"
        4004 = "rate limited"
        # consumers.py
        from channels.generic.websocket import AsyncWebsocketConsumer

        class RoomConsumer(AsyncWebsocketConsumer):
            async def receive(self, text_data=None, bytes_data=None):
                await self.close(code=4004)
    """

    code = "WS305"
    name = "undeclared-close-code"
    level = Level.WARNING

    def stack(self, stack: Stack) -> Iterator[Finding]:
        contract = stack.config.close_codes
        closes = list(own_closes(stack)) if contract else []
        first: dict[frozenset[str], Close] = {}
        for close in sorted(closes, key=lambda close: close.number):
            if close.number not in contract:
                yield self._undeclared(close, contract)
                continue
            other = _meant(close, contract)
            if other is not None:
                yield self._mistaken(close, other, contract)
                continue
            same = first.setdefault(meaning(contract[close.number]), close)
            if same.number != close.number:
                yield self._doubled(close, same, contract)

    def _undeclared(self, close: Close, contract: Mapping[int, str]) -> Finding:
        meant = _meant(close, contract)
        better = "the code of the contract" if meant is None else f"{meant} ({contract[meant]})"
        return self._finding(
            close,
            f"{close.consumer.name} closes with {close.number}, which is not among the project's close codes",
            hint=f"{better}, or add {close.number} to `close-codes` and to the clients",
            symptom="clients that go by the contract take it for any lost connection, and connect again",
        )

    def _mistaken(self, close: Close, other: int, contract: Mapping[int, str]) -> Finding:
        return self._finding(
            close,
            f"{close.consumer.name} closes with {close.number} for `{close.called[0]}`; by the project's contract "
            f'{close.number} is "{contract[close.number]}" and {other} is "{contract[other]}"',
            hint=f"close with {other}",
            symptom=f'the client is told "{contract[close.number]}", and acts on that',
        )

    def _doubled(self, close: Close, same: Close, contract: Mapping[int, str]) -> Finding:
        return self._finding(
            close,
            f'{close.consumer.name} closes with {close.number} for "{contract[close.number]}", which is {same.number} '
            "elsewhere",
            hint="keep one of the two codes",
            symptom="a client that knows one of them does not act on the other",
            related=(Related(same.location, f"{same.number} is used here"),),
        )

    def _finding(
        self, close: Close, message: str, hint: str, symptom: str, related: tuple[Related, ...] = ()
    ) -> Finding:
        symbol = f"{close.consumer.name}.{close.occurrence.method.name}"
        if close.written.path != close.location.path or close.written.span.line != close.location.span.line:
            related += (Related(close.written, "the code comes from here"),)
        return self.finding(close.location, message, hint=hint, symptom=symptom, symbol=symbol, related=related)


def _meant(close: Close, contract: Mapping[int, str]) -> int | None:
    """The code whose meaning a close says in words, when it is another one."""
    said = [meaning(text) for text in close.called]
    if any(meaning(contract.get(close.number, "")) == one for one in said):
        return None
    return next((number for number, text in contract.items() for one in said if one and one == meaning(text)), None)
