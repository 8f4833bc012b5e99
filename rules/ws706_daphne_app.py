from __future__ import annotations

from collections.abc import Iterator

from wslint.rule import Edit, Finding, Fix, Level, Location, Related, Rule
from wslint.stack import Packages, Settings, SettingsModule, Stack, below, facts
from wslint.stack.model import Process
from wslint.stack.settings.installed import InstalledApp, installed_apps

STATICFILES = "django.contrib.staticfiles"
ASGI_SERVERS = ("daphne", "uvicorn", "hypercorn", "granian")


class DaphneApp(Rule):
    """`daphne` stands after staticfiles in INSTALLED_APPS, or is not there though runserver is used.

    Why: since Channels 4 the runserver that speaks WebSocket comes with the app `daphne`. Of two apps with a runserver
    the first wins, and `django.contrib.staticfiles` has one too.

    See: after staticfiles: `(daphne.E001) Daphne must be listed before django.contrib.staticfiles in INSTALLED_APPS.`
    and runserver, check and migrate stop. Without it: "Starting development server" without "ASGI/Daphne" in the
    banner, and every handshake is answered with HTTP 404 "Not Found: /ws/…".

    Mend: put `"daphne"` at the head of INSTALLED_APPS, or start a server that speaks ASGI (`uvicorn --reload`).

    Bad:
        # config/settings.py
        INSTALLED_APPS = ["django.contrib.staticfiles", "daphne"]
        ASGI_APPLICATION = "config.asgi.application"

    Good:
        # config/settings.py
        INSTALLED_APPS = ["daphne", "django.contrib.staticfiles"]
        ASGI_APPLICATION = "config.asgi.application"
    """

    code = "WS706"
    name = "daphne-app"
    level = Level.ERROR

    def settings(self, settings: Settings) -> Iterator[Finding]:
        stack = settings.stack
        if stack.packages.surely_below("channels", "4") or stack.packages.surely_below("daphne", "4"):
            return
        seen: set[Location] = set()
        for module in settings.serving:
            for finding in self._order(stack, module):
                if finding.location not in seen:
                    seen.add(finding.location)
                    yield finding
        if not seen:
            yield from self._absent(settings)

    def _order(self, stack: Stack, module: SettingsModule) -> Iterator[Finding]:
        installed = installed_apps(stack, module)
        daphne, static = installed.find("daphne"), installed.find(STATICFILES)
        if daphne is None or static is None or installed.apps.index(daphne) < installed.apps.index(static):
            return
        if not installed.complete and not _in_one_list(daphne, static):
            return
        yield self.finding(
            daphne.location,
            "`daphne` must stand before `django.contrib.staticfiles` in INSTALLED_APPS",
            hint='put "daphne" first',
            symptom="manage.py stops: (daphne.E001) Daphne must be listed before django.contrib.staticfiles",
            symbol="daphne",
            related=[Related(static.location, "staticfiles comes first")],
            fix=_swap(stack, daphne, static),
        )

    def _absent(self, settings: Settings) -> Iterator[Finding]:
        """No module has daphne, Channels 4 is required, and runserver is how the project is started."""
        stack = settings.stack
        packages = _packages(settings)
        if not packages.named("channels") or packages.capped_below("channels", "4"):
            return
        if not any(consumer.is_websocket for consumer in stack.consumers):
            return
        commands = [process for process in settings.processes if process.command.program == "runserver"]
        if not commands or any(_is_asgi(stack, process) for process in stack.processes):
            return
        installed = [installed_apps(stack, module) for module in settings.serving]
        if not all(apps.complete for apps in installed) or any(apps.find("daphne") for apps in installed):
            return
        for module in settings.serving:
            binding = next(iter(module.module.scope.bindings.get("INSTALLED_APPS", ())), None)
            if binding is None or not isinstance(binding.source, facts.Assign) or binding.value is None:
                continue
            frame = stack.values.module_frame(module.module)
            yield self.finding(
                frame.at(binding.source.targets[0]),
                "runserver is used and INSTALLED_APPS lacks `daphne`: since Channels 4 it serves no websockets without",
                hint='put "daphne" at the head of INSTALLED_APPS, or start uvicorn or daphne',
                symptom="every websocket handshake ends in HTTP 404 (Not Found: /ws/…); the banner lacks ASGI/Daphne",
                level=Level.WARNING,
                symbol="INSTALLED_APPS",
                related=[Related(process.location, "started with runserver here") for process in commands[:1]],
                fix=_insert(frame.path, binding.value),
            )
            return


def _packages(settings: Settings) -> Packages:
    """What this project requires: its own folder's files when they name Channels, else those of the whole tree."""
    everything = settings.stack.packages
    own = Packages([(path, file) for path, file in everything.files if path.startswith(settings.root + "/")])
    return own if settings.root and own.named("channels") else everything


def _is_asgi(stack: Stack, process: Process) -> bool:
    """Does a command start an ASGI server, itself or through a management command of the project?"""
    if process.command.program in ASGI_SERVERS:
        return True
    written = f"/management/commands/{process.command.subcommand}.py"
    found = [stack.modules.at(path) for path in stack.tree.python if path.endswith(written)]
    return any(module is not None and _names_asgi_server(module.facts) for module in found)


def _names_asgi_server(file: facts.PythonFile) -> bool:
    for node in (node for statement in file.body for node in (statement, *below(statement))):
        match node:
            case facts.Constant(value=str() as text) if any(server in text for server in ASGI_SERVERS):
                return True
            case facts.Import(module=module, names=names):
                if {module, *(name.name for name in names)} & set(ASGI_SERVERS):
                    return True
    return False


def _swap(stack: Stack, daphne: InstalledApp, static: InstalledApp) -> Fix | None:
    """Exchange the two literals, when one list holds both."""
    if daphne.frame is not static.frame or not _in_one_list(daphne, static):
        return None
    texts = [stack.values.constant(app.expr, app.frame) for app in (daphne, static)]
    edits = (Edit(daphne.location, f'"{texts[1]}"'), Edit(static.location, f'"{texts[0]}"'))
    return Fix(edits, safe=True, title="put daphne before staticfiles")


def _in_one_list(daphne: InstalledApp, static: InstalledApp) -> bool:
    for bindings in daphne.frame.scope.bindings.values():
        for binding in bindings:
            if isinstance(binding.value, facts.Sequence):
                items = [id(item) for item in binding.value.items]
                if id(daphne.expr) in items:
                    return id(static.expr) in items
    return False


def _insert(path: str, value: facts.Expr) -> Fix | None:
    if not isinstance(value, facts.Sequence) or not value.items:
        return None
    first = value.items[0].span
    place = Location(path, first.begin)
    line_break = "\n" + " " * (first.column - 1) if first.line > value.span.line else " "
    return Fix((Edit(place, f'"daphne",{line_break}'),), safe=False, title='add "daphne"')
