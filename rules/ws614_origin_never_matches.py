from __future__ import annotations

import re
from collections.abc import Iterator

from wslint.rule import Edit, Finding, Fix, Level, Location, Related, Rule
from wslint.stack import Stack
from wslint.stack.settings.validators import Allowed, allowed

HOST_AND_PORT = re.compile(r"([a-zA-Z][\w.-]*):(\d+)/?")
"""urlparse() takes the host for a scheme; a host that begins with a digit is left alone by newer Pythons."""


class OriginNeverMatches(Rule):
    """An origin that is listed for an origin validator can never match.

    Why: OriginValidator compares the Origin header that browsers send, `https://app.example.com` (with a port when it
    is not 80 or 443). An entry with a scheme must be equal in scheme and port; one without is compared by host. In
    `localhost:3000` the host is read as the scheme; `*` is no wildcard within a name; browsers never send `ws://` or
    `wss://`. AllowedHostsOriginValidator compares hosts alone, so an entry of ALLOWED_HOSTS with a port matches none.

    See: HTTP 403 at the handshake, close code 1006 in the browser, and nothing in the log but the refused request.

    Mend: write `http://localhost:3000`, `.example.com` for a domain with its subdomains, and hosts without ports in
    ALLOWED_HOSTS.

    Bad:
        from channels.generic.websocket import AsyncWebsocketConsumer
        from channels.routing import ProtocolTypeRouter, URLRouter
        from channels.security.websocket import OriginValidator
        from django.core.asgi import get_asgi_application
        from django.urls import path

        class ChatConsumer(AsyncWebsocketConsumer):
            pass

        websockets = URLRouter([path("ws/", ChatConsumer.as_asgi())])
        application = ProtocolTypeRouter(
            {"http": get_asgi_application(), "websocket": OriginValidator(websockets, ["localhost:3000"])}
        )

    Good:
        from channels.generic.websocket import AsyncWebsocketConsumer
        from channels.routing import ProtocolTypeRouter, URLRouter
        from channels.security.websocket import OriginValidator
        from django.core.asgi import get_asgi_application
        from django.urls import path

        class ChatConsumer(AsyncWebsocketConsumer):
            pass

        websockets = URLRouter([path("ws/", ChatConsumer.as_asgi())])
        application = ProtocolTypeRouter(
            {"http": get_asgi_application(), "websocket": OriginValidator(websockets, ["http://localhost:3000"])}
        )
    """

    code = "WS614"
    name = "origin-never-matches"
    level = Level.ERROR

    def stack(self, stack: Stack) -> Iterator[Finding]:
        told: set[Location] = set()
        for listed in allowed(stack):
            faults = [(location, *fault) for text, location in listed.entries if (fault := _fault(text, listed))]
            if listed.text not in (None, "*") and not listed.by_host:
                better = _fault(listed.text or "", listed)
                mended = f'["{better[1] if better is not None and better[1] else listed.text}"]'
                faults = [(listed.location, "is one text, and each of its letters is taken for an origin", mended)]
            for location, what, better_text in faults:
                if location not in told:
                    told.add(location)
                    yield self._finding(listed, location, what, better_text)

    def _finding(self, listed: Allowed, location: Location, what: str, better: str | None) -> Finding:
        quoted = better if better is None or better.startswith("[") else f'"{better}"'
        return self.finding(
            location,
            f"{listed.name} of {listed.wrapper.name} {what}" if listed.text else f"{what}",
            hint=f"write {quoted}" if quoted else "list the origin as a browser sends it",
            symptom="HTTP 403 at the handshake for that origin, close code 1006 in the browser",
            related=[Related(listed.wrapper.location, f"{listed.wrapper.name} compares origins with it")],
            fix=None if quoted is None else Fix((Edit(location, quoted),), safe=True, title=f"write {quoted}"),
        )


def _fault(text: str, listed: Allowed) -> tuple[str, str | None] | None:
    """(what is wrong with an entry, what to write), when no origin of a browser can match it."""
    port = HOST_AND_PORT.fullmatch(text)
    if listed.by_host:
        if port is None:
            return None
        return f"`{text}` has a port, and only hosts are compared", port[1]
    if port is not None:
        scheme = "http" if port[1] == "localhost" else "https"
        return f"`{text}` is read as a URL of the scheme `{port[1]}`", f"{scheme}://{port[1]}:{port[2]}"
    if "*" in text and text != "*":
        domain = re.fullmatch(r"(https?://)?\*(\.[\w.-]+\w)", text)
        better = f"{domain[1] or ''}{domain[2]}" if domain is not None else None
        return f"the `*` in `{text}` is no wildcard", better
    if text.startswith(("ws://", "wss://")):
        return f"`{text}`: browsers send the address of the page, http or https", text.replace("ws", "http", 1)
    if text.startswith("//") and len(text) > 2:
        return f"`{text}` is taken for a path", text.removeprefix("//")
    return None
