from __future__ import annotations

from collections.abc import Iterator

from wslint.knowledge.channels import ALLOWED_HOSTS_VALIDATOR, ORIGIN_VALIDATOR
from wslint.rule import Finding, Level, Location, Rule
from wslint.stack import App, DjangoApp, ProtocolRouter, Stack, Wrapper


class OriginValidatorOnHttp(Rule):
    """An origin validator stands around the HTTP application, or around the whole ProtocolTypeRouter.

    Why: OriginValidator and AllowedHostsOriginValidator handle websocket connections only, and raise for every other
    scope type. Around the ProtocolTypeRouter they see HTTP requests too.

    See: websockets work, and every HTTP request ends in 500: `ValueError: You cannot use OriginValidator on a
    non-WebSocket connection`.

    Mend: put the validator around the value of the "websocket" key; Django checks Host and CSRF itself.

    Bad:
        # asgi.py
        from channels.routing import ProtocolTypeRouter, URLRouter
        from channels.security.websocket import AllowedHostsOriginValidator
        from django.core.asgi import get_asgi_application

        application = AllowedHostsOriginValidator(
            ProtocolTypeRouter({"http": get_asgi_application(), "websocket": URLRouter([])})
        )

    Good:
        # asgi.py
        from channels.routing import ProtocolTypeRouter, URLRouter
        from channels.security.websocket import AllowedHostsOriginValidator
        from django.core.asgi import get_asgi_application

        application = ProtocolTypeRouter(
            {"http": get_asgi_application(), "websocket": AllowedHostsOriginValidator(URLRouter([]))}
        )
    """

    code = "WS110"
    name = "origin-validator-on-http"
    level = Level.ERROR

    def stack(self, stack: Stack) -> Iterator[Finding]:
        seen: set[Location] = set()
        for validator, around in _misplaced(stack):
            if validator.call is None:
                continue
            place = validator.frame.at(validator.call.func)
            if place not in seen:
                seen.add(place)
                yield self.finding(
                    place,
                    f"`{validator.name}` stands around {around}",
                    hint='put it around the value of the "websocket" key only',
                    symptom="every HTTP request ends in 500: ValueError: You cannot use OriginValidator on a "
                    "non-WebSocket connection",
                    symbol=validator.name,
                )


def _misplaced(stack: Stack) -> Iterator[tuple[Wrapper, str]]:
    for router in stack.protocol_routers:
        apps = router.entries.get("http", ())
        for app in apps if len(apps) == 1 else ():
            for wrapper in _chain(app):
                if _is_validator(wrapper):
                    yield wrapper, "the HTTP application"
    for wrapper in stack.wrappers:
        if _is_validator(wrapper) and wrapper.inner:
            kinds = {_serves_http(app) for app in wrapper.inner}
            if len(kinds) == 1 and "" not in kinds:
                yield wrapper, kinds.pop()


def _chain(app: App) -> Iterator[Wrapper]:
    """The wrappers around an application, outermost first, as far as there is only one way."""
    while isinstance(app, Wrapper):
        yield app
        if len(app.inner) != 1:
            return
        app = app.inner[0]


def _serves_http(app: App) -> str:
    """What serves HTTP below a wrapper, nothing when that is not sure."""
    *_, last = [app, *(wrapper.inner[0] for wrapper in _chain(app) if len(wrapper.inner) == 1)]
    match last:
        case DjangoApp(interface="asgi"):
            return "Django's own application"
        case ProtocolRouter(entries=entries) if "http" in entries:
            return "the whole ProtocolTypeRouter"
        case _:
            return ""


def _is_validator(wrapper: Wrapper) -> bool:
    return wrapper.dotted in (ORIGIN_VALIDATOR, ALLOWED_HOSTS_VALIDATOR)
