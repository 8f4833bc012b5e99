"""What rule authors use: `Rule`, `Finding`, `Location`, `Span`, `Fix`, `Edit`, `Level`.

A rule is one class with a docstring, a code, a name, a level and hooks named after the nouns of the domain. A hook is
called once for every such object of the linked stack and yields findings; it never walks a tree and never opens a file.
"""

from __future__ import annotations

import enum
from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING, Any, ClassVar

import msgspec

from wslint.location import Edit, Location, Span

if TYPE_CHECKING:
    from wslint.stack.model import Application, Consumer, FunctionUse, Middleware, Route, Router, Send, Settings, Stack

__all__ = ["Edit", "Finding", "Fix", "Level", "Location", "Related", "Rule", "Span"]


class Level(str, enum.Enum):
    """How sure the harm is: error (whenever that code runs), warning (under a condition), info (a smell)."""

    ERROR = "error"
    WARNING = "warning"
    INFO = "info"

    @property
    def rank(self) -> int:
        return ("error", "warning", "info").index(self.value)


class Related(msgspec.Struct, frozen=True):
    """The other half of a finding: a place and what it has to do with it."""

    location: Location
    message: str


class Fix(msgspec.Struct, frozen=True):
    """A mend. Safe: the meaning stays what the author wrote. Unsafe: needs a person's look."""

    edits: tuple[Edit, ...]
    safe: bool
    title: str = ""


class Finding(msgspec.Struct, frozen=True):
    """One mistake: what is wrong (message), what the user will see (symptom), how to mend it (hint)."""

    code: str
    name: str
    level: Level
    message: str
    location: Location
    hint: str = ""
    symptom: str = ""
    symbol: str = ""
    related: tuple[Related, ...] = ()
    fix: Fix | None = None


class Rule:
    """Base of all rules. A subclass sets `code`, `name`, `level` and overrides the hooks it needs.

    The docstring has the sections that `wslint explain` shows: a first line (what), `Why:`, `See:` (what the user
    sees), `Mend:`, `Bad:` and `Good:` with indented code. The examples are tests.
    """

    code: ClassVar[str]
    name: ClassVar[str]
    level: ClassVar[Level]
    in_tests: ClassVar[bool] = False  # also judge test code
    since: ClassVar[str] = "0.1"

    # Hooks. Each yields findings for one object of the stack.

    def application(self, application: Application) -> Iterable[Finding]:
        """An ASGI application that a server command, ASGI_APPLICATION or an asgi module names."""
        return ()

    def router(self, router: Router) -> Iterable[Finding]:
        """A URLRouter call, wherever it stands."""
        return ()

    def route(self, route: Route) -> Iterable[Finding]:
        """One `path()`/`re_path()`/`url()` in a list that reaches a URLRouter."""
        return ()

    def consumer(self, consumer: Consumer) -> Iterable[Finding]:
        """A consumer class of the project."""
        return ()

    def middleware(self, middleware: Middleware) -> Iterable[Finding]:
        """An ASGI middleware class or function of the project."""
        return ()

    def send(self, send: Send) -> Iterable[Finding]:
        """A group_add, group_discard, group_send or send on a channel layer."""
        return ()

    def function(self, function: FunctionUse) -> Iterable[Finding]:
        """Any function or method of a relevant Python file, with the calls in it."""
        return ()

    def settings(self, settings: Settings) -> Iterable[Finding]:
        """The settings of one Django project (a folder with manage.py, or the tree)."""
        return ()

    def stack(self, stack: Stack) -> Iterable[Finding]:
        """The whole linked model, once."""
        return ()

    def finding(
        self,
        location: Location,
        message: str,
        *,
        hint: str = "",
        symptom: str = "",
        level: Level | None = None,
        symbol: str = "",
        related: Iterable[Related] = (),
        fix: Fix | None = None,
    ) -> Finding:
        """A finding of this rule; `level` overrides the rule's default."""
        return Finding(
            code=self.code,
            name=self.name,
            level=level or self.level,
            message=message,
            location=location,
            hint=hint,
            symptom=symptom,
            symbol=symbol,
            related=tuple(related),
            fix=fix,
        )


HOOKS: tuple[str, ...] = (
    "application",
    "router",
    "route",
    "consumer",
    "middleware",
    "send",
    "function",
    "settings",
    "stack",
)


def hooks_of(rule: Rule) -> Iterator[tuple[str, Any]]:
    """The hooks that a rule overrides, as (noun, bound method)."""
    for noun in HOOKS:
        if getattr(type(rule), noun) is not getattr(Rule, noun):
            yield noun, getattr(rule, noun)
