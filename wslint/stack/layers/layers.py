"""CHANNEL_LAYERS as one settings module sees it: layers by alias, their backend and options."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field

from wslint.facts import model as m
from wslint.facts.walk import within
from wslint.knowledge import channels as known
from wslint.location import Location
from wslint.stack.code.lists import body_of
from wslint.stack.code.values import CallValue, Display, Frame
from wslint.stack.model import Placed, Setting, SettingsModule, Stack
from wslint.stack.settings.environment import Option, text_with_defaults

SETTING = "CHANNEL_LAYERS"


@dataclass(eq=False)
class Layer(Placed):
    """One channel layer; `entries` are the keys of its dict, `options` those of its CONFIG, each with its alternatives.

    Not `complete` when there may be further keys in either.
    """

    alias: str
    location: Location
    entries: dict[str, tuple[Option, ...]] = field(default_factory=dict)
    options: dict[str, tuple[Option, ...]] = field(default_factory=dict)
    complete: bool = True

    def backends(self, stack: Stack) -> tuple[str | None, ...]:
        """The dotted backends that it can have; None among them: one that cannot be read."""
        found: list[str | None] = []
        for option in self.entries.get("BACKEND", ()):
            for pattern in stack.texts.of(option.expr, option.frame):
                found.append(text_with_defaults(pattern, stack))
        return tuple(dict.fromkeys(found)) if found or self.complete else (None,)


@dataclass(eq=False)
class Layers:
    """The layers of a settings module; not `complete` when it may define others."""

    layers: tuple[Layer, ...]
    complete: bool

    @property
    def aliases(self) -> frozenset[str]:
        return frozenset(layer.alias for layer in self.layers)


def layers_of(stack: Stack, module: SettingsModule) -> Layers:
    """The channel layers that a settings module defines or inherits."""
    reader = _Reader(stack)
    for setting in _settings(module):
        reader.take(setting)
    return Layers(tuple(layer for layers in reader.layers.values() for layer in layers), reader.complete)


def checks_names(stack: Stack, path: str) -> bool:
    """Is every layer of the settings that serve a file's project one that checks the names of groups (L03)?"""
    settings = stack.settings_for(path)
    if settings is None:
        return True
    return all(
        backend in (known.CORE_LAYER, known.MEMORY_LAYER)
        for module in settings.serving
        for layer in layers_of(stack, module).layers
        for backend in layer.backends(stack)
    )


def _settings(module: SettingsModule, depth: int = 0) -> Iterator[Setting]:
    """What binds or changes the setting, inherited first."""
    own = module.own.get(SETTING, ())
    if depth < 8 and all(setting.conditional or setting.parents for setting in own):
        for base in reversed(module.bases):
            yield from _settings(base, depth + 1)
    yield from own


class _Reader:
    def __init__(self, stack: Stack) -> None:
        self.stack = stack
        self.layers: dict[str, list[Layer]] = {}
        self.complete = True

    def take(self, setting: Setting) -> None:
        option = Option(setting.expr, setting.frame)
        if not setting.parents:
            if self._updated(setting):
                self.complete = False
            entries, complete = self.entries(option)
            self.complete = self.complete and complete
            for alias, options in entries.items():
                self._layer(alias, options, replace=False)
            return
        alias, *rest = (str(parent) for parent in setting.parents)
        if alias == "?" or "?" in rest or len(rest) > 2:
            self.complete = False
            for layer in self.layers.get(alias, ()):
                layer.complete = False
        elif not rest:
            self._layer(alias, (option,), replace=not setting.conditional)
        else:
            for layer in self.layers.get(alias, ()):
                self._set(layer, rest, option, replace=not setting.conditional)

    def _layer(self, alias: str, options: Iterable[Option], *, replace: bool) -> None:
        made = []
        for option in options:
            entries, complete = self.entries(option)
            layer = Layer(alias, option.key_location, entries, {}, complete)
            for config in entries.get("CONFIG", ()):
                self._options(layer, config)
            made.append(layer)
        self.layers[alias] = made if replace else [*self.layers.get(alias, ()), *made]

    def _options(self, layer: Layer, config: Option) -> None:
        options, complete = self.entries(config)
        layer.complete = layer.complete and complete
        for name, values in options.items():
            layer.options[name] = (*layer.options.get(name, ()), *values)

    def _set(self, layer: Layer, keys: list[str], option: Option, *, replace: bool) -> None:
        if keys[0] == "CONFIG" and len(keys) == 2:
            layer.options[keys[1]] = (option,) if replace else (*layer.options.get(keys[1], ()), option)
            return
        if len(keys) != 1:
            layer.complete = False
            return
        layer.entries[keys[0]] = (option,) if replace else (*layer.entries.get(keys[0], ()), option)
        if keys[0] == "CONFIG":
            if replace:
                layer.options = {}
            self._options(layer, option)

    def _updated(self, setting: Setting) -> bool:
        """Is the dict changed by a method or a loop, so that item assignments do not tell all?"""
        scope = setting.frame.scope
        called: frozenset[str] | None = scope.__dict__.get("_layers_called")
        if called is None:
            called = frozenset(_method_call(node, SETTING) for node in within(body_of(scope)))
            scope.__dict__["_layers_called"] = called
        return not called <= {"", "get"}

    def entries(self, option: Option) -> tuple[dict[str, tuple[Option, ...]], bool]:
        """The keys that a dict expression can have; False when there may be others."""
        return dict_entries(self.stack, option.expr, option.frame)


def dict_entries(
    stack: Stack, expr: m.Expr, frame: Frame, depth: int = 0
) -> tuple[dict[str, tuple[Option, ...]], bool]:
    """The keys that a dict expression can have with their values; False when there may be others."""
    found: dict[str, tuple[Option, ...]] = {}
    complete = depth < 8 and not _changed(expr, frame)

    def add(name: str, option: Option) -> None:
        found[name] = (*found.get(name, ()), option)

    def merge(inner: m.Expr, home: Frame) -> bool:
        options, whole = dict_entries(stack, inner, home, depth + 1)
        found.update(options)
        return whole

    for value in stack.values.of(expr, frame) if depth < 8 else ():
        match value:
            case Display(node=m.Dict(items=items), frame=home):
                for item in items:
                    if item.key is None:
                        complete = merge(item.value, home) and complete
                        continue
                    key = stack.values.constant(item.key, home)
                    if isinstance(key, str):
                        add(key, Option(item.value, home, item.key))
                    else:
                        complete = False
            case CallValue(node=m.Call(args=args), frame=home) if value.dotted == "builtins.dict":
                for arg in args:
                    if arg.keyword is not None:
                        add(arg.keyword, Option(arg.value, home, arg))
                    else:
                        complete = merge(arg.value, home) and complete
            case Display(node=m.BinaryOp(op="|", left=left, right=right), frame=home):
                left_whole, right_whole = merge(left, home), merge(right, home)
                complete = complete and left_whole and right_whole
            case _:
                complete = False
    return found, complete


def _changed(expr: m.Expr, frame: Frame) -> bool:
    """Does an expression read a variable whose dict is changed after it was made?"""
    if not isinstance(expr, m.Name) or expr.id == SETTING:
        return False
    scope = frame.scope.owner(expr.id)
    if scope is None:
        return False
    for node in within(body_of(scope)):
        if isinstance(node, (m.Assign, m.Delete)):
            targets = [target for target in node.targets if isinstance(target, m.Subscript)]
            if any(isinstance(target.value, m.Name) and target.value.id == expr.id for target in targets):
                return True
        elif _method_call(node, expr.id) not in ("", "get", "items", "keys", "values", "copy"):
            return True
    return False


def _method_call(node: m.Node, name: str) -> str:
    """The method that a node calls on a variable, or nothing."""
    if isinstance(node, m.Call) and isinstance(node.func, m.Attribute) and isinstance(node.func.value, m.Name):
        return node.func.attr if node.func.value.id == name else ""
    return ""
