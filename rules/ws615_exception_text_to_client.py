from __future__ import annotations

import re
from collections.abc import Iterator

from wslint.flow import turns_of
from wslint.flow.senttexts import Sent, sent_texts
from wslint.knowledge.failures import is_client_error
from wslint.rule import Finding, Level, Location, Related, Rule
from wslint.stack import Consumer, Frame, Stack, calls_within, facts, within
from wslint.stack.client.clientinput import ClientInput, client_input
from wslint.stack.client.exceptiontext import Text
from wslint.stack.code.guarded import BROAD, is_caught
from wslint.stack.consumers.answering import is_work

_STAFF = re.compile(r"(^|_)(admin|staff|superuser|has_perms?)(s|_|$)|^(ADMIN|STAFF)", re.IGNORECASE)
"""Names in a test by which a consumer keeps all but those who run the site out."""

_LAYER = frozenset({"group_add", "group_discard", "group_send"})

MAX_DEPTH = 3
"""How many helpers lead from the `try` to the work in it."""


class ExceptionTextToClient(Rule):
    """The text of an exception of any kind is sent to the client.

    Why: `except Exception` catches what nobody thought of: errors of the database, of files, of other services. Their
    texts were written for the log and name tables, columns, SQL, paths, hosts and sometimes credentials. Exceptions
    that are raised for the client are another matter, and are caught by their own names.

    See: a frame like `{"error": "no such table: shop_order"}` or `[Errno 2] No such file or directory:
    '/srv/app/keys/feed.pem'`. A traceback shows code and paths too. DEBUG makes no difference.

    Mend: log the exception and send a text of your own; catch what is meant for the client by name, before.

    Bad:
        from channels.generic.websocket import AsyncJsonWebsocketConsumer

        from shop.stock import reserve

        class OrderConsumer(AsyncJsonWebsocketConsumer):
            async def receive_json(self, content, **kwargs):
                try:
                    await self.send_json({"reserved": await reserve(content)})
                except Exception as error:
                    await self.send_json({"error": str(error)})

    Good:
        import logging

        from channels.generic.websocket import AsyncJsonWebsocketConsumer

        from shop.stock import OutOfStock, reserve

        class OrderConsumer(AsyncJsonWebsocketConsumer):
            async def receive_json(self, content, **kwargs):
                try:
                    await self.send_json({"reserved": await reserve(content)})
                except OutOfStock as error:
                    await self.send_json({"error": str(error)})
                except Exception:
                    logging.exception("an order failed")
                    await self.send_json({"error": "the order failed"})
    """

    code = "WS615"
    name = "exception-text-to-client"
    level = Level.WARNING

    def stack(self, stack: Stack) -> Iterator[Finding]:
        told: set[Location] = set()
        for consumer in stack.consumers:
            if consumer.in_tests or consumer.vendored or consumer.kind in ("http", "raw"):
                continue
            if _is_for_staff(stack, consumer):
                continue
            by_handler: dict[int, list[Sent]] = {}
            for sent in sent_texts(stack, consumer):
                if _is_open(sent.text, client_input(stack, consumer)):
                    by_handler.setdefault(id(sent.text.handler), []).append(sent)
            for found in by_handler.values():
                location = found[0].text.location
                if location not in told:
                    told.add(location)
                    yield self._finding(stack, consumer, found[0])

    def _finding(self, stack: Stack, consumer: Consumer, sent: Sent) -> Finding:
        text, kinds = sent.text, _caught(sent.text, client_input(stack, consumer))
        known = next((kind for kind in kinds if is_client_error(kind)), None)
        related = [Related(text.head, "caught here")]
        if sent.location.span.line != text.location.span.line or sent.location.path != text.location.path:
            related.append(Related(sent.location, "sent here"))
        return self.finding(
            text.location,
            f"the {'traceback' if text.is_traceback else 'text'} of {'any exception' if known is None else known} "
            f"caught in {text.function}() is sent to the client",
            hint="log it and send a text of your own; catch what is meant for the client by its own name, before",
            symptom="the client reads what was meant for the log: SQL and names of tables, paths, hosts",
            symbol=f"{consumer.name}.{text.function}",
            related=related,
        )


def _is_open(text: Text, trace: ClientInput) -> bool:
    """Can a text be of an error that nobody thought of?"""
    kinds = _caught(text, trace)
    if any(is_client_error(kind) for kind in kinds):
        return True
    return not BROAD.isdisjoint(kinds) and _works(text.block.body, text.frame, trace)


def _caught(text: Text, trace: ClientInput) -> list[str]:
    """The names of the exceptions that come to the handler; `except:` takes all."""
    exception = text.handler.exception
    if exception is None:
        return ["builtins.BaseException"]
    items = exception.items if isinstance(exception, facts.Sequence) else (exception,)
    return [name for item in items if (name := trace.values.dotted(item, text.frame)) is not None]


def _works(block: tuple[facts.Node, ...], frame: Frame, trace: ClientInput, depth: int = 0) -> bool:
    """Does a block do more than read the client's message and answer: a query, a file, another service, a library?"""
    for call in calls_within(block):
        if depth and is_caught(frame.scope.body, call, BROAD, frame, trace.values):
            continue  # what fails in it does not come out of the helper
        inner = list(trace.entering(call, frame)) if depth < MAX_DEPTH else []
        if any(_works(function.body, deeper, trace, depth + 1) for function, deeper in inner):
            return True
        if not inner and (
            is_work(call, block) or (isinstance(call.func, facts.Attribute) and call.func.attr in _LAYER)
        ):
            return True
    return False


def _is_for_staff(stack: Stack, consumer: Consumer) -> bool:
    """Does connect() ask whether the one who calls runs the site?"""
    turns = turns_of(stack)
    bodies = (run.node.body for turn in turns.of(consumer) if turn.kind == "connect" for run in turns.runs(turn))
    tests = (node.test for body in bodies for node in within(body) if isinstance(node, (facts.If, facts.Conditional)))
    return any(
        _STAFF.search(node.attr if isinstance(node, facts.Attribute) else node.id)
        for test in tests
        for node in within((test,))
        if isinstance(node, (facts.Attribute, facts.Name))
    )
