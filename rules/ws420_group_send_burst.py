from __future__ import annotations

from collections.abc import Iterator

from wslint.knowledge.channels import CORE_LAYER, MEMORY_LAYER
from wslint.rule import Finding, Level, Location, Related, Rule, Span
from wslint.stack import FunctionUse, Send, Stack, contains, facts, last_name, within
from wslint.stack.database.orm import orm_of
from wslint.stack.database.orm_kinds import QuerySet
from wslint.stack.layers.served_layers import says_capacity, served_backends

CAPACITY = 100
"""How many events a channel holds by default, with Redis and in memory (channels_redis.core, channels.layers)."""
_HAVE_CAPACITY = {CORE_LAYER, MEMORY_LAYER}


class GroupSendBurst(Rule):
    """A loop sends one event after the other to the same group.

    Why: each channel of the group holds 100 events (`capacity`) until its consumer takes them. `group_send` to a
    channel that is full raises nothing: the event is dropped.

    See: the first hundred arrive and the rest never does. channels_redis logs `1 of 1 channels over capacity in group
    …` at level INFO; the in-memory layer logs nothing.

    Mend: put the rows into one event (`{"type": "rows", "rows": [...]}`), or a page of them into each.

    Bad:
        # settings.py
        CHANNEL_LAYERS = {"default": {"BACKEND": "channels.layers.InMemoryChannelLayer"}}
        # views.py
        from asgiref.sync import async_to_sync
        from channels.layers import get_channel_layer

        from shop.models import Row

        def publish(request):
            layer = get_channel_layer()
            for row in Row.objects.all():
                async_to_sync(layer.group_send)("rows", {"type": "row.new", "row": row.pk})

    Good:
        # settings.py
        CHANNEL_LAYERS = {"default": {"BACKEND": "channels.layers.InMemoryChannelLayer"}}
        # views.py
        from asgiref.sync import async_to_sync
        from channels.layers import get_channel_layer

        from shop.models import Row

        def publish(request):
            layer = get_channel_layer()
            rows = [row.pk for row in Row.objects.all()]
            async_to_sync(layer.group_send)("rows", {"type": "rows.new", "rows": rows})
    """

    code = "WS420"
    name = "group-send-burst"
    level = Level.INFO

    def stack(self, stack: Stack) -> Iterator[Finding]:
        told: set[Location] = set()
        for send in stack.sends:
            function = send.inside
            if send.method != "group_send" or send.in_tests or send.vendored or function is None:
                continue
            loop = _loop(stack, send, function) if send.location not in told else None
            if loop is not None and says_capacity(stack):
                return
            if loop is not None and (served_backends(stack, send.path) or {None}) <= _HAVE_CAPACITY:
                told.add(send.location)
                yield self.finding(
                    send.location,
                    f"one event for each row goes to one group; a channel holds {CAPACITY} events",
                    hint="send the rows together, in one event or in pages",
                    symptom="what comes while a channel is full is dropped: no error, and clients miss events",
                    symbol=function.name,
                    related=[Related(function.at(loop.iterable), "as many events as this has items")],
                )


def _loop(stack: Stack, send: Send, function: FunctionUse) -> facts.For | None:
    """The long loop around a send whose rounds all go to one group, and in which nothing is waited for."""
    span = send.location.span
    loops = [node for node in within(function.node.body) if isinstance(node, facts.For) and _holds(node.body, span)]
    loop = next((loop for loop in loops if _is_long(stack, loop, function)), None)
    if loop is None or loops[-1] is not loop:
        return None
    if any(_waits(node, span) or _is_page(node, span) for node in within(loop.body)):
        return None
    varying = {node.id for node in within((loop.target,)) if isinstance(node, facts.Name)}
    for node in within(loop.body):
        if isinstance(node, facts.Assign):
            varying |= {name.id for name in within(node.targets) if isinstance(name, facts.Name)}
    if send.through is not None or send.group_node is None:
        return loop if send.groups and all(name.literal is not None for name in send.groups) else None
    named = {node.id for node in within((send.group_node,)) if isinstance(node, facts.Name)}
    return None if named & varying else loop


def _is_long(stack: Stack, loop: facts.For, function: FunctionUse) -> bool:
    """Is it a loop over a query without a limit, or over a range of more than a channel holds?"""
    if loop.is_async:
        return False
    match loop.iterable:
        case facts.Call(func=facts.Name(id="range"), args=args):
            last = stack.values.constant(args[-1 if len(args) < 2 else 1].value, function.frame) if args else 0
            return isinstance(last, int) and last > CAPACITY
        case facts.Call(func=facts.Name(id="enumerate" | "list"), args=(facts.Argument(value=inner), *_)):
            kind = orm_of(stack).one(inner, function.frame)
        case expr:
            kind = orm_of(stack).one(expr, function.frame)
    return isinstance(kind, QuerySet) and not any(
        isinstance(node, facts.Subscript) for node in within((loop.iterable,))
    )


def _waits(node: facts.Node, span: Span) -> bool:
    """Does the loop pause, or wait for anything but its send? Or end with this round?"""
    match node:
        case facts.Await():
            return not contains(node.span, span)
        case facts.Call(func=facts.Attribute(attr="sleep" | "wait" | "result") | facts.Name(id="sleep")):
            return True
        case facts.Call(func=facts.Attribute(attr="save" | "create" | "get_or_create" | "update_or_create")):
            return True  # a row written to the database gives the receivers time
        case facts.Return() | facts.Yield() | facts.Jump(kind="break"):
            return True
        case facts.Lambda():
            return contains(node.span, span)
        case _:
            return False


def _is_page(node: facts.Node, span: Span) -> bool:
    """`if len(batch) == 200:`, `if number % 100 == 0:`: is the send for many rows at once?"""
    return isinstance(node, facts.If) and _holds(node.body, span) and any(map(_counts, within((node.test,))))


def _counts(node: facts.Node) -> bool:
    return (isinstance(node, facts.Call) and last_name(node.func) == "len") or (
        isinstance(node, facts.BinaryOp) and node.op == "%"
    )


def _holds(body: tuple[facts.Stmt, ...], span: Span) -> bool:
    return any(contains(statement.span, span) for statement in body)
