from __future__ import annotations

from collections.abc import Iterator

from wslint.rule import Edit, Finding, Fix, Level, Related, Rule
from wslint.stack import Application, Frame, Stack, calls_within, facts
from wslint.stack.code.places import before
from wslint.stack.execution.startup import Reached, Startup
from wslint.stack.routing.entries import entries, is_of_a_project, own_applications


class ImportBeforeSetup(Rule):
    """The ASGI module imports code that needs models before Django is set up.

    Why: an ASGI server imports the module first of all. Models, `get_user_model()` and whatever imports them
    (consumers, routing, middleware) need the app registry, which `get_asgi_application()` or `django.setup()` fills.
    Under manage.py it is filled already, so runserver and the tests never show it.

    See: `django.core.exceptions.AppRegistryNotReady: Apps aren't loaded yet.` and daphne, uvicorn or gunicorn exit at
    start. The call's place inside the ProtocolTypeRouter dict does not help: the imports above it run before.

    Mend: call `django_asgi_app = get_asgi_application()` first and import the project's code below (`# noqa: E402`).

    Bad:
        # config/settings.py
        INSTALLED_APPS = ["daphne", "chat"]
        ASGI_APPLICATION = "config.asgi.application"
        # config/asgi.py
        import os
        from channels.routing import ProtocolTypeRouter, URLRouter
        from channels.security.websocket import AllowedHostsOriginValidator
        from django.core.asgi import get_asgi_application

        os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings")

        from chat.routing import routes

        application = ProtocolTypeRouter(
            {
                "http": get_asgi_application(),
                "websocket": AllowedHostsOriginValidator(URLRouter(routes)),
            }
        )
        # chat/routing.py
        from django.urls import path
        from chat.consumers import Chat

        routes = [path("ws/chat/", Chat.as_asgi())]
        # chat/consumers.py
        from channels.generic.websocket import AsyncWebsocketConsumer
        from chat.models import Message

        class Chat(AsyncWebsocketConsumer):
            model = Message
        # chat/models.py
        from django.db import models

        class Message(models.Model):
            text = models.TextField()

    Good:
        # config/settings.py
        INSTALLED_APPS = ["daphne", "chat"]
        ASGI_APPLICATION = "config.asgi.application"
        # config/asgi.py
        import os
        from channels.routing import ProtocolTypeRouter, URLRouter
        from channels.security.websocket import AllowedHostsOriginValidator
        from django.core.asgi import get_asgi_application

        os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings")
        django_asgi_app = get_asgi_application()

        from chat.routing import routes

        application = ProtocolTypeRouter(
            {
                "http": django_asgi_app,
                "websocket": AllowedHostsOriginValidator(URLRouter(routes)),
            }
        )
        # chat/routing.py
        from django.urls import path
        from chat.consumers import Chat

        routes = [path("ws/chat/", Chat.as_asgi())]
        # chat/consumers.py
        from channels.generic.websocket import AsyncWebsocketConsumer
        from chat.models import Message

        class Chat(AsyncWebsocketConsumer):
            model = Message
        # chat/models.py
        from django.db import models

        class Message(models.Model):
            text = models.TextField()
    """

    code = "WS104"
    name = "import-before-setup"
    level = Level.ERROR

    def stack(self, stack: Stack) -> Iterator[Finding]:
        for application in _entries(stack):
            early = list(Startup(stack).early(application.module))
            if early:
                yield self._early(stack, application, early)

    def _early(self, stack: Stack, application: Application, early: list[tuple[facts.Stmt, Reached]]) -> Finding:
        frame = stack.values.module_frame(application.module)
        statement, reached = early[0]
        way = " → ".join(reached.through)
        return self.finding(
            frame.at(statement),
            f"needs the model {reached.what} before Django is set up" + (f" (through {way})" if way else ""),
            hint="call get_asgi_application() (or django.setup()) above this import",
            symptom="every ASGI server exits at start: AppRegistryNotReady: Apps aren't loaded yet. "
            "(runserver, which has set Django up, does not show it)",
            symbol=reached.what,
            related=[
                *([Related(reached.location, "the model is needed here")] if reached.through else []),
                *(Related(frame.at(other), f"needs {found.what} too early as well") for other, found in early[1:4]),
            ],
            fix=_fix(stack, frame, statement),
        )


def _fix(stack: Stack, frame: Frame, statement: facts.Stmt) -> Fix | None:
    """`django.setup()` above the import, after the settings module is named (again, when that stands below)."""
    if not isinstance(statement, facts.Import) or statement.span.column != 1:
        return None
    place = (statement.span.line, statement.span.column)
    bound = {name for name, found in frame.scope.bindings.items() if any(one.place < place for one in found)}
    lines = [] if "django" in bound else ["import django", ""]
    for call in calls_within(frame.module.facts.body):
        if stack.values.dotted(call.func, frame) != "os.environ.setdefault" or len(call.args) != 2:
            continue
        name, value = (stack.values.constant(arg.value, frame) for arg in call.args)
        if name == "DJANGO_SETTINGS_MODULE" and (call.span.line, call.span.column) > place:
            if "os" not in bound or not isinstance(value, str):
                return None
            lines.append(f'os.environ.setdefault("{name}", "{value}")')
    text = "\n".join([*lines, "django.setup()", "", ""])
    return Fix((Edit(before(statement, frame), text),), safe=False, title="set Django up first")


def _entries(stack: Stack) -> Iterator[Application]:
    """One application of each module that a server imports first.

    The module of ASGI_APPLICATION only where there is no other: runserver has set Django up before it reads it.
    """
    first = list(entries(stack))
    roots = {application.module.root for application in first}
    found = {application.module.path: application for application in first}
    for application in own_applications(stack):
        named = any(kind == "settings" for kind, _ in application.named_by)
        if named and application.module.root not in roots and is_of_a_project(stack, application):
            found.setdefault(application.module.path, application)
    yield from found.values()
