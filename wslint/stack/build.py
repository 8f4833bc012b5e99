"""From a tree of files to the linked stack."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING

from wslint.discover import mentions
from wslint.facts import model as m
from wslint.facts.names import last_name
from wslint.knowledge import channels as known
from wslint.location import Location
from wslint.stack import model as d
from wslint.stack.code.bindings import Imported
from wslint.stack.code.classes import Class
from wslint.stack.code.functions import call_uses, classes, deferred_uses, functions
from wslint.stack.code.link import Module, Modules
from wslint.stack.code.lists import Lists
from wslint.stack.code.scope import Scope, scopes
from wslint.stack.code.text import Texts
from wslint.stack.code.values import CallValue, Frame, Literal, Unknown, Value, Values
from wslint.stack.consumers.consumers import consumer
from wslint.stack.groups.sends import Sends, called_function
from wslint.stack.middleware.middleware import middleware
from wslint.stack.project.outside import Outside
from wslint.stack.project.packages import Packages
from wslint.stack.project.projects import Projects
from wslint.stack.routing.apps import Apps
from wslint.stack.settings.settings import SettingsReader, is_settings

if TYPE_CHECKING:
    from wslint.cache import Cache
    from wslint.config import Config
    from wslint.discover import Tree

CHANNELS_NEEDLES: tuple[bytes, ...] = (
    b"from channels",
    b"import channels",
    b"channels.",
    b"channels_",
    b'"channels"',
    b"'channels'",
    b"CHANNEL_LAYERS",
    b"ASGI_APPLICATION",
    b"daphne",
)
"""A tree in which no Python file holds one of these has no Channels code."""

SPEAKS: tuple[bytes, ...] = (*CHANNELS_NEEDLES, b"channel_layer", b"group_send")
"""A project beside others in which no Python file holds one of these is read only where another leads into it."""

SEEDS: tuple[bytes, ...] = (
    *CHANNELS_NEEDLES,
    b"channel_layer",
    b"group_send",
    b"group_add",
    b"group_discard",
    b"get_asgi",
    b"asgi_app",
    b"asgiref",
    b"ebsocket",
    b"scope[",
    b"scope.get(",
    b"INSTALLED_APPS",
    b"ALLOWED_HOSTS",
    b"DJANGO_SETTINGS_MODULE",
    b"CORS_",
    b"corsheaders",
    b"ALLOW_ASYNC_UNSAFE",
    b"wslint:",
)
"""What makes a Python file worth lowering at once; others are lowered when something leads to them."""

ROUNDS = 3
"""How often files are added that mention classes found so far."""


def build(tree: Tree, cache: Cache, config: Config) -> d.Stack:
    """The stack of a tree. Never raises for what a file holds: unreadable files are in `problems`."""
    modules = Modules(tree, cache)
    values = Values(modules)
    values.outside = Outside(sites=config.packages)
    stack = d.Stack(tree, config, modules, values, Texts(values), Packages.of(tree))
    seeds = mentions(tree, SEEDS)
    if any(needle in source for source in seeds.values() for needle in CHANNELS_NEEDLES):
        projects = Projects(tree.paths)
        speaking = [path for path, source in seeds.items() if any(needle in source for needle in SPEAKS)]
        stack.concerned = projects.related(tree.python, speaking)
        _Builder(stack).run({path: source for path, source in seeds.items() if path in stack.concerned})
    return stack


class _Builder:
    def __init__(self, stack: d.Stack) -> None:
        self.stack = stack
        self.modules = stack.modules
        self.values = stack.values
        self.lists = Lists(self.values)
        self.apps = Apps(self.values, self.lists)
        self.sends = Sends(self.values, stack.texts)
        self.settings = SettingsReader(self.modules, self.values)
        self.read: dict[str, Module] = {}
        self.classes: dict[int, Class] = {}

    def run(self, seeds: dict[str, bytes]) -> None:
        self._lower(seeds)
        self._lower(mentions(self.modules.tree, (b"",), self._settings_files()))
        self._widen(set(self.read))
        self.values.descendants = _descendants(self.classes.values())
        self._applications()
        self._routing()
        self._consumers()
        self._middleware()
        self._functions()
        self._settings()
        self._finish()

    # --- files ---

    def _lower(self, sources: dict[str, bytes]) -> None:
        self.modules.prepare(sources)
        for path, source in sources.items():
            facts = self.modules.lower(path, source)
            module = self.modules.at(path)
            if facts is None or module is None or path in self.read:
                continue
            if facts.problem is not None:
                self.stack.problems.append((path, facts.problem))
                continue
            self.read[path] = module
            for cls in classes(module, self.values):
                self.classes[id(cls.node)] = cls

    def _settings_files(self) -> list[str]:
        """Settings by their name: one that only imports another holds no word that would tell."""
        rest = (path for path in self.modules.tree.python if path in self.stack.concerned and path not in self.read)
        return [path for path in rest if "settings" in "/".join(path.lower().split("/")[-2:])]

    def _widen(self, seen: set[str]) -> None:
        """Files that mention the consumers, middleware and bases found so far (a subclass need not say "channels")."""
        asked: set[str] = set()
        for _ in range(ROUNDS):
            names = {
                cls.name
                for cls in self.classes.values()
                if cls.derives_from(*known.CHANNELS_CONSUMERS, known.BASE_MIDDLEWARE) and len(cls.name) > 3
            } - asked
            asked |= names
            rest = [path for path in self.modules.tree.python if path not in seen]
            if not names or not rest:
                return
            found = mentions(self.modules.tree, [name.encode() for name in sorted(names)], rest)
            seen |= set(found)
            self._lower(found)

    # --- applications and routes ---

    def _applications(self) -> None:
        self.stack.processes = tuple(self._processes())
        settings_modules = [module for module in self.read.values() if is_settings(module)]
        named: dict[tuple[str, str], list[tuple[str, Location]]] = {}
        homes: dict[tuple[str, str], Module] = {}

        def name(dotted: str, attr: str, origin: str, kind: str, location: Location) -> None:
            module = self.modules.find(dotted, origin)
            if module is not None:
                homes[(module.path, attr)] = module
                named.setdefault((module.path, attr), []).append((kind, location))

        for module in settings_modules:
            for setting in self.settings.read(module).get("ASGI_APPLICATION"):
                for value in self.values.of(setting.expr, setting.frame):
                    if isinstance(value, Literal) and isinstance(value.value, str) and "." in value.value:
                        dotted, _, attr = value.value.rpartition(".")
                        name(dotted, attr, module.path, "settings", setting.location)
        for process in self.stack.processes:
            target = process.command.target or ""
            dotted, _, attr = target.partition(":")
            if dotted and attr.isidentifier():
                name(dotted, attr, process.path, "command", process.location)
        for module in self.read.values():
            for attr in self._conventional(module):
                homes.setdefault((module.path, attr), module)
                named.setdefault((module.path, attr), []).append(("module", Location(module.path, _TOP)))
        self.apps.named_by_settings = lambda path: self._named_by_settings(path, named, homes)
        found = (self._application(homes[key], key[1], places) for key, places in sorted(named.items()))
        self.stack.applications = tuple(application for application in found if application is not None)

    def _named_by_settings(
        self,
        path: str,
        named: dict[tuple[str, str], list[tuple[str, Location]]],
        homes: dict[tuple[str, str], Module],
    ) -> tuple[Value, ...]:
        """What the ASGI_APPLICATION of a file's project can be."""
        root = self.modules.root_of(path)
        return tuple(
            value
            for key, places in named.items()
            if any(kind == "settings" and self.modules.root_of(place.path) == root for kind, place in places)
            for value in self.values.member(homes[key], key[1])
        )

    def _conventional(self, module: Module) -> Iterator[str]:
        """Module names that hold an ASGI application though nothing else may name them."""
        imports = _external_imports(module, self.modules)
        if not any(
            name.startswith(("channels.routing", "django.core.asgi", "configurations.asgi")) for name in imports
        ):
            return
        bindings = module.scope.bindings
        if "application" in bindings:
            yield "application"
            return
        for attr, found in bindings.items():
            if any(isinstance(binding.source, m.Assign) for binding in found):
                for binding in found:
                    if binding.value is not None and isinstance(binding.value, m.Call):
                        dotted = self.values.dotted(binding.value.func, self.values.module_frame(module))
                        if dotted == known.PROTOCOL_TYPE_ROUTER:
                            yield attr
                            break

    def _application(self, module: Module, attr: str, places: list[tuple[str, Location]]) -> d.Application | None:
        frame = self.values.module_frame(module)
        bindings = module.scope.bindings.get(attr) or module.scope.bindings.get("*")
        if not bindings:
            return None
        last = bindings[-1]
        location = frame.at(last.value if last.value is not None else last.source)
        values = list(self.values.member(module, attr))
        if last.name == "*" and all(isinstance(value, Unknown) for value in values):
            return None
        apps = self.apps.all(values, location)
        return d.Application(location, attr, module, apps, tuple(places))

    def _routing(self) -> None:
        """Every URLRouter and ProtocolTypeRouter call, those outside applications too."""
        routers: dict[int, d.Router] = {}
        protocol_routers: dict[int, d.ProtocolRouter] = {}
        wrappers: dict[int, d.Wrapper] = {}
        for application in self.stack.applications:
            self._collect(application.walk(), routers, protocol_routers, wrappers)
        for module in self.read.values():
            for scope in scopes(module):
                frame = self.values.frame(scope)
                for use in call_uses(scope):
                    if not _may_be_router(use.node, scope):
                        continue
                    for value in self.values.of(use.node, frame):
                        app = self.apps.value(value, frame.at(use.node)) if isinstance(value, CallValue) else None
                        if isinstance(app, (d.Router, d.ProtocolRouter)):
                            self._collect(app.walk(), routers, protocol_routers, wrappers)
        self.stack.routers = tuple(sorted(routers.values(), key=lambda router: router.location))
        self.stack.protocol_routers = tuple(sorted(protocol_routers.values(), key=lambda router: router.location))
        self.stack.wrappers = tuple(sorted(wrappers.values(), key=lambda wrapper: wrapper.location))
        routes = {id(route): route for router in self.stack.routers for route in router.routes}
        self.stack.routes = tuple(sorted(_by_place(routes.values()), key=lambda route: route.location))
        mounts = [mount for application in self.stack.applications for mount in application.mounts]
        inside = {id(router) for application in self.stack.applications for router in application.walk()}
        nested = {id(node) for router in self.stack.routers for node in router.walk() if node is not router}
        for router in self.stack.routers:
            if id(router) not in inside and id(router) not in nested:
                mounts.extend(d.mounts_of(router))
        self.stack.mounts = tuple(mounts)
        self.stack.untaken = tuple(sorted(_by_place(self._untaken()), key=lambda route: route.location))

    def _untaken(self) -> Iterator[d.Route]:
        """The routes of consumers that stand in lists which no router of the tree takes."""
        taken = {id(route.call) for route in self.stack.routes}
        for module in self.read.values():
            for scope in scopes(module):
                for use in call_uses(scope):
                    if last_name(use.node.func) in _ROUTES and id(use.node) not in taken:
                        for route in self.apps.routes(use.node, self.values.frame(scope)):
                            if any(isinstance(target, d.Mounted) for target in route.targets):
                                yield route

    def _collect(
        self,
        nodes: Iterable[d.App],
        routers: dict[int, d.Router],
        protocol_routers: dict[int, d.ProtocolRouter],
        wrappers: dict[int, d.Wrapper],
    ) -> None:
        for node in nodes:
            if isinstance(node, d.Router):
                routers.setdefault(id(node.call), node)
            elif isinstance(node, d.ProtocolRouter):
                protocol_routers.setdefault(id(node.call), node)
            elif isinstance(node, d.Wrapper):
                wrappers.setdefault(id(node), node)

    # --- classes ---

    def _consumers(self) -> None:
        mounts: dict[int, list[d.Mount]] = {}
        for mount in self.stack.mounts:
            if mount.consumer is not None:
                mounts.setdefault(id(mount.consumer), []).append(mount)
                self.classes.setdefault(id(mount.consumer.node), mount.consumer)
        for wrapper in self.stack.wrappers:
            for cls in wrapper.cls.ancestry if wrapper.cls is not None else ():
                self.classes.setdefault(id(cls.node), cls)
        bases = {id(base) for cls in self.classes.values() for base in cls.ancestry[1:]}
        found: list[d.Consumer] = []
        outside = self.values.outside
        for cls in self.classes.values():
            mounted = any(isinstance(mount.leaf, d.Mounted) for mount in mounts.get(id(cls), ()))
            made = consumer(cls, mounted, outside)
            if made is not None:
                made.mounts = tuple(mounts.get(id(cls), ()))
                made.subclassed = id(cls) in bases
                found.append(made)
        self.stack.consumers = tuple(sorted(found, key=lambda made: made.location))

    def _middleware(self) -> None:
        found: list[d.Middleware] = []
        for cls in self.classes.values():
            made = middleware(cls, self.values)
            if made is not None:
                made.uses = tuple(
                    wrapper
                    for wrapper in self.stack.wrappers
                    if wrapper.cls is not None and cls in wrapper.cls.ancestry
                )
                found.append(made)
        self.stack.middleware = tuple(sorted(found, key=lambda made: made.location))

    # --- functions and sends ---

    def _functions(self) -> None:
        consumers = {id(made.cls): made for made in self.stack.consumers}
        found: list[d.FunctionUse] = []
        sends: list[d.Send] = []
        calls: list[tuple[d.CallUse, Frame, d.FunctionUse | None]] = []
        for module in self.read.values():
            own: list[d.FunctionUse] = []
            inner: list[d.Send] = []
            for function, scope in functions(module, self.values):
                if function.owner is not None:
                    function.consumer = consumers.get(id(function.owner))
                own.append(function)
                inner.extend(self._sends((*function.calls, *deferred_uses(scope)), function.frame, function))
            for scope in scopes(module):
                if not isinstance(scope.node, m.FunctionDef):
                    uses = (*call_uses(scope), *deferred_uses(scope))
                    calls.extend((use, self.values.frame(scope), None) for use in uses)
                    inner.extend(self._sends(uses, self.values.frame(scope), None))
            sends.extend(inner)
            for function in own:
                uses = (*function.calls, *deferred_uses(function.frame.scope))
                calls.extend((use, function.frame, function) for use in uses)
            if inner or self._speaks_channels(module, own):
                found.extend(own)
        self.stack.functions = tuple(sorted(found, key=lambda function: function.location))
        sends.extend(self._through(sends, calls))
        self.stack.sends = tuple(sorted(sends, key=lambda send: send.location))

    def _through(
        self, sends: list[d.Send], calls: list[tuple[d.CallUse, Frame, d.FunctionUse | None]]
    ) -> Iterator[d.Send]:
        """Sends made by calling a function of the project that sends what it is given."""
        direct = sends
        asked: set[str] = set()
        for _ in range(ROUNDS):
            wrappers: dict[str, list[d.Send]] = {}
            for send in direct:
                if send.inside is not None and self.sends.depends_on_caller(send):
                    wrappers.setdefault(send.inside.name, []).append(send)
            calls.extend(self._calls_elsewhere(set(wrappers) - asked))
            asked |= set(wrappers)
            direct = []
            for use, frame, inside in calls:
                for send in wrappers.get(_runs(use.node), ()):
                    if inside is not None and _is_on_the_way(inside.node, send):
                        continue
                    made = self.sends.through(send, use, frame, inside)
                    if made is not None:
                        direct.append(made)
            yield from direct

    def _calls_elsewhere(self, names: set[str]) -> Iterator[tuple[d.CallUse, Frame, d.FunctionUse | None]]:
        """The calls in files that mention some functions and were not read before."""
        rest = [path for path in self.modules.tree.python if path not in self.read]
        if not names or not rest:
            return
        before = set(self.read)
        self._lower(mentions(self.modules.tree, [name.encode() for name in sorted(names)], rest))
        for path in sorted(set(self.read) - before):
            for function, scope in functions(self.read[path], self.values):
                for use in (*function.calls, *deferred_uses(scope)):
                    yield use, function.frame, function
            for scope in scopes(self.read[path]):
                if not isinstance(scope.node, m.FunctionDef):
                    for use in (*call_uses(scope), *deferred_uses(scope)):
                        yield use, self.values.frame(scope), None

    def _sends(self, uses: tuple[d.CallUse, ...], frame: Frame, inside: d.FunctionUse | None) -> Iterator[d.Send]:
        for use in uses:
            send = self.sends.read(use, frame, inside)
            if send is not None:
                yield send

    def _speaks_channels(self, module: Module, own: list[d.FunctionUse]) -> bool:
        """Does a module import Channels or asgiref, or hold a consumer? Only such modules' functions are judged."""
        if any(function.consumer is not None for function in own):
            return True
        return any(name.startswith(("channels.", "asgiref.")) for name in _external_imports(module, self.modules))

    # --- settings ---

    def _settings(self) -> None:
        by_root: dict[str, list[d.SettingsModule]] = {}
        for module in sorted(self.read.values(), key=lambda module: module.path):
            if is_settings(module) and not d.is_vendored_path(module.path):
                by_root.setdefault(module.root, []).append(self.settings.read(module))
        self.stack.settings = tuple(
            d.Settings(found[0].location, root, tuple(found), self.stack) for root, found in sorted(by_root.items())
        )

    def _processes(self) -> Iterator[d.Process]:
        from wslint.facts.command import kind_of, read_commands

        tree = self.modules.tree
        for path in tree.paths:
            if kind_of(path) is None:
                continue
            try:
                source = tree.read(path)
            except OSError:
                continue
            facts = read_commands(path, source)
            for command in facts.commands if facts is not None else ():
                yield d.Process(Location(path, command.span), command)

    def _finish(self) -> None:
        stack = self.stack
        relevant = {placed.path for group in (
            stack.applications, stack.routers, stack.routes, stack.consumers, stack.middleware, stack.sends,
            stack.functions,
        ) for placed in group}  # fmt: skip
        relevant |= {
            module.path
            for settings in stack.settings
            for module in settings.modules
            if {"CHANNEL_LAYERS", "ASGI_APPLICATION"} & set(module.own)
        }
        stack.relevant = frozenset(relevant)
        for path, facts in self.modules.files.items():
            if facts.problem is not None and all(path != known_path for known_path, _ in stack.problems):
                stack.problems.append((path, facts.problem))
        stack.problems.sort(key=lambda problem: problem[0])


_TOP = m.Span(1, 1, 1, 1)

_ROUTES = frozenset(known.PATH_FUNCTIONS.values())


def _runs(call: m.Call) -> str:
    """The name, as written, of the function that a call runs."""
    called = called_function(call)
    return last_name(called)


def _is_on_the_way(function: m.FunctionDef, send: d.Send) -> bool:
    """Does a send run in a function already, so that a call in it only repeats the send?"""
    return any(step.node is function for step, _ in send.steps) or (
        send.inside is not None and send.inside.node is function
    )


def _descendants(classes: Iterable[Class]) -> dict[int, list[Class]]:
    """The subclasses of every class, direct or not, by its id."""
    found: dict[int, list[Class]] = {}
    for cls in classes:
        for base in cls.ancestry[1:]:
            found.setdefault(id(base), []).append(cls)
    return found


def _may_be_router(call: m.Call, scope: Scope) -> bool:
    """By the written or imported name: a router, or some class that may be a subclass of one."""
    name = last_name(call.func)
    if name.endswith("Router"):
        return True
    owner = scope.owner(name) if isinstance(call.func, m.Name) else None
    sources = [binding.source for binding in owner.bindings[name]] if owner is not None else []
    return any(isinstance(source, Imported) and source.alias.name.endswith("Router") for source in sources)


def _by_place(routes: Iterable[d.Route]) -> list[d.Route]:
    """One route per call, however many frames read it."""
    unique: dict[int, d.Route] = {}
    for route in routes:
        unique.setdefault(id(route.call), route)
    return list(unique.values())


def _external_imports(module: Module, modules: Modules) -> set[str]:
    """The dotted names that a module imports, in any scope."""
    known_before: set[str] | None = module.__dict__.get("imports")
    if known_before is not None:
        return known_before
    found: set[str] = set()
    module.__dict__["imports"] = found
    for scope in scopes(module):
        for bindings in scope.bindings.values():
            for binding in bindings:
                source = binding.source
                if isinstance(source, m.Import):
                    found.add(modules.absolute(module, source) + ".*")
                elif isinstance(source, Imported):
                    statement, alias = source.statement, source.alias
                    prefix = modules.absolute(module, statement) + "." if statement.module is not None else ""
                    found.add(prefix + alias.name)
    return found
