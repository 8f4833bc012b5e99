"""What a handler looks up in the database by a key of its event: `Order.objects.get(pk=event["id"])`."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from wslint.facts import model as m
from wslint.facts.walk import below, calls_within, contains, within
from wslint.knowledge import orm as known
from wslint.location import Location
from wslint.stack.code.callees import Body, bodies
from wslint.stack.code.classes import Method
from wslint.stack.code.values import Frame, argument
from wslint.stack.database.orm import Orm
from wslint.stack.database.orm_kinds import Manager, ModelClass, QuerySet
from wslint.stack.database.schema import Model

MAX_DEPTH = 3
"""How many helpers deep a key is followed."""

_WHOLE = "*"
_LOOKUPS = frozenset(
    "get aget filter get_or_create aget_or_create first afirst exists aexists values values_list only in_bulk".split()
)


@dataclass(eq=False, frozen=True)
class Load:
    """A row of a model is looked up by what an event has under a key."""

    key: str
    model: Model
    location: Location


def loads_of(orm: Orm, handler: Method) -> tuple[Load, ...]:
    """The lookups that a handler makes, itself or in what it hands a key to."""
    params = handler.node.params
    if len(params) < 2:
        return ()
    return tuple(_loads(orm, Body(handler.node, handler.frame), {params[1].name: _WHOLE}, 0, set()))


def _loads(orm: Orm, body: Body, given: Mapping[str, str], depth: int, seen: set[object]) -> Iterator[Load]:
    held = dict(given)
    for node in body.nodes():
        if isinstance(node, m.Assign) and node.value is not None and (key := _key(node.value, held)) is not None:
            held |= {target.id: key for target in node.targets if isinstance(target, m.Name)}
    nodes = body.node.body if isinstance(body.node, m.FunctionDef) else (body.node.body,)
    for call in calls_within(nodes):
        keys = [(place, key) for place, arg in enumerate(call.args) if (key := _key(arg.value, held)) is not None]
        target = _unwrapped(call, body.frame, orm)
        model = _looked_up(orm, call, target, body.frame)
        if model is not None:
            yield from (Load(key, model, body.at(call)) for _, key in keys if key != _WHOLE)
        elif depth < MAX_DEPTH:
            for inner in bodies(target, body.frame, orm.values):
                passed = dict(_passed(call, keys, inner))
                passed |= held if contains(body.node.span, inner.node.span) else {}
                way = (id(inner.node), frozenset(passed.items()))
                if passed and inner.node is not body.node and way not in seen:
                    seen.add(way)
                    yield from _loads(orm, inner, passed, depth + 1, seen)


def _key(expr: m.Expr, held: Mapping[str, str]) -> str | None:
    """The key of the event that an expression takes; the whole event when it only is that."""
    for node in (expr, *below(expr)):
        match node:
            case m.Subscript(value=m.Name(id=name), index=m.Constant(value=str() as key)) if held.get(name) == _WHOLE:
                return key
            case m.Call(func=m.Attribute(value=m.Name(id=name), attr="get"), args=(first, *_)):
                if held.get(name) == _WHOLE and isinstance(first.value, m.Constant):
                    return str(first.value.value)
            case m.Name(id=name) if name in held and (held[name] != _WHOLE or node is expr):
                return held[name]
            case _:
                pass
    return None


def _unwrapped(call: m.Call, frame: Frame, orm: Orm) -> m.Expr:
    """`load` of `load(…)` and of `database_sync_to_async(load)(…)`."""
    func = call.func
    if isinstance(func, m.Call) and func.args and orm.values.dotted(func.func, frame) in known.THREAD_WRAPPERS:
        return func.args[0].value
    return func


def _looked_up(orm: Orm, call: m.Call, target: m.Expr, frame: Frame) -> Model | None:
    """The model of which a call looks up rows."""
    base: m.Expr | None = None
    if isinstance(target, m.Attribute) and target.attr in _LOOKUPS:
        base = target.value
    elif orm.values.dotted(target, frame) in known.FUNCTIONS:
        base = argument(call, 0)
    match None if base is None else orm.one(base, frame):
        case ModelClass(model=model) | Manager(model=model) | QuerySet(model=model):
            return model
        case _:
            return None


def _passed(call: m.Call, keys: list[tuple[int, str]], inner: Body) -> Iterator[tuple[str, str]]:
    """The parameters of a function that a call gives keys of the event."""
    params = [param.name for param in inner.node.params]
    params = params[1:] if params[:1] == ["self"] else params
    for place, key in keys:
        name = call.args[place].keyword
        if name is None and place < len(params):
            yield params[place], key
        elif name in params:
            yield str(name), key


def subjects(expr: m.Expr) -> Iterator[m.Expr]:
    """The objects whose primary key an expression takes: `order` of `str(order.pk)`."""
    for node in within((expr,)):
        if isinstance(node, m.Attribute) and node.attr in ("pk", "id", "uuid"):
            yield node.value
