"""Which application must answer the HTTP requests of a project, as far as its files tell."""

from __future__ import annotations

from wslint.knowledge.channels import ALLOWED_HOSTS_VALIDATOR, AUTH_STACK, ORIGIN_VALIDATOR, SESSION_STACK
from wslint.location import Location
from wslint.stack.model import App, Application, DjangoApp, Process, ProtocolRouter, Stack, UnknownApp, Wrapper
from wslint.stack.project.servers import SERVERS
from wslint.stack.settings.installed import installed_apps

TRANSPARENT = frozenset(
    {
        "sentry_sdk.integrations.asgi.SentryAsgiMiddleware",
        "django.contrib.staticfiles.handlers.ASGIStaticFilesHandler",
        ALLOWED_HOSTS_VALIDATOR,
        AUTH_STACK,
        ORIGIN_VALIDATOR,
        SESSION_STACK,
    }
)
"""Wrappers that hand every scope on and serve nothing themselves."""

WSGI_SERVERS = frozenset({"gunicorn", "uwsgi", "waitress-serve", "mod_wsgi-express", "gevent", "bjoern"})

_PROXIES = ("nginx", "caddy", "traefik", "haproxy", "apache", "httpd", "proxy", "ingress", "vhost")


def core(app: App) -> App:
    """What is inside wrappers that serve nothing themselves."""
    while isinstance(app, Wrapper) and app.dotted in TRANSPARENT and len(app.inner) == 1:
        app = app.inner[0]
    return app


def asked_for_pages(stack: Stack, application: Application) -> Location | None:
    """What makes it the only one that answers HTTP: ASGI_APPLICATION under daphne's runserver, or the one command.

    None when there are no pages, or when anything else may serve them: a WSGI server, another application, a proxy
    that sends some paths elsewhere.
    """
    settings = stack.settings_for(application.path)
    if settings is None or not settings.get("ROOT_URLCONF") or _others(stack, application):
        return None
    if any(_is_wsgi(process) for process in stack.processes):
        return None
    places = dict(reversed(application.named_by))
    daphne = [installed_apps(stack, module).find("daphne") for module in settings.serving]
    if "settings" in places and any(daphne):
        return places["settings"]
    if "command" in places and not _has_proxy(stack):
        serving = [process for process in stack.processes if _serves(process) and process.command.source != "hint"]
        if serving and {process.command.target for process in serving} == {_target(application)}:
            return serving[0].location
    return None


def _target(application: Application) -> str:
    return f"{application.module.name}:{application.name}"


def _is_asgi(process: Process) -> bool:
    words = process.command.words
    return process.command.program in SERVERS or any("uvicorn" in word.lower() for word in words)


def _is_wsgi(process: Process) -> bool:
    return process.command.program in WSGI_SERVERS and not _is_asgi(process)


def _serves(process: Process) -> bool:
    return _is_asgi(process) or process.command.program == "runserver"


def _others(stack: Stack, application: Application) -> bool:
    """May another application of the tree answer HTTP?"""
    return any(
        isinstance(node, (DjangoApp, UnknownApp)) or (isinstance(node, ProtocolRouter) and "http" in node.entries)
        for other in stack.applications
        if other is not application and not other.in_tests
        for node in other.walk()
    )


def _has_proxy(stack: Stack) -> bool:
    return any(word in path.lower() for path in stack.tree.paths for word in _PROXIES)
