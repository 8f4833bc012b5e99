"""Methods of Channels' consumers that act on the connection."""

from __future__ import annotations

from wslint.facts import model as m
from wslint.stack.code.values import argument

STOCK = {
    "accept": "accept",
    "close": "close",
    "send": "send",
    "send_json": "send",
    "base_send": "send",
}
"""Their names, and the kind of what they do."""

CALLS = {
    "websocket_connect": "connect",
    "websocket_receive": "receive",
    "websocket_disconnect": "disconnect",
    "receive": "receive_json",
    "dispatch": "*",
    "__call__": "*",
}
"""Methods that call one which the project may define; `*`: any handler."""


def closes(node: m.Call) -> m.Expr | None:
    """`send(…, close=…)`: what says whether, and with which code, to close after the frame."""
    return argument(node, 1 << 30, "close")


def raw_send(node: m.Call) -> str:
    """What a raw consumer's `self.send({"type": …})` does."""
    message = node.args[0].value if node.args else None
    if isinstance(message, m.Dict):
        for item in message.items:
            if isinstance(item.key, m.Constant) and item.key.value == "type" and isinstance(item.value, m.Constant):
                return {"websocket.accept": "accept", "websocket.close": "close"}.get(str(item.value.value), "send")
    return "send"
