from __future__ import annotations

from collections.abc import Iterator

from wslint.knowledge.orm import UNSAFE_SWITCH
from wslint.rule import Finding, Level, Related, Rule
from wslint.stack import Stack
from wslint.stack.database.async_switch import Switch, unsafe_switches

OFF = frozenset({"0", "false", "no", "off", "f", "n"})
"""Texts that are meant to leave the test on, and do not."""


class AsyncUnsafe(Rule):
    """DJANGO_ALLOW_ASYNC_UNSAFE is set where a server runs.

    Why: the variable turns off the test with which Django keeps the ORM from running on the event loop. It is meant for
    notebooks, where nothing else uses the loop. In a server the calls that it hides stop every socket of the process
    while the database works, and all of them share one connection.

    See: nothing fails; under load every consumer of the process answers late, heartbeats time out and sockets drop.
    `manage.py check --deploy` says async.E001. Without the variable the guilty line raises SynchronousOnlyOperation.
    Any text that is not empty counts, "false" and "0" too.

    Mend: take it out, and mend what then raises: `database_sync_to_async`, `sync_to_async`, or the `a…` methods of the
    ORM.

    Bad:
        # config/asgi.py
        import os
        from django.core.asgi import get_asgi_application

        os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings")
        os.environ["DJANGO_ALLOW_ASYNC_UNSAFE"] = "true"
        application = get_asgi_application()
        # config/settings.py
        INSTALLED_APPS = ["daphne"]
        ASGI_APPLICATION = "config.asgi.application"

    Good:
        # config/asgi.py
        import os
        from django.core.asgi import get_asgi_application

        os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings")
        application = get_asgi_application()
        # config/settings.py
        INSTALLED_APPS = ["daphne"]
        ASGI_APPLICATION = "config.asgi.application"
    """

    code = "WS709"
    name = "async-unsafe"
    level = Level.WARNING

    def stack(self, stack: Stack) -> Iterator[Finding]:
        by_project: dict[int, list[Switch]] = {}
        for switch in sorted(unsafe_switches(stack), key=lambda switch: switch.location):
            by_project.setdefault(id(stack.settings_for(switch.location.path)), []).append(switch)
        for first, *others in by_project.values():
            yield self._set(first, others)

    def _set(self, switch: Switch, others: list[Switch]) -> Finding:
        text = f" (any text counts, `{switch.text}` too)" if switch.text.lower() in OFF else ""
        return self.finding(
            switch.location,
            f"{UNSAFE_SWITCH} is set{text} where a server runs",
            hint="take it out and mend what raises SynchronousOnlyOperation: database_sync_to_async, sync_to_async",
            symptom="a database call on the event loop stops every socket of the process while it runs, and no "
            "SynchronousOnlyOperation tells where",
            symbol=UNSAFE_SWITCH,
            related=[Related(other.location, "and here") for other in others[:3]],
        )
