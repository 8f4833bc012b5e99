from __future__ import annotations

from collections.abc import Iterator

from wslint.flow import is_handler
from wslint.rule import Edit, Finding, Fix, Level, Location, Related, Rule
from wslint.stack import Send, Stack, facts, within
from wslint.stack.code.callers import place_of
from wslint.stack.code.edits import has_own_lines, import_edit, import_line
from wslint.stack.database.orm import orm_of
from wslint.stack.database.transactions import Open, Transactions
from wslint.stack.groups.eventloads import Load, loads_of
from wslint.stack.groups.groups import Groups


class SendBeforeCommit(Rule):
    """An event is sent while the transaction that writes its row is still open, and the consumer loads that row.

    Why: a channel layer knows nothing of the database. The event is at the consumer at once; the row is there for
    others when the transaction commits, which is later, or never when it is rolled back.

    See: the consumer reads too early: `DoesNotExist` for a new row (and the connection is lost: 1011 from daphne, 1006
    from uvicorn), the old values of a changed one. It depends on who is quicker, so it often works on a laptop.

    Mend: `transaction.on_commit(lambda: async_to_sync(layer.group_send)(…))`, or send all that the consumer needs.

    Bad:
        from asgiref.sync import async_to_sync
        from channels.db import database_sync_to_async
        from channels.generic.websocket import AsyncJsonWebsocketConsumer
        from channels.layers import get_channel_layer
        from django.db import models, transaction

        class Order(models.Model):
            state = models.CharField(max_length=9)

        def order(request):
            with transaction.atomic():
                new = Order.objects.create(state="new")
                async_to_sync(get_channel_layer().group_send)("orders", {"type": "order.new", "id": new.pk})

        class OrderConsumer(AsyncJsonWebsocketConsumer):
            groups = ["orders"]

            async def order_new(self, event):
                found = await database_sync_to_async(Order.objects.get)(pk=event["id"])
                await self.send_json({"state": found.state})

    Good:
        from asgiref.sync import async_to_sync
        from channels.db import database_sync_to_async
        from channels.generic.websocket import AsyncJsonWebsocketConsumer
        from channels.layers import get_channel_layer
        from django.db import models, transaction

        class Order(models.Model):
            state = models.CharField(max_length=9)

        def order(request):
            with transaction.atomic():
                new = Order.objects.create(state="new")
            async_to_sync(get_channel_layer().group_send)("orders", {"type": "order.new", "id": new.pk})

        class OrderConsumer(AsyncJsonWebsocketConsumer):
            groups = ["orders"]

            async def order_new(self, event):
                found = await database_sync_to_async(Order.objects.get)(pk=event["id"])
                await self.send_json({"state": found.state})
    """

    code = "WS413"
    name = "send-before-commit"
    level = Level.WARNING

    def stack(self, stack: Stack) -> Iterator[Finding]:
        groups, transactions = Groups(stack), Transactions(stack)
        told: set[Location] = set()
        looked: dict[int, tuple[Load, ...]] = {}
        for send in stack.sends:
            if send.event is None or send.method != "group_send" or send.in_tests or send.vendored:
                continue
            loads = [load for load in _loads(stack, groups, send, looked) if load.key in send.event.keys]
            found = transactions.around(send) if loads and send.location not in told else None
            load = next((load for load in loads if found and transactions.writes(found, send, load)), None)
            if found is not None and load is not None:
                told.add(send.location)
                yield self._finding(stack, send, found, load)

    def _finding(self, stack: Stack, send: Send, found: Open, load: Load) -> Finding:
        edits = _edits(stack, send)
        return self.finding(
            send.location,
            f'sent before {found.shown} commits; the consumer looks up {load.model.name} by its "{load.key}"',
            hint="send it in transaction.on_commit(…)",
            symptom="the consumer finds no row (`DoesNotExist`) or the old values, and gets the event even when the "
            "transaction is rolled back",
            symbol=found.function.name,
            related=[Related(found.location, "the transaction"), Related(load.location, "it is looked up here")],
            fix=Fix(edits, safe=False, title="send it when the transaction is committed") if edits else None,
        )


def _loads(stack: Stack, groups: Groups, send: Send, looked: dict[int, tuple[Load, ...]]) -> Iterator[Load]:
    """What those who may get an event look up."""
    assert send.event is not None
    names = {kind.replace(".", "_") for kind in send.event.types if kind is not None}
    for consumer in groups.receivers(send) if names else ():
        for name in sorted(names & consumer.methods.keys()):
            method = consumer.methods[name]
            if is_handler(method) and not consumer.vendored:
                if id(method.node) not in looked:
                    looked[id(method.node)] = loads_of(orm_of(stack), method)
                yield from looked[id(method.node)]


def _bound(function: facts.FunctionDef) -> Iterator[facts.Name]:
    """The names that a function's statements bind or delete."""
    for node in within(function.body):
        if isinstance(node, (facts.Assign, facts.Delete)):
            yield from (name for name in within(node.targets) if isinstance(name, facts.Name))
        elif isinstance(node, (facts.AugmentedAssign, facts.Walrus, facts.For)):
            yield from (name for name in within((node.target,)) if isinstance(name, facts.Name))


def _edits(stack: Stack, send: Send) -> tuple[Edit, ...]:
    """`transaction.on_commit(lambda: …)` around the send; none where the lambda would read names of a later round."""
    assert send.inside is not None
    function, span = send.inside, send.location.span
    place = place_of(function.node.body, send.call)
    loops = [one for one in within(function.node.body) if isinstance(one, (facts.For, facts.While))]
    if send.through or send.via != "async_to_sync" or place is None or not place.is_all(send.call):
        return ()
    read = {name.id for name in within((send.call,)) if isinstance(name, facts.Name)}
    if any(name.id in read and name.span > span for name in _bound(function.node)):
        return ()  # the lambda would read what is bound later
    if any(one.span < span for one in loops) or not has_own_lines(place.statement, function.node):
        return ()
    line = import_line(stack, function.path, "django.db", "transaction")
    if line is None and stack.values.dotted(facts.Name(span, "transaction"), function.frame) != "django.db.transaction":
        return ()
    imported = None if line is None else import_edit(stack, function.path, [line], of_project=False)
    if line is not None and imported is None:
        return ()
    before = span.begin
    after = span.end
    wrapped = (
        Edit(Location(function.path, before), "transaction.on_commit(lambda: "),
        Edit(Location(function.path, after), ")"),
    )
    return wrapped if imported is None else (imported, *wrapped)
