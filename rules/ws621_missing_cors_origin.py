from __future__ import annotations

import re
from collections.abc import Iterator

from wslint.rule import Finding, Level, Location, Related, Rule
from wslint.stack import Lists, Literal, Settings
from wslint.stack.project.frontends import frontends
from wslint.stack.settings.origins import (
    CORS_ALLOW_ALL,
    CORS_LISTS,
    CORS_REGEXES,
    Entry,
    Origin,
    OriginList,
    cors_is_decided_in_code,
    origin_lists,
    origin_of,
    texts_of,
)

APP, MIDDLEWARE = "corsheaders", "corsheaders.middleware.CorsMiddleware"
FRONTEND = re.compile(
    r"^(FRONT_?END|FRONT|CLIENT|SPA|REACT(_APP)?|VUE|NEXT(JS)?|ANGULAR|VITE|UI|WEB_?(APP|CLIENT))"
    r"(_(BASE|SITE|APP|PUBLIC))?_(URL|URI|ORIGIN|HOST|ADDRESS)S?$"
)
SAME_SERVER = re.compile(r"^(localhost|127\.0\.0\.1|0\.0\.0\.0)$")
DJANGO_PORTS = (8000, 8001, 8080)
WEBSOCKETS = (
    "CORS settings do not guard websockets: a handshake needs OriginValidator or AllowedHostsOriginValidator, and "
    "OriginValidator(…, settings.CORS_ALLOWED_ORIGINS) can use the same list"
)


class MissingCorsOrigin(Rule):
    """django-cors-headers is in use, and the origin of the project's own frontend is in none of its lists.

    Why: django-cors-headers adds its headers only for origins that CORS_ALLOWED_ORIGINS (or a regex) holds, compared
    with scheme and port. With no list at all it adds none. `http://localhost:3000` is not `http://localhost:5173`.

    See: the browser blocks the frontend's requests: "No 'Access-Control-Allow-Origin' header is present on the
    requested resource". The websocket of the same page connects all the same, for CORS says nothing about websockets:
    from where a handshake may come is decided by an origin validator in the ASGI application, with a list of its own
    (ALLOWED_HOSTS, or the CORS list handed to OriginValidator).

    Mend: add the origin, scheme and port included, to CORS_ALLOWED_ORIGINS.

    Bad:
        # config/settings.py
        import os
        INSTALLED_APPS = ["daphne", "corsheaders"]
        MIDDLEWARE = ["corsheaders.middleware.CorsMiddleware", "django.middleware.common.CommonMiddleware"]
        FRONTEND_URL = os.environ.get("FRONTEND_URL", "http://localhost:5173")
        CORS_ALLOWED_ORIGINS = ["http://localhost:3000"]

    Good:
        # config/settings.py
        import os
        INSTALLED_APPS = ["daphne", "corsheaders"]
        MIDDLEWARE = ["corsheaders.middleware.CorsMiddleware", "django.middleware.common.CommonMiddleware"]
        FRONTEND_URL = os.environ.get("FRONTEND_URL", "http://localhost:5173")
        CORS_ALLOWED_ORIGINS = [FRONTEND_URL]
    """

    code = "WS621"
    name = "missing-cors-origin"
    level = Level.WARNING

    def settings(self, settings: Settings) -> Iterator[Finding]:
        use = _use(settings)
        if use is None or cors_is_decided_in_code(settings.stack):
            return
        lists = list(origin_lists(settings, CORS_LISTS))
        regexes = list(origin_lists(settings, CORS_REGEXES))
        allow_all = [
            module for module in settings.serving for name in CORS_ALLOW_ALL if _is_on(settings, module.own, name)
        ]
        if allow_all or not _is_readable(settings):
            return
        if all(_is_empty(item) for item in (*lists, *regexes)):
            yield self._none(use, lists)
        elif all(item.complete or (item.from_environment and item.entries) for item in (*lists, *regexes)):
            yield from self._frontends(settings, lists, regexes)
            if all(item.complete for item in (*lists, *regexes)):
                yield from self._services(settings, lists, regexes)

    def _none(self, use: Location, lists: list[OriginList]) -> Finding:
        empty = next((item for item in lists), None)
        what = f"{empty.name} is empty" if empty is not None else "no CORS_ALLOWED_ORIGINS, regexes or allow-all is set"
        return self.finding(
            use if empty is None else empty.location,
            f"django-cors-headers is in use and {what}: no other origin may read an answer",
            hint=f"list the origins of the pages, scheme and port included, in CORS_ALLOWED_ORIGINS. {WEBSOCKETS}",
            symptom="browser console: No 'Access-Control-Allow-Origin' header is present on the requested resource; "
            "websockets of the same page connect all the same",
            symbol="CORS_ALLOWED_ORIGINS",
            related=[Related(use, "django-cors-headers is used here")] if empty is not None else [],
        )

    def _frontends(self, settings: Settings, lists: list[OriginList], regexes: list[OriginList]) -> Iterator[Finding]:
        allowed = {_without_default_port(origin) for item in lists for origin in item.origins}
        patterns = [entry.text for item in regexes for entry in item.entries]
        defaults = any(item.from_environment for item in (*lists, *regexes))
        seen: set[Location] = set()
        for name, entry, origin, literal in _named_frontends(settings):
            if literal and defaults:
                continue  # a default of the environment says nothing about where a literal is meant
            if entry.location in seen or _without_default_port(origin) in allowed or _is_own(origin, settings):
                continue
            if any(_matches(pattern, str(origin)) for pattern in patterns):
                continue
            seen.add(entry.location)
            near = next((other for other in sorted(allowed) if other.host == origin.host), None)
            listed = next((item for item in lists), None)
            where = listed.name if listed is not None else CORS_REGEXES[0]
            why = f" ({near} is: another {'port' if near.scheme == origin.scheme else 'scheme'})" if near else ""
            yield self.finding(
                entry.location,
                f"{name} is {origin}, and that origin is not in {where}{why}",
                hint=f"add {str(origin)!r} to {where}. {WEBSOCKETS}",
                symptom=f"requests of pages from {origin} are blocked: No 'Access-Control-Allow-Origin' header is "
                "present on the requested resource; their websockets connect all the same",
                symbol=name,
                related=[Related(item.location, f"{item.name} lacks it") for item in (*lists, *regexes)],
            )

    def _services(self, settings: Settings, lists: list[OriginList], regexes: list[OriginList]) -> Iterator[Finding]:
        """Frontends that a compose file publishes on a port that no origin of any list has."""
        if not lists:
            return
        allowed = [origin for item in lists for origin in item.origins]
        patterns = [entry.text for item in regexes for entry in item.entries]
        named = {origin.port for _, _, origin, _ in _named_frontends(settings)}  # these speak for themselves
        for frontend in frontends(settings.stack, settings.root):
            origin = Origin("http", "localhost", frontend.port)
            listed = any(other.port == frontend.port for other in allowed)
            if listed or frontend.port in (80, 443, *DJANGO_PORTS, *named):
                continue
            if any(_matches(pattern, str(origin)) for pattern in patterns):
                continue
            first = lists[0]
            yield self.finding(
                first.location,
                f"the service {frontend.service} serves pages at {origin}, and that origin is not in {first.name}",
                hint=f"add {str(origin)!r} to {first.name}. {WEBSOCKETS}",
                symptom=f"requests of pages from {origin} are blocked: No 'Access-Control-Allow-Origin' header is "
                "present on the requested resource; their websockets connect all the same",
                symbol=first.name,
                related=[Related(frontend.location, f"{frontend.service} is published on port {frontend.port}")],
            )


def _use(settings: Settings) -> Location | None:
    """Where the project switches django-cors-headers on: its app, else its middleware."""
    lists = Lists(settings.stack.values)
    for name, wanted in (("INSTALLED_APPS", APP), ("MIDDLEWARE", MIDDLEWARE), ("MIDDLEWARE_CLASSES", MIDDLEWARE)):
        for module in settings.serving:
            for setting in module.own.get(name, ()):
                for expr, frame in lists.of(setting.expr, setting.frame).items:
                    if settings.stack.values.constant(expr, frame) == wanted:
                        return frame.at(expr)
    return None


def _is_on(settings: Settings, own: object, name: str) -> bool:
    """Does a module set allow-all to anything but False?"""
    assert isinstance(own, dict)
    values = settings.stack.values
    return any(values.constant(setting.expr, setting.frame) is not False for setting in own.get(name, ()))


def _is_readable(settings: Settings) -> bool:
    return all(module.complete for module in settings.serving)


def _is_empty(item: OriginList) -> bool:
    return item.complete and not item.entries and not item.from_environment


def _named_frontends(settings: Settings) -> Iterator[tuple[str, Entry, Origin, bool]]:
    """The web origins of settings that are named after the frontend, and whether each is a plain literal."""
    for module in settings.serving:
        for name, found in module.own.items():
            if not FRONTEND.search(name):
                continue
            for setting in found:
                literal = isinstance(settings.stack.values.one(setting.expr, setting.frame), Literal)
                for entry in texts_of(setting, settings.stack.values):
                    origin = origin_of(entry.text)
                    if origin is not None and origin.scheme in ("http", "https"):
                        yield name, entry, origin, literal


def _is_own(origin: Origin, settings: Settings) -> bool:
    """Could Django itself serve the pages, so that they need no CORS?"""
    if SAME_SERVER.match(origin.host):
        return origin.port in DJANGO_PORTS
    hosts = {entry.text for item in origin_lists(settings, ("ALLOWED_HOSTS",)) for entry in item.entries}
    return origin.host in hosts or any(host.startswith(".") and f".{origin.host}".endswith(host) for host in hosts)


def _without_default_port(origin: Origin) -> Origin:
    default = {"http": 80, "https": 443}.get(origin.scheme)
    return origin if origin.port is not None else origin._replace(port=default)


def _matches(pattern: str, origin: str) -> bool:
    try:
        return re.match(pattern, origin) is not None
    except re.error:
        return True
