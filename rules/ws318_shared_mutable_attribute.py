from __future__ import annotations

from collections.abc import Iterator

from wslint.rule import Finding, Level, Location, Related, Rule
from wslint.stack import CallValue, Class, Consumer, Display, Method, Stack, below, contains, facts
from wslint.stack.code.callers import calls_into
from wslint.stack.code.changes import MUTATORS

CHANGES = MUTATORS | frozenset(
    "add discard appendleft popleft extendleft subtract rotate "
    "difference_update intersection_update symmetric_difference_update".split()
)
"""Methods that change a list, dict, set, deque, Counter in place."""

MAKERS = frozenset(
    {f"builtins.{name}" for name in ("list", "dict", "set", "bytearray")}
    | {f"collections.{name}" for name in ("defaultdict", "OrderedDict", "Counter", "deque")}
)
KINDS = {"list": "list", "set": "set", "dict": "dict"}


class SharedMutableAttribute(Rule):
    """A list, dict or set of the class is changed through `self`: all connections share it.

    Why: a consumer object is made for each connection, its class once for each process. What the class body makes is
    one object for all of them, and another one in every other process.

    See: one client finds what another one left; nothing is ever taken out again when a connection dies. With several
    workers each knows a part only. `self.groups.append(…)` on `groups = […]` joins every later client to the groups of
    all earlier ones.

    Mend: make it in connect() or `__init__` (`self.seen = []`). What is meant for all connections belongs into the
    cache, Redis or the database.

    Bad:
        from channels.generic.websocket import AsyncWebsocketConsumer

        class RoomConsumer(AsyncWebsocketConsumer):
            seen = []

            async def receive(self, text_data=None, bytes_data=None):
                self.seen.append(text_data)
                await self.send(text_data=str(len(self.seen)))

    Good:
        from channels.generic.websocket import AsyncWebsocketConsumer

        class RoomConsumer(AsyncWebsocketConsumer):
            async def connect(self):
                self.seen = []
                await self.accept()

            async def receive(self, text_data=None, bytes_data=None):
                self.seen.append(text_data)
                await self.send(text_data=str(len(self.seen)))
    """

    code = "WS318"
    name = "shared-mutable-attribute"
    level = Level.WARNING

    def stack(self, stack: Stack) -> Iterator[Finding]:
        told: set[Location] = set()
        for consumer in stack.consumers:
            if consumer.in_tests or consumer.vendored:
                continue
            for target, kind, cls in _containers(stack, consumer):
                place = cls.frame.at(target)
                changes = [] if place in told else _changes(consumer, target.id)
                if not changes or _is_rebound(consumer, target.id) or _is_registry(consumer, target.id):
                    continue
                if not _is_filled_once(consumer, target.id, changes):
                    told.add(place)
                    yield self._finding(consumer, target.id, kind, cls, place, changes)

    def _finding(
        self,
        consumer: Consumer,
        name: str,
        kind: str,
        cls: Class,
        place: Location,
        changes: list[tuple[facts.Node, Method]],
    ) -> Finding:
        node, method = changes[0]
        symptom = "one client finds what another one left; with several workers each knows a part only"
        if name == "groups":
            symptom = "every later client also joins the groups of all earlier ones and gets their events"
        return self.finding(
            place,
            f"`{name}` of {cls.name} is one {kind} for all connections of a process, and {method.name}() changes it "
            "through self",
            hint=f"make it in connect(): `self.{name} = …`"
            if name != "groups"
            else "`self.channel_layer.group_add()`, or `self.groups = [*self.groups, name]`",
            symptom=symptom,
            symbol=f"{consumer.name}.{name}",
            related=[Related(method.at(node), "changed here")],
        )


def _containers(stack: Stack, consumer: Consumer) -> Iterator[tuple[facts.Name, str, Class]]:
    """What the class bodies bind to a new list, dict or set: the name, what it is, the class."""
    seen: set[str] = set()
    for cls in consumer.cls.ancestry:
        for statement in cls.node.body:
            if not isinstance(statement, facts.Assign) or statement.value is None:
                continue
            for target in statement.targets:
                if isinstance(target, facts.Name) and target.id not in seen:
                    seen.add(target.id)
                    kind = _kind(stack, statement.value, cls)
                    if kind is not None and not _is_declared(statement, target.id):
                        yield target, kind, cls


def _kind(stack: Stack, expr: facts.Expr, cls: Class) -> str | None:
    """list, dict, set … when the expression makes a new one."""
    match stack.values.one(expr, cls.frame):
        case Display(node=facts.Sequence(kind=kind)):
            return KINDS.get(kind)
        case Display(node=facts.Dict()):
            return "dict"
        case Display(node=facts.Comprehension(kind=kind)):
            return KINDS.get(kind)
        case CallValue(dotted=dotted) if dotted in MAKERS:
            return dotted.rpartition(".")[2]
        case _:
            return None


def _is_declared(statement: facts.Assign, name: str) -> bool:
    """Does the author say that it is the class's: CONSTANT_CASE or `ClassVar`?"""
    annotation = statement.annotation
    nodes = () if annotation is None else (annotation, *below(annotation))
    words = [node.id if isinstance(node, facts.Name) else getattr(node, "attr", "") for node in nodes]
    return name.isupper() or "ClassVar" in words


def _changes(consumer: Consumer, name: str) -> list[tuple[facts.Node, Method]]:
    """Where a method changes `self.name`, or something in it."""
    return [
        (node, method)
        for cls in consumer.cls.ancestry
        for method in cls.own_methods.values()
        for node in below(method.node)
        if _root(_changed(node, name)) == (name, _self(method))
    ]


def _changed(node: facts.Node, name: str) -> facts.Expr | None:
    """The container that a node changes in place."""
    match node:
        case facts.Call(func=facts.Attribute(value=container, attr=attr)) if attr in CHANGES:
            return container
        case facts.Assign(targets=targets, value=value) if value is not None:
            return next((target.value for target in targets if isinstance(target, facts.Subscript)), None)
        case facts.AugmentedAssign(target=facts.Subscript(value=container)):
            return container
        case facts.AugmentedAssign(target=facts.Attribute() as container) if node.op in ("+", "|", "-", "&", "^"):
            return container
        case facts.Delete(targets=targets):
            return next((target.value for target in targets if isinstance(target, facts.Subscript)), None)
        case _:
            return None


def _root(container: facts.Expr | None) -> tuple[str, str] | None:
    """(`x`, `self`) of `self.x`, also behind indices: `self.x[key]["other"]`."""
    while isinstance(container, facts.Subscript):
        container = container.value
    if isinstance(container, facts.Attribute) and isinstance(container.value, facts.Name):
        return container.attr, container.value.id
    return None


def _self(method: Method) -> str | None:
    """The name of the instance in a method; None in class methods, whose author means the class."""
    names = [decorator.id for decorator in method.node.decorators if isinstance(decorator, facts.Name)]
    params = method.node.params
    return params[0].name if params and "classmethod" not in names and "staticmethod" not in names else None


def _is_rebound(consumer: Consumer, name: str) -> bool:
    """Does an instance get one of its own before it is changed?"""
    return any(
        isinstance(statement, facts.Assign) and method.name not in ("disconnect", "websocket_disconnect")
        for statement, _, method in consumer.cls.instance_assignments.get(name, ())
    )


def _is_registry(consumer: Consumer, name: str) -> bool:
    """Does some method reach it through the class (`Room.members`, `type(self).members`, `cls.members`), as meant?"""
    owners = {"cls", *(cls.name for cls in consumer.cls.ancestry)}
    for node in _nodes(consumer):
        match node:
            case facts.Attribute(value=facts.Name(id=owner), attr=attr) if attr == name and owner in owners:
                return True
            case facts.Attribute(value=facts.Call(func=facts.Name(id="type")), attr=attr) if attr == name:
                return True
            case facts.Attribute(value=facts.Attribute(attr="__class__"), attr=attr) if attr == name:
                return True
    return False


def _is_filled_once(consumer: Consumer, name: str, changes: list[tuple[facts.Node, Method]]) -> bool:
    """Is it only a memory of what is the same for all: filled when empty, or where a key is not in it yet?"""
    for change, changing in changes:
        guards = [
            node
            for cls in consumer.cls.ancestry
            for method in cls.own_methods.values()
            for node in below(method.node)
            if isinstance(node, facts.If) and _asks_if_absent(node.test, name)
            for place in [change, *(call for call, _ in calls_into(consumer.cls, method, changing.node))]
            if any(contains(inner.span, place.span) for inner in node.body)
        ]
        if not guards or not isinstance(change, (facts.Assign, facts.Call)):
            return False
    return True


def _asks_if_absent(test: facts.Expr, name: str) -> bool:
    """`not self.name`, `key not in self.name`"""
    match test:
        case facts.UnaryOp(op="not", operand=facts.Attribute(attr=attr)):
            return attr == name
        case facts.Compare(op="not in", right=facts.Attribute(attr=attr)):
            return attr == name
        case _:
            return False


def _nodes(consumer: Consumer) -> Iterator[facts.Node]:
    for cls in consumer.cls.ancestry:
        for method in cls.own_methods.values():
            yield from below(method.node)
