from __future__ import annotations

from collections.abc import Iterator

from wslint.knowledge.channels import CORE_LAYER, PUBSUB_LAYER
from wslint.rule import Finding, Level, Location, Rule
from wslint.stack import FunctionUse, Send, Stack, below, facts
from wslint.stack.execution.requests import answers_request, is_for_debugging, may_be_caught, saves_before
from wslint.stack.layers.served_layers import served_backends


class SendUnguardedInRequest(Rule):
    """A view, a signal receiver or save() sends an event and does not expect that the channel layer is down.

    Why: the row is saved, then the event is sent through Redis. When Redis does not answer, `group_send` raises, and
    what was meant as a courtesy to those who watch fails the request of the one who works.

    See: HTTP 500 with `redis.exceptions.ConnectionError: Error … connecting to …` for a row that is saved (or that a
    transaction around the request takes back). The user tries again, and there are two.

    Mend: `try: … except Exception: logger.exception(…)` around the send, `transaction.on_commit(…, robust=True)`
    (Django 4.2), or a Celery task that sends.

    Bad:
        # settings.py
        CHANNEL_LAYERS = {"default": {"BACKEND": "channels_redis.core.RedisChannelLayer"}}
        # views.py
        from asgiref.sync import async_to_sync
        from channels.layers import get_channel_layer
        from django.views.decorators.http import require_POST
        from shop.models import Order

        @require_POST
        def order(request):
            new = Order.objects.create(state="new")
            async_to_sync(get_channel_layer().group_send)("orders", {"type": "order.new", "id": new.pk})

    Good:
        # settings.py
        CHANNEL_LAYERS = {"default": {"BACKEND": "channels_redis.core.RedisChannelLayer"}}
        # views.py
        import logging
        from asgiref.sync import async_to_sync
        from channels.layers import get_channel_layer
        from django.views.decorators.http import require_POST
        from shop.models import Order

        @require_POST
        def order(request):
            new = Order.objects.create(state="new")
            try:
                async_to_sync(get_channel_layer().group_send)("orders", {"type": "order.new", "id": new.pk})
            except Exception:
                logging.exception("nobody was told")
    """

    code = "WS419"
    name = "send-unguarded-in-request"
    level = Level.INFO

    def stack(self, stack: Stack) -> Iterator[Finding]:
        told: set[int] = set()
        for send in sorted(stack.sends, key=lambda send: send.location):
            function = send.inside
            if send.method != "group_send" or send.in_tests or send.vendored or function is None:
                continue
            if send.consumer is not None or id(function.node) in told or send.via not in ("await", "async_to_sync"):
                continue
            place = facts.Name(send.location.span, "")
            role = answers_request(stack, function)
            if role is None or (role == "view" and not saves_before(function, place)):
                continue
            if not _is_guarded(stack, send, function, place) and _is_redis(stack, send.location):
                told.add(id(function.node))
                yield self.finding(
                    send.location,
                    f"{function.name}() fails when the channel layer does, with its row already written",
                    hint="catch what group_send raises, or send it in a task or on_commit(…, robust=True) (Django 4.2)",
                    symptom="HTTP 500 with redis.exceptions.ConnectionError while Redis is down",
                    symbol=function.name,
                )


def _is_guarded(stack: Stack, send: Send, function: FunctionUse, place: facts.Node) -> bool:
    """Is the failure of a send caught where it stands or on the way to it, or is it for debugging only?"""
    if may_be_caught(stack, function, place) or is_for_debugging(function, place):
        return True
    return any(isinstance(node, facts.Try) for step, _ in send.steps for node in below(step.node))


def _is_redis(stack: Stack, location: Location) -> bool:
    return bool(served_backends(stack, location.path) & {CORE_LAYER, PUBSUB_LAYER})
