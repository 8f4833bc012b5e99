"""The ASGI modules that a server imports before anything else of the project."""

from __future__ import annotations

from collections.abc import Iterator

from wslint.stack.model import Application, DjangoApp, Stack


def entries(stack: Stack) -> Iterator[Application]:
    """One application of each: those that commands name, and the asgi modules of a project.

    A library's users write their own. What only ASGI_APPLICATION names is read by runserver, which has set Django up.
    """
    seen: set[str] = set()
    for application in own_applications(stack):
        served = any(kind == "command" for kind, _ in application.named_by)
        is_asgi = application.module.name.rpartition(".")[2] == "asgi" and is_of_a_project(stack, application)
        if (served or is_asgi) and application.module.path not in seen:
            seen.add(application.module.path)
            yield application


def own_applications(stack: Stack) -> Iterator[Application]:
    """The applications of the project's own code, WSGI ones left out."""
    for application in stack.applications:
        is_wsgi = all(isinstance(app, DjangoApp) and app.interface == "wsgi" for app in application.apps)
        if not (application.in_tests or application.vendored or is_wsgi):
            yield application


def is_of_a_project(stack: Stack, application: Application) -> bool:
    """Are there settings that are not for tests?"""
    settings = stack.settings_for(application.path)
    return settings is not None and bool(settings.serving)
