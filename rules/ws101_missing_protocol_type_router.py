from __future__ import annotations

from collections.abc import Iterator

from wslint.knowledge.channels import GET_ASGI_APPLICATION
from wslint.rule import Edit, Finding, Fix, Level, Location, Related, Rule
from wslint.stack import (
    Application,
    Consumer,
    DjangoApp,
    ProtocolRouter,
    Router,
    Stack,
    UnknownApp,
    facts,
)
from wslint.stack.routing.pages import WSGI_SERVERS, core
from wslint.stack.routing.rebound import rebound
from wslint.stack.routing.route_lists import route_lists
from wslint.stack.settings.installed import installed_apps


class MissingProtocolTypeRouter(Rule):
    """The application that is served is Django's own, or a bare URLRouter: one of websockets and pages is missing.

    Why: `get_asgi_application()` understands HTTP only, and URLRouter knows only its websocket routes. Something has
    to look at the scope's type and choose; that is ProtocolTypeRouter.

    See: under a plain Django application every websocket handshake is refused with HTTP 500: `ValueError: Django can
    only handle ASGI/HTTP connections, not websocket.` Under a bare URLRouter every page is HTTP 500.

    Mend: `application = ProtocolTypeRouter({"http": django_asgi_app, "websocket": URLRouter(websocket_urlpatterns)})`;
    when the router stands in another module, let the server command name that one.

    Bad:
        # config/settings.py
        INSTALLED_APPS = ["daphne", "chat"]
        ASGI_APPLICATION = "config.asgi.application"
        # config/asgi.py
        from django.core.asgi import get_asgi_application

        application = get_asgi_application()
        # chat/consumers.py
        from channels.generic.websocket import AsyncWebsocketConsumer

        class Chat(AsyncWebsocketConsumer):
            pass

    Good:
        # config/settings.py
        INSTALLED_APPS = ["daphne", "chat"]
        ASGI_APPLICATION = "config.asgi.application"
        # config/asgi.py
        from channels.routing import ProtocolTypeRouter, URLRouter
        from channels.security.websocket import AllowedHostsOriginValidator
        from django.core.asgi import get_asgi_application
        from django.urls import path

        http = get_asgi_application()

        from chat.consumers import Chat

        application = ProtocolTypeRouter(
            {
                "http": http,
                "websocket": AllowedHostsOriginValidator(URLRouter([path("ws/chat/", Chat.as_asgi())])),
            }
        )
        # chat/consumers.py
        from channels.generic.websocket import AsyncWebsocketConsumer

        class Chat(AsyncWebsocketConsumer):
            pass
    """

    code = "WS101"
    name = "missing-protocol-type-router"
    level = Level.ERROR

    def stack(self, stack: Stack) -> Iterator[Finding]:
        for application in stack.applications:
            if application.in_tests or application.vendored or not application.apps:
                continue
            if rebound(stack, application) is not None:  # WS107 says it
                continue
            cores = [core(app) for app in application.apps]
            if all(isinstance(inner, DjangoApp) and inner.interface == "asgi" and inner.called for inner in cores):
                if _must_serve_websockets(stack, application):
                    yield self._plain(stack, application)
            elif all(isinstance(inner, Router) for inner in cores) and _must_serve_pages(stack, application):
                yield self._bare_router(application)

    def _plain(self, stack: Stack, application: Application) -> Finding:
        names = ", ".join(sorted({consumer.name for consumer in _consumers(stack, application)})[:3])
        return self.finding(
            application.location,
            f"`{application.name}` is a plain Django application: nothing serves the websocket consumers ({names})",
            hint='wrap it: `ProtocolTypeRouter({"http": …, "websocket": …})`, or name the module that has the router',
            symptom="every websocket handshake ends in HTTP 500: "
            "ValueError: Django can only handle ASGI/HTTP connections, not websocket.",
            related=_naming(application),
            fix=_fix(stack, application),
        )

    def _bare_router(self, application: Application) -> Finding:
        return self.finding(
            application.location,
            f"`{application.name}` is a URLRouter with websocket routes only, and it must serve the pages too",
            hint='wrap it: `ProtocolTypeRouter({"http": get_asgi_application(), "websocket": …})`',
            symptom="every HTTP request ends in 500: ValueError (no route found, or not a WebSocket connection)",
            related=_naming(application),
        )


def _fix(stack: Stack, application: Application) -> Fix | None:
    """`application = get_asgi_application()` becomes a router over the project's only list of websocket routes."""
    binding = application.module.scope.bindings[application.name][-1]
    lists = list(route_lists(stack, application.module.root))
    if not isinstance(binding.source, facts.Assign) or not isinstance(binding.value, facts.Call) or len(lists) != 1:
        return None
    frame = stack.values.module_frame(application.module)
    target, line = binding.source.targets[0], binding.source.span.end_line + 1
    if stack.values.dotted(binding.value.func, frame) not in GET_ASGI_APPLICATION or len(binding.source.targets) != 1:
        return None
    module, name = lists[0]
    place = Location(application.path, facts.Span(line, 1, line, 1))
    return Fix(
        (Edit(frame.at(target), "django_asgi_app"), Edit(place, ROUTER.format(module, name, application.name))),
        safe=False,
        title="add a ProtocolTypeRouter",
    )


ROUTER = """
from channels.routing import ProtocolTypeRouter, URLRouter  # noqa: E402
from channels.security.websocket import AllowedHostsOriginValidator  # noqa: E402

from {0} import {1}  # noqa: E402

{2} = ProtocolTypeRouter(
    {{
        "http": django_asgi_app,
        "websocket": AllowedHostsOriginValidator(URLRouter({1})),
    }}
)
"""


def _naming(application: Application) -> Iterator[Related]:
    said = {"settings": "ASGI_APPLICATION names it", "command": "this command serves it"}
    return (Related(location, said[kind]) for kind, location in application.named_by if kind in said)


def _has_websockets(application: Application) -> bool:
    return any(isinstance(node, (ProtocolRouter, Router, UnknownApp)) for node in application.walk())


def _consumers(stack: Stack, application: Application) -> list[Consumer]:
    """The websocket consumers of the same project."""
    root = application.module.root
    return [
        consumer
        for consumer in stack.consumers
        if consumer.is_websocket
        and not consumer.in_tests
        and not consumer.vendored
        and stack.modules.root_of(consumer.path) == root
    ]


def _kinds(application: Application) -> set[str]:
    return {kind for kind, _ in application.named_by}


def _must_serve_websockets(stack: Stack, application: Application) -> bool:
    """Does a command (or, when there is no other application, ASGI_APPLICATION) name it, with consumers to serve?"""
    kinds = _kinds(application)
    others = [
        other
        for other in stack.applications
        if other is not application and not other.in_tests and other.module.root == application.module.root
    ]
    if "command" in kinds:
        others = [other for other in others if "command" in _kinds(other)]
    elif "settings" not in kinds:
        return False
    return not any(map(_has_websockets, others)) and bool(_consumers(stack, application))


def _must_serve_pages(stack: Stack, application: Application) -> bool:
    """Does daphne's runserver serve it, with URLs of Django in the project and nothing else that could serve them?"""
    settings = stack.settings_for(application.path)
    if "settings" not in _kinds(application) or settings is None or not settings.get("ROOT_URLCONF"):
        return False
    if not any(app.name == "daphne" for module in settings.serving for app in installed_apps(stack, module).apps):
        return False
    if any(process.command.program in WSGI_SERVERS for process in stack.processes):
        return False
    others = [other for other in stack.applications if other is not application and not other.in_tests]
    pages = any(isinstance(node, (DjangoApp, UnknownApp)) for node in application.walk())
    return not pages and not any(isinstance(node, DjangoApp) for other in others for node in other.walk())
