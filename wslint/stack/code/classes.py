"""Project classes: ancestry across files, methods and attributes as an instance sees them."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING

from wslint.facts import model as m
from wslint.facts.walk import within
from wslint.knowledge import channels as known
from wslint.location import Location
from wslint.stack.code.scope import Scope

if TYPE_CHECKING:
    from wslint.stack.code.link import Module
    from wslint.stack.code.values import Frame, FunctionValue, Value, Values

NEUTRAL_BASES = frozenset(
    {
        "builtins.object",
        "abc.ABC",
        "typing.Generic",
        "typing.Protocol",
        "typing_extensions.Protocol",
        "enum.Enum",
        "enum.IntEnum",
        "builtins.int",
        "builtins.str",
    }
)
"""Bases outside the project that add nothing which a rule could miss."""


@dataclass(eq=False)
class Method:
    """A method and the class whose body it stands in."""

    node: m.FunctionDef
    owner: Class

    @property
    def name(self) -> str:
        return self.node.name

    @cached_property
    def scope(self) -> Scope:
        return self.owner.scope_inside.child(self.node)

    @cached_property
    def frame(self) -> Frame:
        return self.owner.values.frame(self.scope, self.owner)

    @property
    def location(self) -> Location:
        """The method's name."""
        return Location(self.owner.path, self.node.name_span)

    @property
    def path(self) -> str:
        return self.owner.path

    def at(self, node: m.Node) -> Location:
        return Location(self.owner.path, node.span)


class Class:
    """A class of the project, linked to its bases."""

    def __init__(self, node: m.ClassDef, scope: Scope, values: Values) -> None:
        self.node = node
        self.scope = scope
        self.values = values

    def __repr__(self) -> str:
        return f"<Class {self.path}:{self.name}>"

    @property
    def name(self) -> str:
        return self.node.name

    @property
    def module(self) -> Module:
        return self.scope.module

    @property
    def path(self) -> str:
        return self.scope.module.path

    @property
    def location(self) -> Location:
        """The class's name."""
        return Location(self.path, self.node.name_span)

    @cached_property
    def scope_inside(self) -> Scope:
        return self.scope.child(self.node)

    @cached_property
    def frame(self) -> Frame:
        return self.values.frame(self.scope_inside)

    @cached_property
    def _bases(self) -> tuple[tuple[Class | str | None, ...], ...]:
        """Per base its possible meanings: a project class, an external dotted name, None (unknown)."""
        from wslint.stack.code.values import ClassValue, ExternalValue

        frame = self.values.frame(self.scope)
        out: list[tuple[Class | str | None, ...]] = []
        for base in self.node.bases:
            if base.keyword is not None:
                continue
            if base.star:
                out.append((None,))
                continue
            kinds: list[Class | str | None] = []
            for value in self.values.of(base.value, frame):
                if isinstance(value, ClassValue):
                    kinds.append(value.cls)
                elif isinstance(value, ExternalValue):
                    kinds.append(value.dotted)
                else:
                    kinds.append(None)
            out.append(tuple(kinds))
        return tuple(out)

    @property
    def _project_bases(self) -> list[Class]:
        """The bases of the project, the first possible meaning of each."""
        found = (next((kind for kind in kinds if isinstance(kind, Class)), None) for kinds in self._bases)
        return [base for base in found if base is not None]

    @cached_property
    def _linear(self) -> tuple[tuple[Class, ...], tuple[str, ...], bool]:
        """(project classes in method resolution order, external bases in order, whether every base is known)."""
        classes: list[Class] = [self]
        externals: list[str] = []
        complete = True
        seen: set[int] = {id(self)}

        def visit(cls: Class, depth: int) -> None:
            nonlocal complete
            for kinds in cls._bases:
                if len(kinds) != 1 or kinds[0] is None or depth > 12:
                    complete = False
                for base in kinds:
                    if isinstance(base, str):
                        if base in externals:
                            externals.remove(base)
                        externals.append(base)
                    elif base is not None and id(base) not in seen and depth <= 12:
                        seen.add(id(base))
                        classes.append(base)
                        visit(base, depth + 1)

        visit(self, 0)
        return tuple(_resolution_order(self, 0) or classes), tuple(externals), complete

    @property
    def ancestry(self) -> tuple[Class, ...]:
        """This class and its project bases, in method resolution order."""
        return self._linear[0]

    @property
    def externals(self) -> tuple[str, ...]:
        """Dotted names of the bases outside the project, direct and inherited."""
        return self._linear[1]

    @property
    def linked(self) -> bool:
        """Is every base either of the project or a name outside it (nothing unresolved)?"""
        return self._linear[2]

    def derives_from(self, *dotted: str) -> bool:
        """Is one of these external names among the bases?"""
        return any(name in self.externals for name in dotted)

    # --- members ---

    @cached_property
    def own_methods(self) -> dict[str, Method]:
        """Methods of this class's own body (the last definition of a name, those under `if` included)."""
        found: dict[str, Method] = {}
        for bindings in self.scope_inside.bindings.values():
            for binding in bindings:
                if isinstance(binding.source, m.FunctionDef):
                    found[binding.name] = Method(binding.source, self)
        return found

    @cached_property
    def methods(self) -> dict[str, Method]:
        """Methods by name, inherited ones of project bases included."""
        found: dict[str, Method] = {}
        for cls in self.ancestry:
            hidden = self._hidden.get(id(cls), frozenset())
            for name, method in cls.own_methods.items():
                if name not in found and name not in hidden:
                    found[name] = method
        return found

    @cached_property
    def _hidden(self) -> dict[int, frozenset[str]]:
        """What classes of the ancestry define in vain, by id: a consumer of Channels comes before them."""
        found: dict[int, frozenset[str]] = {}
        for cls in self.ancestry:
            before: frozenset[str] = frozenset()
            for kinds in cls._bases:
                match kinds:
                    case (str() as dotted,):
                        before |= known.DEFINES.get(dotted, frozenset())
                    case (Class() as base,):
                        behind = [one for one in base.ancestry if not one.derives_from(*known.CHANNELS_CONSUMERS)]
                        found.update((id(one), before) for one in behind if before)
                        before = before.union(*(known.DEFINES.get(name, ()) for name in base.externals))
                    case _:
                        break
        return found

    def method(self, name: str) -> Method | None:
        """The method that an instance runs under a name, when it is the project's."""
        return self.methods.get(name)

    def method_after(self, owner: Class, name: str) -> Method | None:
        """The method that `super().name` in a method of `owner` means for an instance of this class."""
        ancestry = self.ancestry
        after = ancestry[ancestry.index(owner) + 1 :] if owner in ancestry else ()
        sees = (cls for cls in after if name in cls.own_methods and name not in self._hidden.get(id(cls), ()))
        return next((cls.own_methods[name] for cls in sees), None)

    def defines(self, name: str) -> bool:
        """Is a name bound in the body of this class or of a project base?"""
        return any(name in cls.scope_inside.bindings for cls in self.ancestry)

    @cached_property
    def instance_assignments(
        self,
    ) -> dict[str, list[tuple[m.Assign | m.AugmentedAssign | m.Node, m.Expr | None, Method]]]:
        """`self.name = value` by name, in methods of this class and its project bases: (statement, value, method)."""
        found: dict[str, list[tuple[m.Node, m.Expr | None, Method]]] = {}
        for cls in self.ancestry:
            for method in cls.own_methods.values():
                first = method.node.params[0].name if method.node.params else None
                for statement, target, value in assignments(method.node.body):
                    if (
                        isinstance(target, m.Attribute)
                        and isinstance(target.value, m.Name)
                        and target.value.id == first
                    ):
                        found.setdefault(target.attr, []).append((statement, value, method))
        return found

    @cached_property
    def spoken(self) -> frozenset[str]:
        """What its methods name behind a dot (`self.name`, `other.name`)."""
        return frozenset(
            node.attr
            for method in self.methods.values()
            for node in within(method.node.body)
            if isinstance(node, m.Attribute) and isinstance(node.value, m.Name)
        )

    def attribute(self, name: str, receiver: Value, *, instance: bool = False) -> list[Value] | None:
        """What an attribute can be: methods bound to the receiver, class attributes, instance assignments.

        None when neither the class nor its project bases say anything about it.
        """
        from wslint.stack.code.values import FunctionValue, SelfValue, Unknown

        found: list[Value] = []
        for cls in self.ancestry:
            if name in cls.scope_inside.bindings:
                bindings = [found for found in cls.scope_inside.reaching(name) if not _sets(found.source)]
                for value in self.values.bound(bindings or cls.scope_inside.bindings[name][:1], cls.frame):
                    found.extend(
                        self._bind(value, receiver, instance, cls) if isinstance(value, FunctionValue) else [value]
                    )
                break
        if instance:
            for _, assigned, method in self.instance_assignments.get(name, ()):
                found.extend(self.values.of(assigned, method.frame) if assigned is not None else [Unknown()])
            if found and isinstance(receiver, SelfValue) and receiver.cls is self:
                for cls in self.values.descendants.get(id(self), ()):
                    if name in cls.own_methods:
                        found.append(Unknown(cls.own_methods[name].node))
                    elif cls.says(name):
                        found.extend(cls.attribute(name, SelfValue(cls), instance=True) or ())
        return found or None

    def says(self, name: str) -> bool:
        """Does this class's own body, or a method of it, say what an attribute is?"""
        return name in self.scope_inside.bindings or any(
            method.owner is self for _, _, method in self.instance_assignments.get(name, ())
        )

    def _bind(self, value: FunctionValue, receiver: Value, instance: bool, owner: Class) -> Iterator[Value]:
        from wslint.stack.code.values import ClassValue, FunctionValue

        names = {
            self.values.dotted(d.func if isinstance(d, m.Call) else d, value.frame)
            for d in (value.node.decorators if isinstance(value.node, m.FunctionDef) else ())
        }
        if "builtins.staticmethod" in names:
            yield value
        elif "builtins.classmethod" in names:
            yield FunctionValue(value.node, value.frame, ClassValue(self), owner)
        elif instance:
            bound = FunctionValue(value.node, value.frame, receiver, owner)
            if names & _PROPERTIES:
                inner = self.values.enter(bound, m.Call(value.node.span, m.Opaque(value.node.span), ()), value.frame)
                if inner is not None:
                    yield from self.values.returned(bound, inner)
                    return
            yield bound
        else:
            yield value


_PROPERTIES = frozenset({"builtins.property", "functools.cached_property", "django.utils.functional.cached_property"})


def _resolution_order(cls: Class, depth: int) -> list[Class]:
    """Python's method resolution order (C3); empty when there is none, or the bases go in a ring."""
    bases = cls._project_bases
    if depth > 12 or cls in bases:
        return []
    lines = [_resolution_order(base, depth + 1) for base in bases]
    if not all(lines):
        return []
    lines.append(list(bases))
    order = [cls]
    while any(lines):
        heads = [line[0] for line in lines if line]
        head = next((head for head in heads if not any(head in line[1:] for line in lines)), None)
        if head is None or head in order:
            return []
        order.append(head)
        lines = [[one for one in line if one is not head] for line in lines]
    return order


def _sets(source: m.Node) -> bool:
    """Is a definition the setter or deleter of a property?"""
    return isinstance(source, m.FunctionDef) and any(
        isinstance(decorator, m.Attribute) and decorator.attr in ("setter", "deleter")
        for decorator in source.decorators
    )


def assignments(body: tuple[m.Stmt, ...]) -> Iterator[tuple[m.Node, m.Expr, m.Expr | None]]:
    """Every (statement, target, value) that runs with a body; value None when it is not one expression."""
    for node in within(body):
        match node:
            case m.Assign() if node.value is not None:
                for target in node.targets:
                    yield from _targets(node, target, node.value)
            case m.AugmentedAssign():
                yield node, node.target, None
            case m.For():
                yield from _targets(node, node.target, None)
            case m.WithItem() if node.target is not None:
                yield from _targets(node, node.target, None)
            case m.Walrus():
                yield node, node.target, node.value
            case _:
                pass


def _targets(statement: m.Node, target: m.Expr, value: m.Expr | None) -> Iterator[tuple[m.Node, m.Expr, m.Expr | None]]:
    if not isinstance(target, m.Sequence):
        yield statement, target.value if isinstance(target, m.Starred) else target, value
        return
    same = isinstance(value, m.Sequence) and len(value.items) == len(target.items)
    given = value.items if isinstance(value, m.Sequence) else ()
    same = same and not any(isinstance(item, m.Starred) for item in (*target.items, *given))
    for index, item in enumerate(target.items):
        yield from _targets(statement, item, value.items[index] if same and isinstance(value, m.Sequence) else None)
