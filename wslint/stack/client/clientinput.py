"""What the client sent, followed through the consumer: the frame's text, the JSON in it, its members.

`ClientInput.of(expression, frame)` answers for any expression of a consumer's code. It follows names, attributes of
`self`, loops, unpacking, `.get()`, `or`, and project functions with their arguments bound; what else there is has no
answer.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace

from wslint.facts import model as m
from wslint.facts.walk import within
from wslint.knowledge.channels import ASYNC_TO_SYNC, JSON_LOADS, SYNC_TO_ASYNC
from wslint.stack.code.bindings import Binding
from wslint.stack.code.classes import Class, Method
from wslint.stack.code.supers import is_super
from wslint.stack.code.text import Pattern
from wslint.stack.code.values import Bound, CallValue, Display, Frame, FunctionValue, SelfValue, Value, Values
from wslint.stack.model import Consumer, Stack

MAX_DEPTH = 24
MIN_NAME = 3
"""How many letters of a method's name must be known for a `getattr()` to be followed."""
EACH = "[]"
"""In a path: some item of a list, or some value of an object."""

STAGES = ("dispatch", "websocket_receive", "receive", "receive_json")
"""The methods that a frame of the client passes; each calls the next one."""

_SAME_TEXT = frozenset("strip lstrip rstrip lower upper title capitalize casefold decode encode replace".split())
_SAME_JSON = frozenset({"copy", "keys"})
_SAME_CALLS = frozenset({f"builtins.{name}" for name in ("dict", "list", "tuple", "sorted", "set")}) | {
    "copy.copy",
    "copy.deepcopy",
}


Step = tuple[m.Node, Frame]


@dataclass(eq=False, frozen=True)
class Input:
    """A part of what the client sent.

    `form` is "event" (the dict of the ASGI message), "text", "bytes" or "json" (decoded, of unknown shape). `root` is
    the parameter or the call that gave it first, `path` the keys from there: `("user", "id")`. `steps` are the
    expressions that took it out of what was there before, in that order.
    """

    form: str
    root: m.Node
    path: tuple[str, ...] = ()
    steps: tuple[Step, ...] = ()

    @property
    def key(self) -> str:
        """The last key on the path that is a name; "" for the whole message."""
        return next((key for key in reversed(self.path) if key != EACH), "")

    def is_same(self, other: Input) -> bool:
        return self.root is other.root and self.path == other.path and (self.form == "json") is (other.form == "json")

    def member(self, key: str, node: m.Node, frame: Frame) -> Input:
        return replace(self, path=(*self.path, key), steps=(*self.steps, (node, frame)))


class ClientInput:
    """Traces the expressions of one consumer back to the client."""

    def __init__(self, stack: Stack, consumer: Consumer) -> None:
        self.values: Values = stack.values
        self.texts = stack.texts
        self.consumer = consumer
        self._active: set[tuple[int, int]] = set()
        self._cut = False  # was something left out because it is being traced already?
        self._memo: dict[tuple[int, int], tuple[Input, ...]] = {}
        self._kept: list[object] = []
        self._frames: dict[int, Frame] = {}
        self._params = dict(self._entry_params())

    def _entry_params(self) -> Iterator[tuple[int, str]]:
        """The parameters by which Channels hands over what came, and in which form."""
        for name, method in self.consumer.methods.items():
            params = method.node.params[1:]
            if name == "receive":
                for param in params:
                    if param.name in ("text_data", "bytes_data"):
                        yield id(param), param.name.partition("_")[0]
            elif name == "websocket_receive" and params:
                yield id(params[0]), "event"
            elif name == "receive_json" and params and params[0].kind.startswith("positional"):
                yield id(params[0]), "json"
            elif name == "decode_json" and params and self.consumer.kind == "json":
                yield id(params[0]), "text"

    def of(self, expr: m.Expr, frame: Frame) -> tuple[Input, ...]:
        """The parts of the client's message that an expression can be; empty when it is none, or not plain to see."""
        key = (id(expr), id(frame))
        if key in self._memo:
            return self._memo[key]
        if key in self._active or len(self._active) > MAX_DEPTH:
            self._cut = True
            return ()
        outer, self._cut = self._cut, False
        self._active.add(key)
        try:
            found: list[Input] = []
            for one in self._of(expr, frame):
                if not any(one.is_same(other) for other in found):
                    found.append(one)
        finally:
            self._active.discard(key)
        if not self._cut or not self._active:
            self._memo[key] = tuple(found)
            self._kept.append((expr, frame))  # so that ids stay theirs
        self._cut = self._cut or outer
        return tuple(found)

    def _of(self, expr: m.Expr, frame: Frame) -> Iterator[Input]:
        match expr:
            case m.Name():
                yield from self._name(expr, frame)
            case m.Attribute(value=owner, attr=attr):
                if any(isinstance(value, SelfValue) for value in self.values.of(owner, frame)):
                    for _, value, method in self.consumer.cls.instance_assignments.get(attr, ()):
                        if value is not None:
                            yield from self.of(value, self.entered(method))
            case m.Await(value=value) | m.Walrus(value=value):
                yield from self.of(value, frame)
            case m.Conditional(body=left, orelse=right) | m.BoolOp(left=left, right=right):
                yield from self.of(left, frame)
                yield from self.of(right, frame)
            case m.Subscript(value=owner, index=index):
                for one in self.of(owner, frame):
                    yield from self._item(one, self._key(index, frame), expr, frame)
            case m.Call():
                yield from self._call(expr, frame)
            case _:
                pass

    def _key(self, index: m.Expr, frame: Frame) -> str:
        key = self.values.constant(index, frame)
        return key if isinstance(key, str) else EACH

    def _item(self, owner: Input, key: str, node: m.Node, frame: Frame) -> Iterator[Input]:
        if owner.form == "json":
            yield owner.member(key, node, frame)
        elif owner.form == "event" and key in ("text", "bytes"):
            yield replace(owner.member(key, node, frame), form=key)

    # --- names ---

    def _name(self, node: m.Name, frame: Frame) -> Iterator[Input]:
        scope = frame.scope
        if scope.comprehends(node.id, node.span):
            yield from self._comprehended(node, frame)
            return
        owner = scope.owner(node.id)
        home: Frame | None = frame
        while home is not None and home.scope is not owner:
            home = home.parent
        if owner is not None and home is not None:
            for binding in owner.reaching(node.id, node.span if owner is scope else None):
                yield from self._bound(binding, home)

    def _bound(self, binding: Binding, frame: Frame) -> Iterator[Input]:
        match binding.source:
            case m.Parameter() as param:
                yield from self._parameter(param, frame)
            case m.For(iterable=iterable, target=target):
                yield from self._each(target, binding.name, iterable, frame)
            case m.Assign() | m.Walrus() if binding.value is not None:
                yield from self._unpacked(binding.value, binding.path, frame)
            case _:
                pass

    def _unpacked(self, value: m.Expr, path: tuple[int, ...] | None, frame: Frame) -> Iterator[Input]:
        if path and isinstance(value, m.Sequence) and path[0] < len(value.items):
            yield from self._unpacked(value.items[path[0]], path[1:], frame)
            return
        for one in self.of(value, frame):
            if path == ():
                yield one
            elif one.form == "json":
                yield one.member(EACH, value, frame)

    def _parameter(self, param: m.Parameter, frame: Frame) -> Iterator[Input]:
        bound = frame.arguments.get(param.name)
        form = self._params.get(id(param))
        if bound is not None and bound.expr is not None and bound.expr is not param.default:
            yield from self.of(bound.expr, bound.frame)
        elif bound is None and form is not None:
            decode = self.consumer.method("decode_json") if form == "json" else None
            if decode is None:
                yield Input(form, param)
            else:
                yield from self._returned(decode.node, self.entered(decode))

    def _each(self, target: m.Expr, name: str, iterable: m.Expr, frame: Frame) -> Iterator[Input]:
        """What a loop over a part of the message gives; of `for key, value in x.items()` the value."""
        match iterable, target:
            case m.Call(func=m.Attribute(attr="items", value=owner)), m.Sequence(items=(_, m.Name(id=second))):
                held = owner if name == second else None
            case m.Call(func=m.Name(id="enumerate"), args=(items, *_)), m.Sequence(items=(_, m.Name(id=second))):
                held = items.value if name == second else None
            case _:
                held = iterable if isinstance(target, m.Name) else None
        for one in () if held is None else self.of(held, frame):
            if one.form == "json":
                yield one.member(EACH, iterable, frame)

    def _comprehended(self, node: m.Name, frame: Frame) -> Iterator[Input]:
        for found in within(frame.scope.body):
            if isinstance(found, m.Comprehension) and found.span <= node.span <= found.span.end:
                for generator in found.generators:
                    bound = [name for name in within((generator.target,)) if isinstance(name, m.Name)]
                    if any(name.id == node.id for name in bound) and node not in bound:
                        yield from self._each(generator.target, node.id, generator.iterable, frame)

    # --- calls ---

    def _call(self, call: m.Call, frame: Frame) -> Iterator[Input]:
        func, first = call.func, call.args[0].value if call.args else None
        if isinstance(func, m.Attribute):
            owners = self.of(func.value, frame)
            for one in owners:
                yield from self._method(one, func.attr, call, frame)
            if owners:
                return
        if not self.may_concern(call, frame):
            return
        dotted = self.values.dotted(func, frame)
        if dotted in JSON_LOADS or self._decodes(func, frame):
            if first is not None and self.of(first, frame):
                yield Input("json", call, (), (*self.of(first, frame)[0].steps, (call, frame)))
            return
        if dotted in _SAME_CALLS and first is not None:
            yield from self.of(first, frame)
            return
        if dotted == "builtins.str" and first is not None:
            yield from (replace(one, form="text") for one in self.of(first, frame))
            return
        for function, inner in self.entering(call, frame):
            yield from self._returned(function, inner)

    def is_given(self, call: m.Call, frame: Frame) -> bool:
        """Does a call hand on something of the client's?"""
        return any(self.of(arg.value, frame) for arg in call.args)

    def may_concern(self, call: m.Call, frame: Frame) -> bool:
        """Is a call given something of the client's, or one of the consumer's own methods, or a nested function?

        What any other call runs is not looked up: that may mean to read files which matter for nothing else.
        """
        match call.func:
            case m.Attribute(value=owner) if is_super(owner) or _is_self(owner, frame):
                return True
            case m.Name(id=name):
                scope = frame.scope.owner(name)
                return (scope is not None and scope.is_function) or self.is_given(call, frame)
            case m.Attribute():
                return self.is_given(call, frame)
            case _:
                return True

    def _decodes(self, func: m.Expr, frame: Frame) -> bool:
        """Is a callee Channels' own decode_json()?"""
        if not isinstance(func, m.Attribute) or func.attr != "decode_json" or self.consumer.kind != "json":
            return False
        return is_super(func.value) or self.consumer.method("decode_json") is None

    def _method(self, owner: Input, attr: str, call: m.Call, frame: Frame) -> Iterator[Input]:
        if attr in ("get", "pop", "setdefault") and call.args:
            yield from self._item(owner, self._key(call.args[0].value, frame), call, frame)
        elif attr == "values" and owner.form == "json":
            yield owner
        elif (owner.form == "json" and attr in _SAME_JSON) or attr in _SAME_TEXT:
            yield owner if attr not in ("decode", "encode") else replace(owner, form="text")

    def _returned(self, node: m.FunctionDef, frame: Frame) -> Iterator[Input]:
        for found in within(node.body):
            if isinstance(found, m.Return) and found.value is not None:
                yield from self.of(found.value, frame)

    # --- functions that are entered ---

    def entered(self, method: Method) -> Frame:
        """Where a method is read when Channels calls it: with an instance of this consumer as `self`."""
        plain, params = method.frame, method.node.params
        if method.owner is self.consumer.cls or not params:
            return plain
        if id(method.node) not in self._frames:
            me = Bound(None, plain, SelfValue(self.consumer.cls))
            self._frames[id(method.node)] = Frame(plain.scope, {params[0].name: me}, plain.parent, plain.owner)
        return self._frames[id(method.node)]

    def entering(self, call: m.Call, frame: Frame) -> Iterator[tuple[m.FunctionDef, Frame]]:
        """The project functions that a call runs, read with its arguments; through `async_to_sync` and its like too."""
        if isinstance(call.func, m.Attribute) and is_super(call.func.value):
            owner = frame.owner
            after = None if owner is None else self.consumer.cls.method_after(owner, call.func.attr)
            if after is not None and after.frame.parent is not None:
                me = SelfValue(self.consumer.cls)
                yield from self._enter(FunctionValue(after.node, after.frame.parent, me, after.owner), call, frame)
            return
        functions = [found for value in self.values.of(call.func, frame) for found in self._adapted(value)]
        for function in functions or self._dispatched(call.func, frame):
            yield from self._enter(function, call, frame)

    def _dispatched(self, func: m.Expr, frame: Frame) -> Iterator[FunctionValue]:
        """What `handlers[kind](…)`, `handlers.get(kind)(…)` or `getattr(self, f"on_{kind}")(…)` can call."""
        bindings = frame.scope.reaching(func.id, func.span) if isinstance(func, m.Name) else ()
        for written in [binding.value for binding in bindings] or [func]:
            match written:
                case m.Subscript(value=table) | m.Call(func=m.Attribute(value=table, attr="get")):
                    for value in self.values.of(table, frame):
                        if isinstance(value, Display) and isinstance(value.node, m.Dict):
                            for item in value.node.items:
                                yield from self._functions(self.values.of(item.value, value.frame))
                case m.Call(func=m.Name(id="getattr"), args=(owner, name, *_)):
                    if any(isinstance(value, SelfValue) for value in self.values.of(owner.value, frame)):
                        yield from self._named_like(self.texts.of(name.value, frame))
                case _:
                    pass

    def _named_like(self, names: list[Pattern]) -> Iterator[FunctionValue]:
        """The consumer's methods that one of some names can mean; a name of which little is known means none."""
        cls = self.consumer.cls
        for name, method in self.consumer.methods.items():
            written = Pattern((name,), method.node, method.frame)
            if any(max(map(len, one.texts), default=0) >= MIN_NAME and one.could_equal(written) for one in names):
                yield from self._functions(cls.attribute(name, SelfValue(cls), instance=True) or ())

    def _functions(self, values: Iterable[Value]) -> Iterator[FunctionValue]:
        return (value for value in values if isinstance(value, FunctionValue))

    def _adapted(self, value: Value) -> Iterator[FunctionValue]:
        if isinstance(value, FunctionValue):
            yield value
        elif isinstance(value, CallValue) and (value.dotted in SYNC_TO_ASYNC or value.dotted == ASYNC_TO_SYNC):
            for arg in value.node.args[:1]:
                for inner in self.values.of(arg.value, value.frame):
                    if isinstance(inner, FunctionValue):
                        yield inner

    def _enter(self, function: FunctionValue, call: m.Call, frame: Frame) -> Iterator[tuple[m.FunctionDef, Frame]]:
        inner = self.values.enter(function, call, frame, decorated=True)
        if inner is not None and isinstance(function.node, m.FunctionDef):
            yield function.node, inner


def _is_self(expr: m.Expr, frame: Frame) -> bool:
    """Is an expression the first parameter of the method around?"""
    scope = frame.scope
    while scope.parent is not None and not isinstance(scope.parent.node, m.ClassDef):
        scope = scope.parent
    params = scope.node.params if isinstance(scope.node, m.FunctionDef) else ()
    return isinstance(expr, m.Name) and bool(params) and params[0].name == expr.id


def client_input(stack: Stack, consumer: Consumer) -> ClientInput:
    """The trace of a consumer, made once per stack."""
    made: dict[int, ClientInput] = stack.__dict__.setdefault("_client_inputs", {})
    if id(consumer) not in made:
        made[id(consumer)] = ClientInput(stack, consumer)
    return made[id(consumer)]


def is_own(cls: Class | None, consumer: Consumer) -> bool:
    """Is a class the consumer's own or one of its project bases?"""
    return cls is not None and cls in consumer.cls.ancestry
