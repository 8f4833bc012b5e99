"""Who queries the database: the event loop, where Django refuses it, and functions that are given to threads."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from wslint.discover import mentions
from wslint.facts import model as m
from wslint.facts.walk import below, contains, within
from wslint.knowledge import orm as known
from wslint.location import Location
from wslint.stack.code.callees import Body, bodies
from wslint.stack.code.classes import Method
from wslint.stack.code.values import Values
from wslint.stack.database.orm_kinds import Instance, Manager, QuerySet
from wslint.stack.database.queries import LAZY, MANAGED, Query, path_of, queries_of
from wslint.stack.execution.threads import Handed, threads_of
from wslint.stack.model import Consumer, Stack, is_test_path


@dataclass(eq=False, frozen=True)
class Asked:
    """A query on the event loop and the function it belongs to: a coroutine function, or a middleware's `__call__`."""

    query: Query
    body: Body
    consumer: Consumer | None

    @property
    def name(self) -> str:
        """Consumer and function, as far as they are known."""
        return self.body.name if self.consumer is None else f"{self.consumer.name}.{self.body.name}"


def asked_of(stack: Stack) -> tuple[Asked, ...]:
    """Every query on an event loop of a stack, by the place where a person would comment on it; found once."""
    found: tuple[Asked, ...] | None = stack.__dict__.get("_asked")
    if found is None:
        found = stack.__dict__["_asked"] = _asked(stack)
    return found


def _asked(stack: Stack) -> tuple[Asked, ...]:
    found: dict[Location, Asked] = {}
    queries = queries_of(stack)
    consumers = {id(running.node): running.consumer for running in threads_of(stack).loop if not running.steps}
    for body in _on_loop(stack):
        for query in queries.of_body(body):
            inside = query.inside or body
            found.setdefault(query.place, Asked(query, inside, consumers.get(id(inside.node))))
    return tuple(found[place] for place in sorted(found)) if found and not _is_allowed(stack) else ()


def _on_loop(stack: Stack) -> Iterator[Body]:
    """Where event loops enter the project's code."""
    seen: set[int] = set()
    for running in threads_of(stack).loop:
        if not running.steps and id(running.node) not in seen and not is_test_path(running.frame.path):
            seen.add(id(running.node))
            yield running.body
    for made in stack.middleware:
        if made.call is not None and _is_plain_call(stack, made.call) and id(made.call.node) not in seen:
            seen.add(id(made.call.node))
            yield Body(made.call.node, made.call.frame)


def _is_plain_call(stack: Stack, call: Method) -> bool:
    """Is it a plain `__call__` that works: with one argument only under Channels 2 (middleware-signature)?"""
    scope_only = len(call.node.params) == 2
    return not call.node.is_async and (not scope_only or stack.packages.surely_below("channels", "3"))


def _is_allowed(stack: Stack) -> bool:
    """Has Django no such check (before 3.0), or does the project or a server's environment switch it off?"""
    name = known.UNSAFE_SWITCH
    if stack.packages.surely_below("django", "3"):
        return True
    if any(key == name for process in stack.processes for key, _ in process.command.environment):
        return True
    own = [path for path in stack.tree.python if not is_test_path(path)]
    modules = map(stack.modules.at, mentions(stack.tree, (name.encode(),), own))
    return any(
        isinstance(node, m.Constant) and node.value == name
        for module in modules
        if module is not None
        for statement in module.facts.body
        for node in (statement, *below(statement))
    )


def given_query(stack: Stack, handed: Handed) -> Query | None:
    """The first query that a function given to a thread runs."""
    queries, frame, given = queries_of(stack), handed.frame, handed.given
    if isinstance(given, m.Attribute):
        base = queries.orm.one(given.value, frame)
        looks_up = isinstance(base, (Manager, QuerySet)) and given.attr in known.QUERIES
        if looks_up or (isinstance(base, Instance) and given.attr in known.INSTANCE_QUERIES):
            return Query(given, frame, MANAGED, f"{'.'.join(path_of(given)) or given.attr}()", given)
    if stack.values.dotted(given, frame) in known.CONSUMING | known.FUNCTIONS.keys():
        return _consumed(stack, handed)
    found = [query for body in given_bodies(handed, stack.values) for query in queries.of_body(body)]
    return min(found, key=_is_conditional, default=None)


def _is_conditional(query: Query) -> bool:
    """Does the query stand under a test in its own function?"""
    return any(
        isinstance(node, m.If) and contains(node.span, query.node.span) for node in within(query.frame.scope.body)
    )


def _consumed(stack: Stack, handed: Handed) -> Query | None:
    """`to_thread(list, rooms)`, `sync_to_async(list)(rooms)`, `sync_to_async(get_object_or_404)(Room, …)`."""
    frame, given = handed.frame, handed.given
    dotted = stack.values.dotted(given, frame) or ""
    name = f"{dotted.rpartition('.')[2]}()"
    for call in (node for node in within(frame.scope.body) if isinstance(node, m.Call)):
        args = [arg.value for arg in call.args]
        if call is handed.call:
            args = args[args.index(given) + 1 :]
        elif call.func is not handed.call:
            continue
        if args and dotted in known.FUNCTIONS:
            return Query(given, frame, MANAGED, name, given)
        if any(isinstance(queries_of(stack).orm.one(arg, frame), QuerySet) for arg in args):
            return Query(given, frame, LAZY, f"given to {name}", given)
    return None


def given_bodies(handed: Handed, values: Values) -> list[Body]:
    """The project code of a function that is given to a thread."""
    if isinstance(handed.given, m.Lambda):
        scope = handed.frame.scope.child(handed.given)
        return [Body(handed.given, values.frame(scope))]
    return [body for body in bodies(handed.given, handed.frame, values) if not body.is_async]


def closes(stack: Stack, bodies: Iterable[Body]) -> bool:
    """Does a function give the database connection back itself?"""
    return any(
        stack.values.dotted(node.func, body.frame) in known.CLOSES
        for body in bodies
        for node in body.nodes()
        if isinstance(node, m.Call)
    )
