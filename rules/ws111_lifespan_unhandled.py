from __future__ import annotations

from collections.abc import Iterator
from itertools import pairwise

from wslint.rule import Finding, Level, Location, Related, Rule
from wslint.stack import Application, ProtocolRouter, Stack
from wslint.stack.model import Process
from wslint.stack.routing.pages import core

SENDERS = ("uvicorn", "hypercorn")


class LifespanUnhandled(Rule):
    """A server that announces its start and its end serves a ProtocolTypeRouter that does not know "lifespan".

    Why: uvicorn and hypercorn open a connection of the type "lifespan" before any other. ProtocolTypeRouter has no
    application for it and raises; these servers take that as "not supported" and go on.

    See: `ASGI 'lifespan' protocol appears unsupported.` at every start of uvicorn, and one `ValueError: No application
    configured for scope type 'lifespan'.` in whatever collects errors around the router. With `--lifespan on` the
    server exits: `Application startup failed. Exiting.` daphne does not send it.

    Mend: `--lifespan off` in the command, or a small application as `"lifespan"` that answers its two events.

    Bad:
        # Procfile
        web: uvicorn asgi:application
        # asgi.py
        from channels.routing import ProtocolTypeRouter
        from django.core.asgi import get_asgi_application

        application = ProtocolTypeRouter({"http": get_asgi_application()})

    Good:
        # Procfile
        web: uvicorn --lifespan off asgi:application
        # asgi.py
        from channels.routing import ProtocolTypeRouter
        from django.core.asgi import get_asgi_application

        application = ProtocolTypeRouter({"http": get_asgi_application()})
    """

    code = "WS111"
    name = "lifespan-unhandled"
    level = Level.INFO

    def stack(self, stack: Stack) -> Iterator[Finding]:
        for application in stack.applications:
            routers = [core(app) for app in application.apps]
            if application.in_tests or application.vendored or len(routers) != 1:
                continue
            router, sender = routers[0], _sender(stack, application)
            if isinstance(router, ProtocolRouter) and router.complete and "lifespan" not in router.entries and sender:
                yield self._unhandled(router.frame.at(router.call.func), sender)

    def _unhandled(self, place: Location, sender: Process) -> Finding:
        wanted = "on" in _lifespan(sender)
        return self.finding(
            place,
            f'ProtocolTypeRouter has no "lifespan" entry, and {sender.command.program} sends such a scope at start',
            hint='give the server `--lifespan off`, or add an application for "lifespan"',
            symptom="the server exits: Application startup failed. Exiting."
            if wanted
            else "the log says at every start: ASGI 'lifespan' protocol appears unsupported",
            related=[Related(sender.location, "this command serves it")],
        )


def _sender(stack: Stack, application: Application) -> Process | None:
    """The command that serves an application and sends lifespan events."""
    places = {location for kind, location in application.named_by if kind == "command"}
    return next(
        (
            process
            for process in stack.processes
            if process.location in places
            and process.command.program in SENDERS
            and process.command.source != "hint"
            and "off" not in _lifespan(process)
        ),
        None,
    )


def _lifespan(process: Process) -> list[str]:
    """What `--lifespan` is given."""
    words = process.command.words
    behind = [value for word, value in pairwise(words) if word == "--lifespan"]
    return behind + [word.partition("=")[2] for word in words if word.startswith("--lifespan=")]
