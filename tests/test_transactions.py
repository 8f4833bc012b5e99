"""Where a transaction is open when an event is sent."""

from __future__ import annotations

import pytest
from stacks import stack_of

from wslint.stack.database.transactions import Transactions

HEAD = """\
from asgiref.sync import async_to_sync
from channels.layers import get_channel_layer
from django.contrib import admin
from django.db import transaction
from django.views.generic import View


"""

SEND = 'async_to_sync(get_channel_layer().group_send)("orders", {"type": "order.new"})'


def shown(body: str, databases: str = "{}") -> list[str | None]:
    """What is open around each send of a module."""
    settings = f'INSTALLED_APPS = ["channels"]\nASGI_APPLICATION = "asgi.application"\nDATABASES = {databases}\n'
    stack = stack_of({"main.py": HEAD + body.replace("SEND", SEND), "settings.py": settings})
    transactions = Transactions(stack)
    return [found.shown if (found := transactions.around(send)) else None for send in stack.sends]


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        ("def order():\n    with transaction.atomic():\n        SEND\n", "transaction.atomic()"),
        ("@transaction.atomic\ndef order():\n    SEND\n", "transaction.atomic"),
        ("@transaction.atomic(using='other')\ndef order():\n    SEND\n", "transaction.atomic"),
        ("def tell():\n    SEND\n\n@transaction.atomic\ndef order():\n    tell()\n", "transaction.atomic"),
        ("class A(admin.ModelAdmin):\n    def save_model(self, r, obj, f, c):\n        SEND\n", "a view of the admin"),
        ("class A(admin.ModelAdmin):\n    def ship(self, request, queryset):\n        SEND\n", None),
        ("def order():\n    with transaction.atomic():\n        pass\n    SEND\n", None),
        ("@transaction.atomic\ndef order():\n    transaction.on_commit(lambda: SEND)\n", None),
        ("@transaction.atomic\ndef order():\n    def tell():\n        SEND\n    transaction.on_commit(tell)\n", None),
        ("def tell():\n    SEND\n\n@transaction.atomic\ndef order():\n    transaction.on_commit(tell)\n", None),
    ],
)
def test_what_is_open_around_a_send(body: str, expected: str | None) -> None:
    assert shown(body) == [expected]


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        ("def order(request):\n    SEND\n", "ATOMIC_REQUESTS"),
        ("class Order(View):\n    def post(self, request):\n        SEND\n", "ATOMIC_REQUESTS"),
        ("def tell():\n    SEND\n", None),
        ("@transaction.non_atomic_requests\ndef order(request):\n    SEND\n", None),
        ("async def order(request):\n    await get_channel_layer().group_send('a', {'type': 'b'})\n", None),
    ],
)
def test_atomic_requests_holds_for_views(body: str, expected: str | None) -> None:
    assert shown(body, '{"default": {"ATOMIC_REQUESTS": True}}') == [expected]
    assert shown(body, '{"default": {"ATOMIC_REQUESTS": False}}') == [None]
