"""Facts: what one file says, as plain data.

A Python file that matters is lowered from its libcst tree to these frozen structs and then forgotten; all that comes
later (linking, flow, rules) reads facts. They hold no tree nodes and no callables: they go to bytes and back unchanged.
Nodes compare by identity: two calls with equal text are two places in a program.

Lines and columns are 1-based, columns count code points, ends are exclusive.
"""

from __future__ import annotations

import msgspec

from wslint.location import Span as Span


class Node(msgspec.Struct, frozen=True, array_like=True, eq=False, gc=False, tag=True):
    """Anything lowered from source text."""

    span: Span


# --- expressions ----------------------------------------------------------------------------------------------------


class Constant(Node, frozen=True, array_like=True, eq=False, gc=False, tag="k"):
    """A literal; `...`, complex numbers and integers beyond 64 bits are Opaque instead."""

    value: bool | int | float | str | None


class Bytes(Node, frozen=True, array_like=True, eq=False, gc=False, tag="by"):
    """A bytes literal."""

    value: bytes


class Name(Node, frozen=True, array_like=True, eq=False, gc=False, tag="n"):
    id: str


class Attribute(Node, frozen=True, array_like=True, eq=False, gc=False, tag="a"):
    """`value.attr`; `attr_span` is the part after the dot."""

    value: Expr
    attr: str
    attr_span: Span


class Argument(Node, frozen=True, array_like=True, eq=False, gc=False, tag="arg"):
    """One argument of a call or one base of a class; `star` is "", "*" or "**"; `span` covers the keyword too."""

    value: Expr
    keyword: str | None = None
    star: str = ""


class Call(Node, frozen=True, array_like=True, eq=False, gc=False, tag="c"):
    func: Expr
    args: tuple[Argument, ...]


class Await(Node, frozen=True, array_like=True, eq=False, gc=False, tag="aw"):
    value: Expr


class DictItem(Node, frozen=True, array_like=True, eq=False, gc=False, tag="di"):
    """`key: value`, or `**value` when key is None."""

    key: Expr | None
    value: Expr


class Dict(Node, frozen=True, array_like=True, eq=False, gc=False, tag="d"):
    items: tuple[DictItem, ...]


class Sequence(Node, frozen=True, array_like=True, eq=False, gc=False, tag="s"):
    """A list, tuple or set display; `kind` is its name."""

    kind: str
    items: tuple[Expr, ...]


class Starred(Node, frozen=True, array_like=True, eq=False, gc=False, tag="st"):
    value: Expr


class FString(Node, frozen=True, array_like=True, eq=False, gc=False, tag="f"):
    """An f-string, or implicit concatenation with one: literal text and holes in order."""

    parts: tuple[Expr, ...]


class BinaryOp(Node, frozen=True, array_like=True, eq=False, gc=False, tag="b"):
    """`left op right`; op as written (`+`, `%`, `|`, `*` …)."""

    left: Expr
    op: str
    right: Expr


class BoolOp(Node, frozen=True, array_like=True, eq=False, gc=False, tag="bo"):
    """`left and right` or `left or right`."""

    left: Expr
    op: str
    right: Expr


class UnaryOp(Node, frozen=True, array_like=True, eq=False, gc=False, tag="u"):
    """`not x`, `-x`, `+x`, `~x`."""

    op: str
    operand: Expr


class Compare(Node, frozen=True, array_like=True, eq=False, gc=False, tag="cmp"):
    """`left op right`; a chain `a < b < c` is nested in `left`."""

    left: Expr
    op: str
    right: Expr


class Conditional(Node, frozen=True, array_like=True, eq=False, gc=False, tag="if"):
    """`body if test else orelse`."""

    test: Expr
    body: Expr
    orelse: Expr


class Subscript(Node, frozen=True, array_like=True, eq=False, gc=False, tag="sub"):
    """`value[index]`; a slice or several indices are an Opaque index."""

    value: Expr
    index: Expr


class Lambda(Node, frozen=True, array_like=True, eq=False, gc=False, tag="l"):
    params: tuple[Parameter, ...]
    body: Expr


class Comprehension(Node, frozen=True, array_like=True, eq=False, gc=False, tag="comp"):
    """A list, set, dict comprehension or generator; `element` is the value (for dict, the value; `key` set too)."""

    kind: str
    key: Expr | None
    element: Expr
    generators: tuple[Generator, ...]


class Generator(Node, frozen=True, array_like=True, eq=False, gc=False, tag="gen"):
    target: Expr
    iterable: Expr
    tests: tuple[Expr, ...]
    is_async: bool


class Walrus(Node, frozen=True, array_like=True, eq=False, gc=False, tag="w"):
    target: Expr
    value: Expr


class Yield(Node, frozen=True, array_like=True, eq=False, gc=False, tag="y"):
    value: Expr | None


class Opaque(Node, frozen=True, array_like=True, eq=False, gc=False, tag="o"):
    """Anything else; its expressions stay reachable as parts."""

    parts: tuple[Expr, ...] = ()


Expr = (
    Constant
    | Bytes
    | Name
    | Attribute
    | Call
    | Await
    | Dict
    | Sequence
    | Starred
    | FString
    | BinaryOp
    | BoolOp
    | UnaryOp
    | Compare
    | Conditional
    | Subscript
    | Lambda
    | Comprehension
    | Walrus
    | Yield
    | Opaque
)


# --- statements -----------------------------------------------------------------------------------------------------


class Parameter(Node, frozen=True, array_like=True, eq=False, gc=False, tag="p"):
    """`kind` is "positional-only", "positional", "keyword-only", "*" or "**"."""

    name: str
    kind: str
    default: Expr | None = None
    annotation: Expr | None = None


class ExpressionStatement(Node, frozen=True, array_like=True, eq=False, gc=False, tag="ES"):
    value: Expr


class Assign(Node, frozen=True, array_like=True, eq=False, gc=False, tag="AS"):
    """`a = b = value`, and `a: annotation = value` (value None for a bare annotation)."""

    targets: tuple[Expr, ...]
    value: Expr | None
    annotation: Expr | None = None


class AugmentedAssign(Node, frozen=True, array_like=True, eq=False, gc=False, tag="AA"):
    """`target op= value`; op without the `=`."""

    target: Expr
    op: str
    value: Expr


class Return(Node, frozen=True, array_like=True, eq=False, gc=False, tag="RT"):
    value: Expr | None


class Raise(Node, frozen=True, array_like=True, eq=False, gc=False, tag="RS"):
    exception: Expr | None


class Assert(Node, frozen=True, array_like=True, eq=False, gc=False, tag="AT"):
    test: Expr


class Delete(Node, frozen=True, array_like=True, eq=False, gc=False, tag="DL"):
    targets: tuple[Expr, ...]


class Jump(Node, frozen=True, array_like=True, eq=False, gc=False, tag="JP"):
    """`break`, `continue` or `pass`; `kind` is the word."""

    kind: str


class ImportedName(Node, frozen=True, array_like=True, eq=False, gc=False, tag="IN"):
    """One name of an import; `name` is "*" for a star import; `asname` None when there is no `as`."""

    name: str
    asname: str | None = None


class Import(Node, frozen=True, array_like=True, eq=False, gc=False, tag="IM"):
    """`import a.b as c` (module None) or `from ..module import name` (level = number of dots)."""

    module: str | None
    level: int
    names: tuple[ImportedName, ...]


class Scoped(Node, frozen=True, array_like=True, eq=False, gc=False, tag="GL"):
    """`global` or `nonlocal` names."""

    names: tuple[str, ...]


class If(Node, frozen=True, array_like=True, eq=False, gc=False, tag="IF"):
    """`elif` is an If alone in `orelse`."""

    test: Expr
    body: tuple[Stmt, ...]
    orelse: tuple[Stmt, ...]


class While(Node, frozen=True, array_like=True, eq=False, gc=False, tag="WH"):
    test: Expr
    body: tuple[Stmt, ...]
    orelse: tuple[Stmt, ...]


class For(Node, frozen=True, array_like=True, eq=False, gc=False, tag="FR"):
    target: Expr
    iterable: Expr
    body: tuple[Stmt, ...]
    orelse: tuple[Stmt, ...]
    is_async: bool


class Handler(Node, frozen=True, array_like=True, eq=False, gc=False, tag="EH"):
    """`except exception as name:`; exception None for a bare except."""

    exception: Expr | None
    name: str | None
    body: tuple[Stmt, ...]


class Try(Node, frozen=True, array_like=True, eq=False, gc=False, tag="TR"):
    body: tuple[Stmt, ...]
    handlers: tuple[Handler, ...]
    orelse: tuple[Stmt, ...]
    finalbody: tuple[Stmt, ...]


class WithItem(Node, frozen=True, array_like=True, eq=False, gc=False, tag="WI"):
    value: Expr
    target: Expr | None


class With(Node, frozen=True, array_like=True, eq=False, gc=False, tag="WT"):
    items: tuple[WithItem, ...]
    body: tuple[Stmt, ...]
    is_async: bool


class Case(Node, frozen=True, array_like=True, eq=False, gc=False, tag="CS"):
    """One arm of `match`; `names` are what its pattern binds; `catch_all` when it takes every value."""

    pattern: Expr
    names: tuple[str, ...]
    guard: Expr | None
    body: tuple[Stmt, ...]
    catch_all: bool


class Match(Node, frozen=True, array_like=True, eq=False, gc=False, tag="MT"):
    subject: Expr
    cases: tuple[Case, ...]


class FunctionDef(Node, frozen=True, array_like=True, eq=False, gc=False, tag="FD"):
    """`span` runs from `def` (or `async`, after the decorators) to the end of the body; `name_span` is the name."""

    name: str
    name_span: Span
    params: tuple[Parameter, ...]
    body: tuple[Stmt, ...]
    decorators: tuple[Expr, ...]
    is_async: bool


class ClassDef(Node, frozen=True, array_like=True, eq=False, gc=False, tag="CD"):
    """`span` runs from `class` (after the decorators) to the end of the body; `name_span` is the name."""

    name: str
    name_span: Span
    bases: tuple[Argument, ...]
    body: tuple[Stmt, ...]
    decorators: tuple[Expr, ...]


Stmt = (
    ExpressionStatement
    | Assign
    | AugmentedAssign
    | Return
    | Raise
    | Assert
    | Delete
    | Jump
    | Import
    | Scoped
    | If
    | While
    | For
    | Try
    | With
    | Match
    | FunctionDef
    | ClassDef
)


# --- files ----------------------------------------------------------------------------------------------------------


class Comment(msgspec.Struct, frozen=True, array_like=True, gc=False):
    """A comment that speaks to a linter (`wslint:` or `noqa`), with its text after the comment sign."""

    span: Span
    text: str


class Unreadable(msgspec.Struct, frozen=True, array_like=True, gc=False):
    """Why a file could not be turned into facts, and where (line and column 1 when it has no place)."""

    reason: str
    line: int = 1
    column: int = 1


class PythonFile(msgspec.Struct, frozen=True, array_like=True, eq=False, gc=False):
    """The facts of one Python file; `body` is empty when it could not be read."""

    body: tuple[Stmt, ...]
    comments: tuple[Comment, ...] = ()
    problem: Unreadable | None = None


class Requirement(msgspec.Struct, frozen=True, array_like=True, gc=False):
    """One dependency named by a requirements, project or lock file.

    `name` is normalised (PEP 503), `specifier` is PEP 440 text ("" when unpinned), `locked` says that the file
    records the exact version that is installed, `extras` as written.
    """

    name: str
    specifier: str
    span: Span
    locked: bool = False
    extras: tuple[str, ...] = ()


class RequirementsFile(msgspec.Struct, frozen=True, array_like=True, eq=False, gc=False):
    """`kind` is requirements, constraints, project or lock; `includes` the paths of `-r` and `-c` lines."""

    kind: str
    requirements: tuple[Requirement, ...]
    includes: tuple[str, ...] = ()
    problem: Unreadable | None = None


class Command(msgspec.Struct, frozen=True, array_like=True, gc=False):
    """A command line that starts a process: where it stands, its words, what it is.

    `program` is daphne, uvicorn, hypercorn, gunicorn, granian, uwsgi, runserver, celery, manage (with `subcommand`) …
    `target` is the `module:attribute` (or dotted) application it names, `service` the compose service or Procfile
    process, `environment` what is set for it there, `source` one of compose, dockerfile, procfile, script, unit, hint
    (README, Makefile, CI), `directory` the working directory relative to the file's folder when it is stated.
    """

    program: str
    words: tuple[str, ...]
    span: Span
    source: str
    target: str | None = None
    subcommand: str | None = None
    service: str | None = None
    environment: tuple[tuple[str, str], ...] = ()
    directory: str | None = None
    workers: int | None = None


class CommandFile(msgspec.Struct, frozen=True, array_like=True, eq=False, gc=False):
    commands: tuple[Command, ...]
    problem: Unreadable | None = None
