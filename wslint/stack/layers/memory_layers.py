"""Which backend settings choose for each channel layer, in which settings modules servers run (L14)."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from wslint.facts import model as m
from wslint.knowledge.channels import MEMORY_LAYER
from wslint.stack.code.values import Frame, Literal, Value
from wslint.stack.layers.layers import SETTING, dict_entries
from wslint.stack.model import Setting, Settings, SettingsModule, Stack
from wslint.stack.project.placed import is_example_path
from wslint.stack.settings.environment import Option, environment_default
from wslint.stack.settings.variables import variable_sets

MODULE_VARIABLE = "DJANGO_SETTINGS_MODULE"


@dataclass(eq=False)
class Choice:
    """One backend that a setting can give a layer; `backend` is None when it cannot be read."""

    alias: str
    backend: str | None
    option: Option
    setting: Setting

    @property
    def is_memory(self) -> bool:
        return self.backend == MEMORY_LAYER


def choices(stack: Stack, module: SettingsModule) -> Iterator[Choice]:
    """The backends that CHANNEL_LAYERS of a settings module can have, those of modules it builds on too."""
    for setting in module.get(SETTING):
        for alias, option in _backends(stack, setting):
            for value in stack.values.of(option.expr, option.frame):
                text = value.value if isinstance(value, Literal) and isinstance(value.value, str) else None
                yield Choice(alias, text, option, setting)


def _backends(stack: Stack, setting: Setting) -> Iterator[tuple[str, Option]]:
    """The BACKEND entries that a setting holds, by the layer's alias."""
    whole = Option(setting.expr, setting.frame)
    alias, *rest = (*map(str, setting.parents), *[""] * (not setting.parents))
    if rest == ["BACKEND"]:
        yield alias, whole
    if rest:
        return
    layers = {alias: (whole,)} if alias else dict_entries(stack, setting.expr, setting.frame)[0]
    for name, options in layers.items():
        for layer in options:
            for option in dict_entries(stack, layer.expr, layer.frame)[0].get("BACKEND", ()):
                yield name, option


def served(stack: Stack, settings: Settings) -> tuple[SettingsModule, ...]:
    """The settings modules that servers run with, as far as their names and uses tell.

    Those for production; without one those that ASGI modules and commands name, else those no other one builds on.
    """
    serving = [
        module
        for module in settings.serving
        if module.purpose != "development" and not module.vendored and not is_example_path(module.path)
    ]
    production = [module for module in serving if module.purpose == "production"]
    if production:
        return tuple(production)
    named = set(_named(stack))
    bases = [base for module in serving for base in module.bases]
    return tuple(
        module for module in serving if (module.path in named if named else all(module is not base for base in bases))
    )


def _named(stack: Stack) -> Iterator[str]:
    """The files of the settings modules that ASGI modules and server commands name."""
    for application in stack.applications:
        if application.in_tests or application.vendored:
            continue
        frame = stack.values.module_frame(application.module)
        for _, value in variable_sets(stack, application.module.facts.body, frame, MODULE_VARIABLE):
            for text in _texts(stack, value.expr, value.frame):
                yield from _path(stack, text, frame.path)
    for process in stack.processes:
        for name, text in process.command.environment:
            if name == MODULE_VARIABLE:
                yield from _path(stack, text, process.path)


def _texts(stack: Stack, expr: m.Expr, frame: Frame) -> Iterator[str]:
    for value in stack.values.of(expr, frame):
        found: Value | None = value
        default = environment_default(value, stack)
        if default is not None:
            found = stack.values.one(default.expr, default.frame)
        if isinstance(found, Literal) and isinstance(found.value, str):
            yield found.value


def _path(stack: Stack, dotted: str, origin: str) -> Iterator[str]:
    module = stack.modules.find(dotted, origin)
    if module is not None:
        yield module.path
