"""The edit that gives a project's settings a channel layer that they lack."""

from __future__ import annotations

from wslint.facts import model as m
from wslint.knowledge.channels import CORE_LAYER, MEMORY_LAYER
from wslint.location import Edit, Location, Span
from wslint.stack.code.places import before
from wslint.stack.code.values import Display
from wslint.stack.layers.layers import SETTING
from wslint.stack.model import Settings, SettingsModule, Stack

_NEIGHBOURS = ("ASGI_APPLICATION", "INSTALLED_APPS", "ROOT_URLCONF")
"""Settings that CHANNEL_LAYERS is put behind, the best place first."""

_HOSTS = '"hosts": [{"address": "redis://localhost:6379/0", "socket_timeout": None}]'


def layer_edit(settings: Settings, alias: str) -> Edit | None:
    """Define the setting, or add an alias to it; None where no settings module has a plain place for that."""
    stack = settings.stack
    for module in settings.serving:
        for setting in module.own.get(SETTING, ()):
            value = stack.values.one(setting.expr, setting.frame)
            if setting.parents or not isinstance(value, Display) or not isinstance(value.node, m.Dict):
                return None
            return _added(stack, alias, value.node, value)
    for module in settings.serving:
        edit = _defined(stack, module, alias)
        if edit is not None:
            return edit
    return None


def _added(stack: Stack, alias: str, node: m.Dict, value: Display) -> Edit | None:
    """The alias at the head of a dict that is there."""
    if not node.items:
        return Edit(value.frame.at(node), f"{{\n{_layer(stack, alias, 4)}}}")
    first = node.items[0].key
    if first is None:
        return None
    column = first.span.column - 1
    inline = first.span.line == node.span.line
    text = _layer(stack, alias, 4 if inline else column)
    if inline:
        return Edit(before(first, value.frame), f"\n{text}    ")
    return Edit(before(first, value.frame), f"{text.lstrip()}{' ' * column}")


def _defined(stack: Stack, module: SettingsModule, alias: str) -> Edit | None:
    """The whole setting behind a neighbour at the top level."""
    body = module.module.facts.body
    for name in _NEIGHBOURS:
        for index, statement in enumerate(body):
            if not isinstance(statement, m.Assign) or not _binds(statement, name):
                continue
            text = f"{SETTING} = {{\n{_layer(stack, alias, 4)}}}"
            end = statement.span
            if index + 1 == len(body):
                return Edit(Location(module.path, end.end), f"\n{text}")
            if body[index + 1].span.line > end.end_line:
                line = end.end_line + 1
                return Edit(Location(module.path, Span(line, 1, line, 1)), f"{text}\n")
    return None


def _binds(statement: m.Assign, name: str) -> bool:
    return any(isinstance(target, m.Name) and target.id == name for target in statement.targets)


def _layer(stack: Stack, alias: str, indent: int) -> str:
    """One layer's lines: on Redis where its package is required, else in memory."""
    outer, inner = " " * indent, " " * (indent + 4)
    if not stack.packages.named("channels-redis"):
        return f'{outer}"{alias}": {{\n{inner}"BACKEND": "{MEMORY_LAYER}",\n{outer}}},\n'
    config = f'{inner}"CONFIG": {{\n{inner}    {_HOSTS},\n{inner}}},\n'
    return f'{outer}"{alias}": {{\n{inner}"BACKEND": "{CORE_LAYER}",\n{config}{outer}}},\n'
