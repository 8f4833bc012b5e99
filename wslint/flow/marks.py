"""What code leaves behind for others to see: fields, rows, counters, members and keys that outlive its process.

Only what the code itself says is read: the method names of Django's ORM and cache and of redis-py, constants, and texts
that are known at least in part.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import cached_property

from wslint.discover import mentions
from wslint.facts import model as m
from wslint.facts.walk import below, within
from wslint.flow.turn import Run
from wslint.knowledge import presence as known
from wslint.stack.code.text import Pattern
from wslint.stack.code.values import Frame, Unknown, argument
from wslint.stack.model import Stack, is_test_path


@dataclass(eq=False, frozen=True)
class Mark:
    """A write that says something about the connection.

    `kind` is field, rows, count, members or key; `subject` the name of the field or model, or the text of the key;
    `state` what it then is: a constant, or for rows, members and counters +1 and -1.
    """

    kind: str
    subject: str | Pattern
    state: object
    node: m.Node
    run: Run

    def undoes(self, other: Mark) -> bool:
        """Does this take back what another mark set?"""
        if self.kind != other.kind or not self._is_same(other):
            return False
        if self.kind in ("field", "key"):
            return self.state != other.state
        return self.state == -1 and other.state == 1

    def repeats(self, other: Mark) -> bool:
        return self.kind == other.kind and self._is_same(other) and self.state == other.state

    def _is_same(self, other: Mark) -> bool:
        if isinstance(self.subject, Pattern) and isinstance(other.subject, Pattern):
            return self.subject.could_equal(other.subject)
        return self.subject == other.subject

    def __str__(self) -> str:
        return f"`{self.subject}`"


class Marks:
    """Reads the marks of functions."""

    def __init__(self, stack: Stack) -> None:
        self.stack = stack

    def of(self, runs: Iterable[Run]) -> list[Mark]:
        """The marks that some functions leave when they run."""
        return [mark for run in runs for node in within(run.node.body) for mark in self._at(node, run)]

    def _at(self, node: m.Node, run: Run) -> Iterator[Mark]:
        match node:
            case m.Assign(targets=targets, value=value) if value is not None:
                for target in targets:
                    if isinstance(target, m.Attribute) and is_saved(target, run):
                        yield from self._field(target.attr, value, node, run)
            case m.AugmentedAssign(target=m.Attribute() as target, op="+" | "-" as op) if is_saved(target, run):
                yield Mark("count", target.attr, 1 if op == "+" else -1, node, run)
            case m.Call(func=m.Attribute(value=owner, attr=attr)):
                yield from self._call(node, owner, attr, run)

    def _call(self, node: m.Call, owner: m.Expr, attr: str, run: Run) -> Iterator[Mark]:
        if attr in known.UPDATES and _is_query(owner):
            for arg in node.args:
                if arg.keyword == "defaults" and isinstance(arg.value, m.Dict):
                    for item in arg.value.items:
                        if isinstance(item.key, m.Constant) and isinstance(item.key.value, str):
                            yield from self._field(item.key.value, item.value, node, run)
                elif arg.keyword is not None and arg.keyword != "defaults" and attr in ("update", "aupdate"):
                    yield from self._field(arg.keyword, arg.value, node, run)
        if attr in known.CREATES and (model := model_of(owner)):
            yield Mark("rows", model, 1, node, run)
        elif attr in known.DELETES and (model := self._deleted(owner, run)):
            yield Mark("rows", model, -1, node, run)
        elif attr in known.MANY and isinstance(owner, m.Attribute) and owner.attr in self._many_to_many:
            yield Mark("members", owner.attr, known.MANY[attr], node, run)
        elif attr in known.COUNTS or attr in known.MEMBERS:
            kind = "count" if attr in known.COUNTS else "members"
            for key in self._keys(node, run.frame):
                yield Mark(kind, key, known.COUNTS.get(attr) or known.MEMBERS[attr], node, run)
        elif attr in known.DELETES or (attr in known.SETS and self._lasts(node, run.frame)):
            given = argument(node, 1, "value")
            state = None if given is None else self.constant(given, run)
            for key in self._keys(node, run.frame) if not isinstance(state, Unknown) else ():
                yield Mark("key", key, state, node, run)

    def _field(self, name: str, value: m.Expr, node: m.Node, run: Run) -> Iterator[Mark]:
        step = next((step for part in (value, *below(value)) if (step := _step(part, name))), 0)
        if step:
            yield Mark("count", name, step, node, run)
            return
        state = self.constant(value, run)
        if isinstance(state, (bool, str, int)):
            yield Mark("field", name, state, node, run)

    def constant(self, value: m.Expr, run: Run) -> object:
        """The constant that an expression is; a name in capitals (`Status.ONLINE`) stands for itself."""
        found = self.stack.values.constant(value, run.frame)
        if isinstance(found, Unknown) and isinstance(value, m.Attribute) and value.attr.isupper():
            return value.attr
        return found

    @cached_property
    def _many_to_many(self) -> frozenset[str]:
        """Names that lead from an object to many others: many-to-many fields and their `related_name`."""
        found: set[str] = set()
        for path in mentions(self.stack.tree, (b"ManyToManyField",), self.stack.concerned):
            module = None if is_test_path(path) else self.stack.modules.at(path)
            for node in (node for statement in module.facts.body for node in below(statement)) if module else ():
                match node:
                    case m.Assign(targets=(m.Name(id=name),), value=m.Call(func=m.Attribute(attr=field)) as call):
                        related = argument(call, 1 << 30, "related_name")
                        if field == "ManyToManyField":
                            found.add(name)
                        if field == "ManyToManyField" and isinstance(related, m.Constant):
                            found.add(str(related.value))
                    case _:
                        pass
        return frozenset(found)

    def _keys(self, node: m.Call, frame: Frame) -> list[Pattern]:
        key = argument(node, 0, "key") or argument(node, 0, "name")
        return [] if key is None else [text for text in self.stack.texts.of(key, frame) if not text.unknown]

    def _lasts(self, node: m.Call, frame: Frame) -> bool:
        """Is a key set without an end? (Django's cache forgets after 300 seconds unless it is told `timeout=None`.)"""
        timeout = argument(node, 2, "timeout")
        return timeout is not None and self.stack.values.constant(timeout, frame) is None

    def _deleted(self, owner: m.Expr, run: Run) -> str:
        """The model of what is deleted: `Model.objects.filter(…)`, or `self.x` that was such a thing."""
        model = model_of(owner)
        if not model and isinstance(owner, m.Attribute) and run.frame.owner is not None:
            for _, value, _ in run.frame.owner.instance_assignments.get(owner.attr, ()):
                made = value.value if isinstance(value, m.Await) else value
                if isinstance(made, m.Call) and isinstance(made.func, m.Attribute) and made.func.attr in known.CREATES:
                    model = model or model_of(made.func.value)
        return model


def is_saved(target: m.Attribute, run: Run) -> bool:
    """Is it an attribute of an object that the same function saves?"""
    owner = _text(target.value)
    return bool(owner) and any(
        isinstance(node, m.Attribute) and node.attr in known.SAVES and _text(node.value) == owner
        for node in within(run.node.body)
    )


def _text(node: m.Expr) -> str:
    if isinstance(node, m.Attribute):
        inner = _text(node.value)
        return f"{inner}.{node.attr}" if inner else ""
    return node.id if isinstance(node, m.Name) else ""


def _chain(node: m.Expr) -> Iterator[m.Attribute]:
    """The attributes of `a.b(…).c(…).d`, the last one first."""
    while isinstance(node, (m.Attribute, m.Call, m.Await)):
        if isinstance(node, m.Attribute):
            yield node
            node = node.value
        else:
            node = node.func if isinstance(node, m.Call) else node.value


def _is_query(owner: m.Expr) -> bool:
    return any(link.attr in known.QUERIES for link in _chain(owner))


def model_of(owner: m.Expr) -> str:
    """`Model` of `Model.objects…`."""
    for link in _chain(owner):
        if link.attr == "objects":
            return link.value.attr if isinstance(link.value, m.Attribute) else getattr(link.value, "id", "")
    return ""


def _step(node: m.Node, name: str) -> int:
    """+1 or -1 for `F("name") + 1` and `thing.name - 1`."""
    match node:
        case m.BinaryOp(left=left, op="+" | "-" as op, right=m.Constant(value=int())):
            same = isinstance(left, m.Attribute) and left.attr == name
            same = same or (isinstance(left, m.Call) and any(_is_text(arg.value, name) for arg in left.args))
            return (1 if op == "+" else -1) if same else 0
        case _:
            return 0


def _is_text(node: m.Expr, text: str) -> bool:
    return isinstance(node, m.Constant) and node.value == text
