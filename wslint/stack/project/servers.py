"""Which ASGI servers a project runs on, as far as its files tell."""

from __future__ import annotations

from wslint.stack.code.lists import Lists
from wslint.stack.model import Stack

SERVERS = ("daphne", "uvicorn", "hypercorn", "granian")


def servers_of(stack: Stack) -> frozenset[str]:
    """The ASGI servers that the project's commands and INSTALLED_APPS name, else those that it installs."""
    found = {
        server
        for command in (process.command for process in stack.processes)
        for server in SERVERS
        if command.program == server
        or (command.program == "gunicorn" and any(server in word for word in command.words))
    }
    lists = Lists(stack.values)
    for settings in stack.settings:
        for setting in settings.get("INSTALLED_APPS"):
            items = lists.of(setting.expr, setting.frame).items
            if any(stack.values.constant(expr, frame) == "daphne" for expr, frame in items):
                found.add("daphne")
    if not found and not stack.packages.brought("daphne"):
        found = {server for server in SERVERS if stack.packages.named(server)}
    return frozenset(found)
