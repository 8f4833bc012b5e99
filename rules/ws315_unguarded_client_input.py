from __future__ import annotations

from collections.abc import Iterator

from wslint.rule import Edit, Finding, Fix, Level, Location, Related, Rule, Span
from wslint.stack import Consumer, Stack, facts, within
from wslint.stack.client.unguarded import Risk, risks_of
from wslint.stack.code.callers import place_of
from wslint.stack.code.edits import has_own_lines
from wslint.stack.code.places import after, before, between
from wslint.stack.consumers.cleanup import cleanup_of

MAX_RELATED = 3


class UnguardedClientInput(Rule):
    """A frame that is no JSON, or lacks a key, ends the connection.

    Why: what comes over the socket is any text. json.loads() raises on text that is no JSON, `data["key"]` when the
    client leaves the key out; an exception in receive() or receive_json() ends the consumer at once. Channels does not
    call disconnect() then: groups are not left, tasks not cancelled, users not marked as gone (a warning where
    disconnect() does such things).

    See: `json.decoder.JSONDecodeError: Expecting value` or `KeyError: 'message'` in the server's log; the client is
    closed with 1011 (daphne) or sees 1006 (uvicorn), and disconnect() is not called.

    Mend: catch ValueError around json.loads() and answer with an error; `.get()`, a serializer or schema for keys.

    Bad:
        import json

        from channels.generic.websocket import AsyncWebsocketConsumer

        class RoomConsumer(AsyncWebsocketConsumer):
            async def receive(self, text_data=None, bytes_data=None):
                data = json.loads(text_data or "")
                await self.send(text_data=data["message"])

    Good:
        import json

        from channels.generic.websocket import AsyncWebsocketConsumer

        class RoomConsumer(AsyncWebsocketConsumer):
            async def receive(self, text_data=None, bytes_data=None):
                try:
                    message = json.loads(text_data or "")["message"]
                except (ValueError, KeyError, TypeError):
                    await self.send(text_data="what?")
                    return
                await self.send(text_data=message)
    """

    code = "WS315"
    name = "unguarded-client-input"
    level = Level.WARNING

    def stack(self, stack: Stack) -> Iterator[Finding]:
        told: set[Location] = set()
        for consumer in stack.consumers:
            if consumer.in_tests or consumer.vendored or consumer.is_abstract or not consumer.complete:
                continue
            by_method: dict[int, list[Risk]] = {}
            for risk in risks_of(stack, consumer):
                by_method.setdefault(id(risk.run.node), []).append(risk)
            for risks in by_method.values():
                risks.sort(key=lambda risk: risk.node.span)
                if risks[0].location not in told:
                    told.add(risks[0].location)
                    yield self._finding(consumer, risks)

    def _finding(self, consumer: Consumer, risks: list[Risk]) -> Finding:
        first, cleanup = risks[0], cleanup_of(consumer)
        skipped = f"; disconnect() is not called, its {cleanup} is skipped" if cleanup else ""
        if first.key is None:
            message = "json.loads() of what the client sent, and nothing catches that it is no JSON"
            hint, error = "catch ValueError and answer with an error", "json.decoder.JSONDecodeError: Expecting value"
            if any(risk.key is not None for risk in risks):
                hint += ", and take the keys by `.get()`: that `except` does not catch a KeyError"
        else:
            message = f"takes {first.key!r} out of the client's message, which may lack it"
            hint, error = "`.get()`, or a serializer before it", f"KeyError: {first.key!r}"
        seen = {first.key}
        related: list[Related] = []
        for risk in risks:
            if risk.key not in seen and len(related) < MAX_RELATED:
                seen.add(risk.key)
                related.append(Related(risk.location, "decoded here" if risk.key is None else f"{risk.key!r} here"))
        return self.finding(
            first.location,
            message,
            level=Level.WARNING if cleanup else Level.INFO,
            hint=hint,
            symptom=f"`{error}` in the server; the connection ends with 1011 (daphne) or 1006 (uvicorn){skipped}",
            symbol=f"{consumer.name}.{first.run.node.name}",
            related=related,
            fix=_fix(risks),
        )


def _fix(risks: list[Risk]) -> Fix | None:
    edits: dict[Location, Edit] = {}
    for risk in risks:
        found = _edits(risk)
        if not found:
            return None
        edits.update((edit.location, edit) for edit in found)
    return Fix(tuple(edits.values()), safe=False, title="go on without what the client left out") if edits else None


def _edits(risk: Risk) -> tuple[Edit, ...]:
    """`.get()` for a key, None when `pop()` finds none, a `try` around the decoding; nothing when that cannot be."""
    node, frame = risk.node, risk.run.frame
    if isinstance(node, facts.Subscript):
        opening = between(after(node.value, frame), before(node.index, frame))
        ending = between(after(node.index, frame), after(node, frame))
        default = ", {}" if _is_owner(risk.run.node, node) else ""
        return Edit(opening, ".get("), Edit(ending, f"{default})")
    if risk.key is not None:
        return (Edit(after(node.args[0], frame), ", None"),)
    place = place_of(risk.run.node.body, node)
    if place is None or risk.run.caller is not None or not isinstance(place.statement, facts.Assign):
        return ()
    if place.statement.span.line != place.statement.span.end_line or not has_own_lines(place.statement, risk.run.node):
        return ()
    indent = " " * (place.statement.span.column - 1)
    line = place.statement.span.line + 1
    return (
        Edit(before(place.statement, frame), f"try:\n{indent}    "),
        Edit(frame.at(Span(line, 1, line, 1)), f"{indent}except ValueError:\n{indent}    return\n"),
    )


def _is_owner(function: facts.FunctionDef, node: facts.Subscript) -> bool:
    """Is a member taken out of what a subscript gives?"""
    return any(isinstance(found, facts.Subscript) and found.value is node for found in within(function.body))
