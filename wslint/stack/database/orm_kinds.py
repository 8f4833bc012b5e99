"""The kinds of things that Django's ORM has in code: models, managers, querysets, objects and what they have loaded."""

from __future__ import annotations

from dataclasses import dataclass, replace

from wslint.facts import model as m
from wslint.location import Location
from wslint.stack.code.classes import Class
from wslint.stack.code.values import Frame
from wslint.stack.database.schema import Model

Joined = frozenset[str] | None
"""Paths of relations that are loaded (`author__profile`); None when more may be."""

NOTHING: frozenset[str] = frozenset()


@dataclass(eq=False, frozen=True)
class Crossing:
    """Where something lazy leaves the thread it was built in.

    `expr` is what a project function returns (`returned`), else the call of the wrapped method.
    """

    expr: m.Expr
    frame: Frame
    returned: bool

    @property
    def location(self) -> Location:
        return self.frame.at(self.expr)


@dataclass(eq=False, frozen=True)
class ModelClass:
    model: Model


@dataclass(eq=False, frozen=True)
class Manager:
    """`Model.objects`, or the accessor of a relation to many (`related`); `cls` is the project's manager class."""

    model: Model | None
    cls: Class | None = None
    related: bool = False
    joined: Joined = NOTHING
    ready: bool = False
    """Its objects were prefetched."""


@dataclass(eq=False, frozen=True)
class QuerySet:
    """A query that has not been run; `rows`: it gives instances; `made`: the call that built it, and its frame."""

    model: Model | None
    joined: Joined = NOTHING
    rows: bool = True
    cls: Class | None = None
    crossing: Crossing | None = None
    made: tuple[m.Call, Frame] | None = None


@dataclass(eq=False, frozen=True)
class Instance:
    """An object of a model; `touched` are frames it came through, whose code may have loaded more."""

    model: Model | None
    joined: Joined = NOTHING
    touched: tuple[Frame, ...] = ()
    of_scope: bool = False
    """It is the user of the connection, `scope["user"]`."""


@dataclass(eq=False, frozen=True)
class Rows:
    """Evaluated results: a list of instances."""

    element: Instance


@dataclass(eq=False, frozen=True)
class Pair:
    """What get_or_create() gives."""

    first: Instance


@dataclass(eq=False, frozen=True)
class Serializer:
    """A model serializer of DRF around something."""

    cls: Class
    source: Kind | None
    many: bool


@dataclass(eq=False, frozen=True)
class Session:
    """The session of a connection, `scope["session"]`."""


Kind = ModelClass | Manager | QuerySet | Instance | Rows | Pair | Serializer | Session


def across(kind: Kind | None, crossing: Crossing) -> Kind | None:
    """Something that comes out of a thread."""
    if isinstance(kind, QuerySet) and kind.crossing is None:
        return replace(kind, crossing=crossing)
    return kind


def element_of(kind: Kind | None) -> Instance | None:
    """What a loop over something gives."""
    match kind:
        case QuerySet(rows=True):
            return Instance(kind.model, kind.joined)
        case Rows():
            return kind.element
    return None


def instance_of(kind: Kind | None) -> Instance | None:
    match kind:
        case ModelClass():
            return Instance(kind.model)
        case Manager() | QuerySet():
            return Instance(kind.model, kind.joined)
    return None


def given_by(call: m.Call) -> Joined:
    """The relations that keywords of a constructor set."""
    if any(arg.star for arg in call.args):
        return None
    return frozenset(arg.keyword for arg in call.args if arg.keyword is not None)


def heads(joined: frozenset[str]) -> frozenset[str]:
    return frozenset(path.partition("__")[0] for path in joined)


def joined_below(joined: Joined, name: str) -> Joined:
    if joined is None:
        return None
    return frozenset(path[len(name) + 2 :] for path in joined if path.startswith(f"{name}__"))
