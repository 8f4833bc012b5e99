from __future__ import annotations

from collections.abc import Iterator

from wslint.rule import Edit, Finding, Fix, Level, Location, Rule
from wslint.stack import Literal, Settings, SettingsModule, Stack, below, facts
from wslint.stack.settings.installed import InstalledApp, installed_apps
from wslint.stack.settings.misspelt import edits, misspelt


class MisspeltSetting(Rule):
    """A setting or installed app of Channels is written with a wrong name.

    Why: Django takes any name in capitals for a setting and complains about none. Channels looks for CHANNEL_LAYERS and
    ASGI_APPLICATION, finds neither, and goes on as if nothing were configured. A wrong name in INSTALLED_APPS is
    noticed, at least, when the process starts.

    See: `CHANNELS_LAYERS`: `self.channel_layer` is None, and the first use drops the socket with `AttributeError:
    'NoneType' object has no attribute 'group_add'`. `ASGI_APLICATION`: runserver stops with `CommandError: You have not
    set ASGI_APPLICATION`. `"channles"`: every command stops with `ModuleNotFoundError: No module named 'channles'`.

    Mend: write CHANNEL_LAYERS, ASGI_APPLICATION, `"channels"`, `"daphne"`.

    Bad:
        # config/settings.py
        INSTALLED_APPS = ["daphne"]
        ASGI_APPLICATION = "config.asgi.application"
        CHANNELS_LAYERS = {"default": {"BACKEND": "channels.layers.InMemoryChannelLayer"}}

    Good:
        # config/settings.py
        INSTALLED_APPS = ["daphne"]
        ASGI_APPLICATION = "config.asgi.application"
        CHANNEL_LAYERS = {"default": {"BACKEND": "channels.layers.InMemoryChannelLayer"}}
    """

    code = "WS707"
    name = "misspelt-setting"
    level = Level.ERROR

    def settings(self, settings: Settings) -> Iterator[Finding]:
        for right, symptom in SETTINGS.items():
            if settings.complete and not any(right in module.names for module in settings.modules):
                yield from self._settings(settings, right, symptom)
        seen: set[Location] = set()
        for module in settings.serving:
            for app, right in _misspelt_apps(settings.stack, module):
                if app.location not in seen:
                    seen.add(app.location)
                    yield self._app(app, right)

    def _settings(self, settings: Settings, right: str, symptom: str) -> Iterator[Finding]:
        for module in settings.serving:
            for name in misspelt(module, right):
                if _is_read(settings.stack, name) or not _may_be(settings.stack, module, name, right):
                    continue
                for place in _assignments(module, name):
                    yield self.finding(
                        place,
                        f"`{name}` is no setting of Channels or Django; `{right}` is",
                        hint=f"write {right}",
                        symptom=symptom,
                        symbol=name,
                        fix=Fix((Edit(place, right),), safe=True, title=f"write {right}"),
                    )

    def _app(self, app: InstalledApp, right: str) -> Finding:
        fix = None
        if isinstance(app.expr, facts.Constant):
            text = str(app.expr.value).replace(app.name, right, 1)
            fix = Fix((Edit(app.location, f'"{text}"'),), safe=True, title=f'write "{right}"')
        return self.finding(
            app.location,
            f'INSTALLED_APPS names "{app.name}"; the package is "{right}"',
            hint=f'write "{right}"',
            symptom=f"nothing starts: ModuleNotFoundError: No module named '{app.name}'",
            symbol=app.name,
            fix=fix,
        )


SETTINGS = {
    "CHANNEL_LAYERS": "there is no channel layer: AttributeError: 'NoneType' object has no attribute 'group_add'",
    "ASGI_APPLICATION": "runserver stops (CommandError: You have not set ASGI_APPLICATION) or serves HTTP only",
}
APPS = ("channels", "daphne")


def _assignments(module: SettingsModule, name: str) -> Iterator[Location]:
    """Where a settings module itself binds a name."""
    for node in _nodes(module.module.facts):
        if isinstance(node, facts.Assign):
            for target in node.targets:
                if isinstance(target, facts.Name) and target.id == name:
                    yield Location(module.path, target.span)


def _may_be(stack: Stack, module: SettingsModule, name: str, right: str) -> bool:
    """Has it the kind of value that the setting has: layers in a dict, the application in a str?"""
    wants_text = right == "ASGI_APPLICATION"
    for setting in module.get(name):
        for value in stack.values.of(setting.expr, setting.frame):
            if isinstance(value, Literal) and not (wants_text and isinstance(value.value, str)):
                return False
    return True


def _is_read(stack: Stack, name: str) -> bool:
    """Does the project use a name as a setting of its own?"""
    targets: set[int] = set()
    for node in (node for file in stack.files.values() for node in _nodes(file)):
        match node:
            case facts.Assign():
                targets |= {id(target) for target in node.targets}
            case facts.Name(id=read) if read == name and id(node) not in targets:
                return True
            case facts.Attribute(attr=read) if read == name:
                return True
            case facts.Constant(value=read) if read == name:
                return True
    return False


def _nodes(file: facts.PythonFile) -> Iterator[facts.Node]:
    for statement in file.body:
        yield statement
        yield from below(statement)


def _misspelt_apps(stack: Stack, module: SettingsModule) -> Iterator[tuple[InstalledApp, str]]:
    apps = installed_apps(stack, module)
    for app in apps.apps:
        for right in APPS:
            if (
                edits(app.name, right, 1) == 1
                and apps.find(right) is None
                and not stack.packages.named(app.name)
                and not _is_in_tree(stack, app.name)
            ):
                yield app, right


def _is_in_tree(stack: Stack, package: str) -> bool:
    """Is there a folder or module of that name anywhere in the tree?"""
    return any(part == package for path in stack.tree.python for part in path.removesuffix(".py").split("/"))
