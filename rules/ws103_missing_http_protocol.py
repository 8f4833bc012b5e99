from __future__ import annotations

from collections.abc import Iterator

from wslint.knowledge.channels import GET_ASGI_APPLICATION
from wslint.rule import Edit, Finding, Fix, Level, Location, Related, Rule
from wslint.stack import Application, ProtocolRouter, Stack, argument, facts, within
from wslint.stack.code.edits import import_edit, import_line
from wslint.stack.routing.pages import asked_for_pages, core


class MissingHttpProtocol(Rule):
    """The ProtocolTypeRouter that must serve the pages too has no "http" entry.

    Why: up to Channels 3 a router without "http" was given Django's own application. Channels 4 gives it nothing: what
    is not in the dict is not served.

    See: websockets work, and every HTTP request ends in 500: `ValueError: No application configured for scope type
    'http'.` With daphne among the installed apps runserver is hit as well.

    Mend: `"http": get_asgi_application()`. A process for websockets only, behind a proxy that sends pages elsewhere, is
    right as it is; the rule is silent when it sees a WSGI server, a second application or such a proxy.

    Bad:
        # config/settings.py
        INSTALLED_APPS = ["daphne", "chat"]
        ROOT_URLCONF = "config.urls"
        ASGI_APPLICATION = "config.asgi.application"
        # config/asgi.py
        from channels.routing import ProtocolTypeRouter, URLRouter
        from channels.security.websocket import AllowedHostsOriginValidator
        from chat.routing import routes

        application = ProtocolTypeRouter({"websocket": AllowedHostsOriginValidator(URLRouter(routes))})
        # chat/routing.py
        from django.urls import path
        from chat.consumers import Chat

        routes = [path("ws/chat/", Chat.as_asgi())]
        # chat/consumers.py
        from channels.generic.websocket import AsyncWebsocketConsumer

        class Chat(AsyncWebsocketConsumer):
            pass

    Good:
        # config/settings.py
        INSTALLED_APPS = ["daphne", "chat"]
        ROOT_URLCONF = "config.urls"
        ASGI_APPLICATION = "config.asgi.application"
        # config/asgi.py
        from channels.routing import ProtocolTypeRouter, URLRouter
        from channels.security.websocket import AllowedHostsOriginValidator
        from chat.routing import routes
        from django.core.asgi import get_asgi_application

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

        class Chat(AsyncWebsocketConsumer):
            pass
    """

    code = "WS103"
    name = "missing-http-protocol"
    level = Level.WARNING

    def stack(self, stack: Stack) -> Iterator[Finding]:
        if stack.packages.capped_below("channels", "4") or stack.packages.capped_below("daphne", "4"):
            return
        seen: set[Location] = set()
        for application in stack.applications:
            if application.in_tests or application.vendored or len(application.apps) != 1:
                continue
            router = core(application.apps[0])
            if not isinstance(router, ProtocolRouter) or not _lacks_http(router):
                continue
            place = router.frame.at(router.call.func)
            asked = asked_for_pages(stack, application)
            if asked is not None and place not in seen:
                seen.add(place)
                yield self._absent(stack, application, router, asked)

    def _absent(self, stack: Stack, application: Application, router: ProtocolRouter, asked: Location) -> Finding:
        return self.finding(
            router.frame.at(router.call.func),
            f'ProtocolTypeRouter has no "http" entry, and `{application.name}` is what must serve the pages too',
            hint='add `"http": get_asgi_application()`',
            symptom="since Channels 4 every HTTP request ends in 500: ValueError: No application configured for scope "
            "type 'http'.",
            related=[Related(asked, "this makes it the only application that is asked for pages")],
            fix=_fix(stack, router),
        )


def _lacks_http(router: ProtocolRouter) -> bool:
    """Has it a "websocket" entry, surely no "http", and is its `application_mapping` left alone?"""
    body = router.frame.module.facts.body
    changed = any(isinstance(node, facts.Attribute) and node.attr == "application_mapping" for node in within(body))
    return router.complete and "websocket" in router.entries and "http" not in router.entries and not changed


def _fix(stack: Stack, router: ProtocolRouter) -> Fix | None:
    """The entry before the first one of a dict that is written in the call; its value is made once."""
    mapping = argument(router.call, 0, "application_mapping")
    if not isinstance(mapping, facts.Dict) or not mapping.items or router.frame.scope.node is not None:
        return None
    path, first, opening = router.frame.path, mapping.items[0].span, mapping.span
    apart = ",\n" + " " * (first.column - 1) if first.line != opening.line else ", "
    made, added = _made(stack, router), None
    if made is None:
        made = "get_asgi_application()"
        line = import_line(stack, path, "django.core.asgi", "get_asgi_application")
        added = import_edit(stack, path, [line], of_project=False) if line is not None else None
        if line is not None and added is None:
            return None
    place = Location(path, first.begin)
    entry = Edit(place, f'"http": {made}{apart}')
    return Fix((entry,) if added is None else (entry, added), safe=False, title='add "http"')


def _made(stack: Stack, router: ProtocolRouter) -> str | None:
    """The name that holds Django's application above the router, if there is one."""
    begin = (router.call.span.line, router.call.span.column)
    for name, bindings in router.frame.scope.bindings.items():
        value = bindings[0].value
        if len(bindings) > 1 or not isinstance(value, facts.Call) or bindings[0].place > begin:
            continue
        if stack.values.dotted(value.func, router.frame) in GET_ASGI_APPLICATION:
            return name
    return None
