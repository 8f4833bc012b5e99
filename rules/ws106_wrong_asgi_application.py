from __future__ import annotations

from collections.abc import Iterator
from difflib import get_close_matches

from wslint.rule import Edit, Finding, Fix, Level, Location, Related, Rule
from wslint.stack import (
    Application,
    DjangoApp,
    ListApp,
    ProtocolRouter,
    Setting,
    Settings,
    Stack,
    below,
    calls_within,
    facts,
)
from wslint.stack.settings.environment import text_with_defaults
from wslint.stack.settings.installed import installed_apps
from wslint.stack.settings.misspelt import misspelt


class WrongAsgiApplication(Rule):
    """ASGI_APPLICATION names nothing, or something that is no ASGI application.

    Why: daphne's runserver and the live server tests import the object that ASGI_APPLICATION names: the dotted path of
    a module, a dot, an attribute. ASGI servers started from the command line do not read it, so a wrong value shows up
    in development only.

    See: runserver stops with `ImproperlyConfigured: Cannot import ASGI_APPLICATION module '…'`, `Cannot find '…' in
    ASGI_APPLICATION module …` or `CommandError: You have not set ASGI_APPLICATION`; with a WSGI application or a list
    it starts, and every connection is dropped with a TypeError in the log.

    Mend: `ASGI_APPLICATION = "config.asgi.application"`.

    Bad:
        # config/settings.py
        INSTALLED_APPS = ["daphne"]
        ASGI_APPLICATION = "config.asgi:application"
        # config/asgi.py
        from django.core.asgi import get_asgi_application

        application = get_asgi_application()

    Good:
        # config/settings.py
        INSTALLED_APPS = ["daphne"]
        ASGI_APPLICATION = "config.asgi.application"
        # config/asgi.py
        from django.core.asgi import get_asgi_application

        application = get_asgi_application()
    """

    code = "WS106"
    name = "wrong-asgi-application"
    level = Level.ERROR

    def settings(self, settings: Settings) -> Iterator[Finding]:
        seen: set[Location] = set()
        for module in settings.serving:
            for setting in module.get("ASGI_APPLICATION"):
                if setting.location not in seen:
                    seen.add(setting.location)
                    yield from self._judge(settings.stack, setting)
        absent = settings.complete and not any("ASGI_APPLICATION" in module.names for module in settings.modules)
        if absent and not any(misspelt(module, "ASGI_APPLICATION") for module in settings.serving):
            yield from self._missing(settings)

    def _judge(self, stack: Stack, setting: Setting) -> Iterator[Finding]:
        texts = {text_with_defaults(pattern, stack) for pattern in stack.texts.of(setting.expr, setting.frame)}
        named = texts.pop() if len(texts) == 1 else None
        if not named:
            return
        if ":" in named:
            found = f'"{named}" has a colon; ASGI_APPLICATION is a dotted path'
            yield self._wrong(
                stack, setting, named, found, "Cannot import ASGI_APPLICATION module", named.replace(":", ".")
            )
            return
        dotted, _, name = named.rpartition(".")
        if not dotted:
            found = f'"{named}" names no attribute'
            yield self._wrong(stack, setting, named, found, "Cannot find ASGI_APPLICATION setting.")
            return
        module = stack.modules.find(dotted, setting.location.path)
        if module is None:
            if _is_missing(stack, dotted, name, setting.location.path):
                found = f'there is no module "{dotted}" in the project'
                yield self._wrong(stack, setting, named, found, f"Cannot import ASGI_APPLICATION module '{dotted}'")
            return
        if module.facts.problem is not None or _is_dynamic(module.facts):
            return
        if name not in module.scope.bindings:
            if "*" not in module.scope.bindings and "__getattr__" not in module.scope.bindings:
                found = f'"{dotted}" has no "{name}"'
                error = f"Cannot find '{name}' in ASGI_APPLICATION module {dotted}"
                yield self._wrong(stack, setting, named, found, error)
            return
        yield from self._object(stack, setting, named, module.path, name)

    def _object(self, stack: Stack, setting: Setting, named: str, path: str, name: str) -> Iterator[Finding]:
        for application in stack.applications:
            if application.module.path == path and application.name == name and application.apps:
                if all(isinstance(app, DjangoApp) and app.interface == "wsgi" for app in application.apps):
                    error = "TypeError: WSGIHandler.__call__() got an unexpected keyword argument 'scope'"
                    yield self._wrong(stack, setting, named, f'"{named}" is a WSGI application', error, at=application)
                elif all(isinstance(app, ListApp) for app in application.apps):
                    error = "TypeError: 'list' object is not callable"
                    yield self._wrong(stack, setting, named, f'"{named}" is a list of routes', error, at=application)

    def _missing(self, settings: Settings) -> Iterator[Finding]:
        for module in settings.serving:
            daphne = installed_apps(settings.stack, module).find("daphne")
            if daphne is not None:
                yield self.finding(
                    daphne.location,
                    "`daphne` is in INSTALLED_APPS and no settings module sets ASGI_APPLICATION",
                    hint='set ASGI_APPLICATION = "…asgi.application"',
                    symptom="runserver stops: CommandError: You have not set ASGI_APPLICATION, which is needed …",
                    symbol="ASGI_APPLICATION",
                )
                return

    def _wrong(
        self,
        stack: Stack,
        setting: Setting,
        named: str,
        found: str,
        error: str,
        better: str | None = None,
        at: Application | None = None,
    ) -> Finding:
        better = better or _nearest(stack, named, setting)
        safe = better is not None and better == named.replace(":", ".")
        fix = None
        if better is not None and isinstance(setting.expr, facts.Constant):
            fix = Fix((Edit(setting.location, f'"{better}"'),), safe=safe, title=f'name "{better}"')
        return self.finding(
            setting.location,
            f"ASGI_APPLICATION: {found}",
            hint=f'use "{better}"' if better else 'name it as "package.module.attribute"',
            symptom=f"runserver fails: {error}",
            symbol="ASGI_APPLICATION",
            related=[Related(at.location, "this is what it names")] if at is not None else [],
            fix=fix,
        )


def _is_missing(stack: Stack, dotted: str, name: str, origin: str) -> bool:
    """Is it surely no module: its package is the project's, or a module of that name lies in another folder?"""
    if any(_changes_path(stack, path) for path in _starters(stack, origin)):
        return False
    if stack.modules.is_project(dotted, origin):
        return True
    relative = "/" + dotted.replace(".", "/") + ".py"
    found = [stack.modules.at(path) for path in stack.tree.python if path.endswith(relative)]
    return any(module is not None and name in module.scope.bindings for module in found)


def _starters(stack: Stack, origin: str) -> Iterator[str]:
    """Files that run before ASGI_APPLICATION is read."""
    yield origin
    root = stack.modules.root_of(origin)
    for path in stack.tree.python:
        if path.endswith("manage.py") and stack.modules.root_of(path) == root:
            yield path


def _changes_path(stack: Stack, path: str) -> bool:
    """Does a file touch `sys.path`, so that other folders may be import roots?"""
    module = stack.modules.at(path)
    nodes = [] if module is None else [node for statement in module.facts.body for node in below(statement)]
    return any(
        isinstance(node, facts.Attribute)
        and node.attr == "path"
        and isinstance(node.value, facts.Name)
        and node.value.id == "sys"
        for node in nodes
    )


def _is_dynamic(file: facts.PythonFile) -> bool:
    """Does a module put names into itself by `globals()`, `exec` or the like?"""
    names = {call.func.id for call in calls_within(file.body) if isinstance(call.func, facts.Name)}
    return bool(names & {"globals", "exec", "vars", "locals", "setattr"})


def _nearest(stack: Stack, named: str, setting: Setting) -> str | None:
    """The application that is likely meant: the only one of the project with websockets, else a close name."""
    root = stack.modules.root_of(setting.location.path)
    found = {
        f"{application.module.name}.{application.name}": application
        for application in stack.applications
        if application.module.root == root
        and not application.in_tests
        and f"{application.module.name}.{application.name}" != named
    }
    routers = [
        dotted
        for dotted, application in found.items()
        if any(isinstance(node, ProtocolRouter) for node in application.walk())
    ]
    if len(routers) == 1:
        return routers[0]
    return next(iter(get_close_matches(named, found, 1, 0.8)), None)
