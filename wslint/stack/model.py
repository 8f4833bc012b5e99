"""The domain: what a Channels stack is made of. The class names alone draw the picture.

    server command → Application → ProtocolRouter → Wrapper … → Router → Route → Consumer → group ← Send

Every object knows where it stands (`location`, `path`), whether that is test code (`in_tests`) and, as far as it can be
known, what it is linked to. Unknown is never an empty list: look at the `complete` flags.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import TYPE_CHECKING

from wslint.facts import model as m
from wslint.facts.model import Command, PythonFile, Unreadable
from wslint.knowledge import channels as known
from wslint.location import Location, Span
from wslint.stack.code.classes import Class, Method
from wslint.stack.code.text import Pattern
from wslint.stack.code.values import Frame, FunctionValue, Value
from wslint.stack.project.placed import Placed as Placed
from wslint.stack.project.placed import is_test_path as is_test_path
from wslint.stack.project.placed import is_vendored_path as is_vendored_path
from wslint.stack.routing.application import (
    App as App,
)
from wslint.stack.routing.application import (
    Application as Application,
)
from wslint.stack.routing.application import (
    Bare as Bare,
)
from wslint.stack.routing.application import (
    DjangoApp as DjangoApp,
)
from wslint.stack.routing.application import (
    FunctionApp as FunctionApp,
)
from wslint.stack.routing.application import (
    ListApp as ListApp,
)
from wslint.stack.routing.application import (
    Mount as Mount,
)
from wslint.stack.routing.application import (
    Mounted as Mounted,
)
from wslint.stack.routing.application import (
    NameRouter as NameRouter,
)
from wslint.stack.routing.application import (
    Node as Node,
)
from wslint.stack.routing.application import (
    ProtocolRouter as ProtocolRouter,
)
from wslint.stack.routing.application import (
    Route as Route,
)
from wslint.stack.routing.application import (
    Router as Router,
)
from wslint.stack.routing.application import (
    UnknownApp as UnknownApp,
)
from wslint.stack.routing.application import (
    Wrapper as Wrapper,
)
from wslint.stack.routing.application import (
    mounts_of as mounts_of,
)

if TYPE_CHECKING:
    from wslint.config import Config
    from wslint.discover import Tree
    from wslint.stack.code.link import Module, Modules
    from wslint.stack.code.text import Texts
    from wslint.stack.code.values import Values
    from wslint.stack.project.packages import Packages

# --- consumers ------------------------------------------------------------------------------------------------------


@dataclass(eq=False)
class Consumer(Placed):
    """A consumer class of the project; `location` is its name.

    `kind` is "websocket", "json", "http", "raw" or "library"; `is_async` None when unknown. `complete`: every base is
    of the project or of Channels, so that a method found nowhere does not exist.
    """

    cls: Class
    kind: str
    is_async: bool | None
    complete: bool
    mounts: tuple[Mount, ...] = ()
    subclassed: bool = False

    @property
    def location(self) -> Location:  # type: ignore[override]
        return self.cls.location

    @property
    def name(self) -> str:
        return self.cls.name

    @property
    def is_websocket(self) -> bool:
        """A generic websocket consumer, whose API is known."""
        return self.kind in ("websocket", "json")

    @property
    def is_abstract(self) -> bool:
        """A base that only its subclasses are used of."""
        return self.subclassed and not self.mounts

    @property
    def methods(self) -> dict[str, Method]:
        """Methods by name, those of project bases included."""
        return self.cls.methods

    def method(self, name: str) -> Method | None:
        return self.cls.method(name)

    @cached_property
    def dispatches_itself(self) -> bool:
        """Does it find handlers in a way of its own (dispatch, __getattr__, decorated handlers)?"""
        return any(
            self.cls.defines(name) for name in ("dispatch", "__getattr__", "__getattribute__", "get_handler_name")
        )

    def handles(self, event_type: str) -> bool | None:
        """Does it have a method for an event type? None when that cannot be known."""
        name = event_type.replace(".", "_")
        if name in self.methods or self.cls.defines(name) or (self.is_websocket and name in known.CONSUMER_API):
            return True
        if not self.complete or self.dispatches_itself:
            return None
        return False


# --- middleware -----------------------------------------------------------------------------------------------------


@dataclass(eq=False)
class Middleware(Placed):
    """An ASGI middleware of the project: a class whose instances take (scope, receive, send).

    `sets` are the scope keys it puts in, `reads` those it looks at (with the places); `call` is its `__call__`.
    """

    cls: Class
    call: Method | None
    sets: frozenset[str]
    reads: tuple[tuple[str, Location], ...]
    uses: tuple[Wrapper, ...] = ()

    @property
    def location(self) -> Location:  # type: ignore[override]
        return self.cls.location

    @property
    def name(self) -> str:
        return self.cls.name

    @property
    def authenticates(self) -> bool:
        """Does it say who the connection belongs to?"""
        return "user" in self.sets


# --- groups and events ----------------------------------------------------------------------------------------------


@dataclass(eq=False)
class Event:
    """The dict that a send carries. `keys` are the known keys; not `complete` when it may hold more.

    `types` are the possible values of "type" (None in it: unknown); empty when the dict surely has no "type".
    """

    node: m.Expr
    frame: Frame
    keys: Mapping[str, m.Expr]
    complete: bool
    types: tuple[str | None, ...]
    type_node: m.Expr | None
    type_value: Value | None = None

    @property
    def location(self) -> Location:
        return self.frame.at(self.node)

    @property
    def type_location(self) -> Location:
        return self.frame.at(self.type_node) if self.type_node is not None else self.location


@dataclass(eq=False)
class Send(Placed):
    """A call on a channel layer; `method` is group_send, group_add, group_discard or send.

    `groups` are the patterns its group (or channel) can be; `via` says how the coroutine is run: "await",
    "async_to_sync", "dropped", "returned" or "other"; `inside` is the function it stands in.

    A send through a function of the project (`notify(group, payload)`) stands at the call of that function; `call` and
    `frame` are those of the send in it, with the arguments bound, and `through` is where that is;
    `steps` are the functions on the way to it with the calls that enter them, outermost first.
    """

    location: Location
    method: str
    call: m.Call
    frame: Frame
    groups: tuple[Pattern, ...]
    group_node: m.Expr | None
    event: Event | None
    via: str
    inside: FunctionUse | None
    consumer: Consumer | None
    through: Location | None = None
    steps: tuple[tuple[FunctionValue, m.Call], ...] = ()


# --- functions ------------------------------------------------------------------------------------------------------


@dataclass(eq=False)
class CallUse:
    """A call and what becomes of its result.

    `usage` is "awaited", "dropped" (a statement of its own), "returned", "assigned", "argument" or "other";
    `outer` is the call that it is an argument or the callee of.
    """

    node: m.Call
    usage: str
    outer: m.Call | None
    parents: tuple[m.Node, ...]


@dataclass(eq=False)
class FunctionUse(Placed):
    """A function or method and the calls that run in it (nested functions are objects of their own)."""

    location: Location
    node: m.FunctionDef
    frame: Frame
    owner: Class | None
    consumer: Consumer | None
    calls: tuple[CallUse, ...]
    nested_in: m.FunctionDef | m.ClassDef | None

    @property
    def name(self) -> str:
        return self.node.name

    @property
    def symbol(self) -> str:
        """`function` or `Class.method`, as a finding names it."""
        return self.name if self.owner is None else f"{self.owner.name}.{self.name}"

    @property
    def is_async(self) -> bool:
        return self.node.is_async

    def at(self, node: m.Node | Span) -> Location:
        return self.frame.at(node)


# --- settings -------------------------------------------------------------------------------------------------------


@dataclass(eq=False)
class Setting:
    """One possible value of a setting: the expression, where it stands, whether a condition guards it."""

    name: str
    expr: m.Expr
    frame: Frame
    conditional: bool
    parents: tuple[str | int, ...] = ()
    mutated: bool = False

    @property
    def location(self) -> Location:
        return self.frame.at(self.expr)


@dataclass(eq=False)
class SettingsModule(Placed):
    """One settings module; `purpose` is "production", "development", "test" or "" (a plain settings.py).

    Not `complete` when it takes names from somewhere that cannot be read.
    """

    location: Location
    module: Module
    purpose: str
    complete: bool
    names: frozenset[str]
    stars: tuple[tuple[SettingsModule, m.Span, bool], ...]
    own: Mapping[str, tuple[Setting, ...]]

    @property
    def bases(self) -> tuple[SettingsModule, ...]:
        """The modules that this one takes all names from."""
        return tuple(base for base, _, _ in self.stars)

    def get(self, name: str) -> tuple[Setting, ...]:
        """The possible values of a setting as this module sees it; empty when it defines none."""
        return self._get(name, set())

    def _get(self, name: str, seen: set[int]) -> tuple[Setting, ...]:
        if id(self) in seen:
            return ()
        seen.add(id(self))
        own = self.own.get(name, ())
        places = [setting.expr.span for setting in own if not setting.mutated]
        found: list[Setting] = [setting for setting in own if setting.mutated]
        waiting = bool(places)
        for base, place, conditional in self.stars:  # the last import first
            if waiting and place < max(places):
                found += [setting for setting in own if not setting.mutated]
                waiting = False
                if not all(setting.conditional for setting in own):
                    return tuple(found)
            taken = base._get(name, seen)
            found += taken
            if taken and not conditional:
                return tuple(found)
        if waiting:
            found += [setting for setting in own if not setting.mutated]
        return tuple(found)


@dataclass(eq=False)
class Settings(Placed):
    """The settings of one Django project (an import root): its settings modules."""

    location: Location
    root: str
    modules: tuple[SettingsModule, ...]
    stack: Stack

    @property
    def complete(self) -> bool:
        """Can every settings module be read to the end?"""
        return bool(self.modules) and all(module.complete for module in self.modules)

    @property
    def serving(self) -> tuple[SettingsModule, ...]:
        """The modules that are not for tests."""
        return tuple(module for module in self.modules if module.purpose != "test" and not module.in_tests)

    @property
    def processes(self) -> tuple[Process, ...]:
        """The commands of the project: of a tree with several projects those that stand in its folder."""
        found = self.stack.processes
        if sum(bool(other.serving) for other in self.stack.settings) == 1 or not self.root:
            return found
        return tuple(process for process in found if process.path.startswith(self.root + "/"))

    def get(self, name: str) -> tuple[Setting, ...]:
        """Every value that some module of the project gives a setting, each once."""
        seen: set[int] = set()
        found: list[Setting] = []
        for module in self.modules:
            for setting in module.get(name):
                if id(setting) not in seen:
                    seen.add(id(setting))
                    found.append(setting)
        return tuple(found)


# --- processes ------------------------------------------------------------------------------------------------------


@dataclass(eq=False)
class Process(Placed):
    """A server or worker command of the project; `location` is the command, `command` its words."""

    location: Location
    command: Command


# --- the whole ------------------------------------------------------------------------------------------------------


@dataclass(eq=False)
class Stack:
    """The linked model of one tree."""

    tree: Tree
    config: Config
    modules: Modules
    values: Values
    texts: Texts
    packages: Packages
    applications: tuple[Application, ...] = ()
    routers: tuple[Router, ...] = ()
    protocol_routers: tuple[ProtocolRouter, ...] = ()
    routes: tuple[Route, ...] = ()
    consumers: tuple[Consumer, ...] = ()
    middleware: tuple[Middleware, ...] = ()
    wrappers: tuple[Wrapper, ...] = ()
    sends: tuple[Send, ...] = ()
    functions: tuple[FunctionUse, ...] = ()
    settings: tuple[Settings, ...] = ()
    processes: tuple[Process, ...] = ()
    relevant: frozenset[str] = frozenset()
    concerned: frozenset[str] = frozenset()
    """The Python files of the projects that speak of Channels, and of none."""
    problems: list[tuple[str, Unreadable]] = field(default_factory=list)
    mounts: tuple[Mount, ...] = ()
    untaken: tuple[Route, ...] = ()
    """Routes to consumers that no router of the tree takes: a library's, or forgotten ones. Not among `routes`."""

    @property
    def files(self) -> Mapping[str, PythonFile]:
        """The facts of every Python file that was read."""
        return self.modules.files

    @property
    def joins(self) -> tuple[Send, ...]:
        """The group_add calls."""
        return tuple(send for send in self.sends if send.method == "group_add")

    def consumer_of(self, cls: Class) -> Consumer | None:
        return next((consumer for consumer in self.consumers if consumer.cls is cls), None)

    def settings_for(self, path: str) -> Settings | None:
        """The settings of the project that a file belongs to: those of its import root, else the only ones."""
        root = self.modules.root_of(path)
        for settings in self.settings:
            if settings.root == root:
                return settings
        return self.settings[0] if len(self.settings) == 1 else None

    def function_at(self, node: m.FunctionDef) -> FunctionUse | None:
        return next((function for function in self.functions if function.node is node), None)
