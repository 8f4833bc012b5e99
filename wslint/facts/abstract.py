"""Python source → facts by the running Python's own parser, an order of magnitude faster than by libcst.

The facts are those that `concrete` makes, span for span. Whatever this parser does not know, or says too little about
to be sure of that, is left to libcst: `quick` answers None.

Its trees keep no parentheses. Where facts do – an argument's span covers them, a tuple's own does not – they are looked
up in the text between two nodes, which holds nothing but brackets, commas, operators, white space and comments.
"""

from __future__ import annotations

import ast
import io
import re
import sys
import tokenize
import warnings
from bisect import bisect_right
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Any, NamedTuple

from wslint.facts import model as m

KNOWS_PLACES_IN_STRINGS = sys.version_info >= (3, 12)
"""Before, the places of what stands in the holes of f-strings are wrong."""

_LINE_END = re.compile(r"\r\n|\r|\n")
_COMMENT = re.compile(r"#[^\r\n]*")
_CLOSING = re.compile(r"(?:\s|\\|#[^\r\n]*(?=[\r\n]))*\)")
_SPACE = re.compile(r"(?:\s|\\|#[^\r\n]*(?=[\r\n]))*")
_DEF = re.compile(r"(?:async[ \t\f]+)?def[ \t\f]+|class[ \t\f]+")
_OPENING = re.compile(r"[A-Za-z]{0,2}(\"\"\"|'''|\"|')")
_SPEAKS_TO_LINTERS = re.compile(r"wslint\s*:|noqa", re.IGNORECASE)

_OPERATORS: dict[type[ast.AST], str] = {
    ast.Add: "+", ast.Sub: "-", ast.Mult: "*", ast.Div: "/", ast.FloorDiv: "//", ast.Mod: "%", ast.Pow: "**",
    ast.MatMult: "@", ast.BitAnd: "&", ast.BitOr: "|", ast.BitXor: "^", ast.LShift: "<<", ast.RShift: ">>",
    ast.And: "and", ast.Or: "or", ast.Not: "not", ast.USub: "-", ast.UAdd: "+", ast.Invert: "~",
    ast.Eq: "==", ast.NotEq: "!=", ast.Lt: "<", ast.LtE: "<=", ast.Gt: ">", ast.GtE: ">=",
    ast.In: "in", ast.NotIn: "not in", ast.Is: "is", ast.IsNot: "is not",
}  # fmt: skip


class _Unsure(Exception):
    """libcst may make other facts of this."""


def quick(text: str) -> m.PythonFile | None:
    """The facts of a file, or None when only libcst can tell."""
    if not KNOWS_PLACES_IN_STRINGS:
        return None
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            module = ast.parse(text)
        return m.PythonFile(_Lowering(text).block(module.body), tuple(_comments(text)))
    except (SyntaxError, ValueError, RecursionError, MemoryError, tokenize.TokenError, _Unsure):
        return None


def _comments(text: str) -> Iterator[m.Comment]:
    if not _SPEAKS_TO_LINTERS.search(text):
        return
    for token in tokenize.generate_tokens(io.StringIO(text, newline=None).readline):
        if token.type == tokenize.COMMENT and _SPEAKS_TO_LINTERS.search(token.string):
            (line, column), value = token.start, token.string
            yield m.Comment(m.Span(line, column + 1, line, column + 1 + len(value)), value[1:].strip())


class _Piece(NamedTuple):
    start: int
    text: str


def _pieces(text: str) -> Iterator[_Piece]:
    """The literals that stand side by side, with their offsets."""
    starts = [-1, *(match.end() for match in _LINE_END.finditer(text))]
    begin, depth = 0, 0

    def place(point: tuple[int, int]) -> int:
        return starts[point[0] - 1] + point[1]

    for token in tokenize.generate_tokens(io.StringIO(f"({text})", newline="").readline):
        if token.type == tokenize.STRING and not depth:
            yield _Piece(place(token.start), token.string)
        elif token.type == tokenize.FSTRING_START:
            begin = begin if depth else place(token.start)
            depth += 1
        elif token.type == tokenize.FSTRING_END:
            depth -= 1
            if not depth:
                yield _Piece(begin, text[begin : place(token.end)])


class _Lowering:
    """One method per node kind, named after it."""

    def __init__(self, text: str) -> None:
        self.text = text
        self.is_ascii = text.isascii()
        self.starts = [0, *(match.end() for match in _LINE_END.finditer(text))]
        self.methods: dict[type[ast.AST], Callable[[Any], Any]] = {}

    # --- places ---

    def column(self, line: int, offset: int) -> int:
        """Code points from the start of a line, for an offset in UTF-8."""
        if self.is_ascii:
            return offset
        start = self.starts[line - 1]
        piece = self.text[start : start + offset]
        return offset if piece.isascii() else len(piece.encode()[:offset].decode())

    def start(self, node: Any) -> int:
        place: int = self.starts[node.lineno - 1] + self.column(node.lineno, node.col_offset)
        return place

    def end(self, node: Any) -> int:
        place: int = self.starts[node.end_lineno - 1] + self.column(node.end_lineno, node.end_col_offset)
        return place

    def span(self, node: Any) -> m.Span:
        if self.is_ascii:
            return m.Span(node.lineno, node.col_offset + 1, node.end_lineno, node.end_col_offset + 1)
        return m.Span(
            node.lineno,
            self.column(node.lineno, node.col_offset) + 1,
            node.end_lineno,
            self.column(node.end_lineno, node.end_col_offset) + 1,
        )

    def between(self, start: int, end: int) -> m.Span:
        line, end_line = bisect_right(self.starts, start), bisect_right(self.starts, end)
        return m.Span(line, start - self.starts[line - 1] + 1, end_line, end - self.starts[end_line - 1] + 1)

    def gap(self, start: int, end: int) -> str:
        """The text between two nodes, its comments blanked out."""
        gap = self.text[start:end]
        return _COMMENT.sub(lambda match: " " * len(match[0]), gap) if "#" in gap else gap

    def outer(self, node: ast.AST, before: int) -> tuple[int, int]:
        """Start and end with the node's own parentheses; all that open after `before` are its own."""
        start, end = self.start(node), self.end(node)
        gap = self.gap(before, start)
        if "(" not in gap:
            return start, end
        return before + gap.index("("), self.closed_after(end, gap.count("("))

    def closed_after(self, end: int, count: int) -> int:
        for _ in range(count):
            closing = _CLOSING.match(self.text, end)
            if closing is None:
                raise _Unsure
            end = closing.end()
        return end

    def inner(self, node: ast.Tuple | ast.GeneratorExp, first: ast.AST, last: ast.AST) -> tuple[int, int] | None:
        """What stands in a node's own parentheses; None when it has none."""
        start, end = self.start(node), self.end(node)
        if self.text[start] != "(" or self.text[end - 1] != ")":
            return None
        opened = self.gap(start, self.start(first)).count("(")
        if isinstance(node, ast.Tuple):
            place, closed = self.end(first), 0
            while (found := _CLOSING.match(self.text, place)) is not None and found.end() <= end:
                place, closed = found.end(), closed + 1
            if len(node.elts) == 1 and closed == opened and self.text[place - 1] == ")" and place == end:
                raise _Unsure
            if closed >= opened:
                return None
        spaces = _SPACE.match(self.text, start + 1)
        assert spaces is not None
        tail = self.gap(self.end(last), end - 1)
        return spaces.end(), self.end(last) + len(tail.rstrip(" \t\f\r\n\\"))

    # --- statements ---

    def block(self, statements: Iterable[ast.stmt]) -> tuple[m.Stmt, ...]:
        return tuple(self.lower(statement) for statement in statements)

    def lower(self, node: ast.AST) -> Any:
        kind = type(node)
        method = self.methods.get(kind)
        if method is None:
            method = getattr(self, kind.__name__, None)
            if method is None:
                raise _Unsure
            self.methods[kind] = method
        return method(node)

    def closed(self, node: Any, *blocks: Sequence[m.Stmt | m.Handler]) -> m.Span:
        """The span of a compound statement: from its keyword to the end of its last statement."""
        last = next(block[-1].span for block in reversed(blocks) if block)
        column = self.column(node.lineno, node.col_offset) + 1
        return m.Span(node.lineno, column, last.end_line, last.end_column)

    def Expr(self, node: ast.Expr) -> m.Stmt:
        return m.ExpressionStatement(self.span(node), self.expr(node.value))

    def Assign(self, node: ast.Assign) -> m.Stmt:
        return m.Assign(self.span(node), tuple(map(self.expr, node.targets)), self.expr(node.value))

    def AnnAssign(self, node: ast.AnnAssign) -> m.Stmt:
        value = None if node.value is None else self.expr(node.value)
        return m.Assign(self.span(node), (self.expr(node.target),), value, self.expr(node.annotation))

    def AugAssign(self, node: ast.AugAssign) -> m.Stmt:
        op = _OPERATORS[type(node.op)]
        return m.AugmentedAssign(self.span(node), self.expr(node.target), op, self.expr(node.value))

    def Return(self, node: ast.Return) -> m.Stmt:
        return m.Return(self.span(node), None if node.value is None else self.expr(node.value))

    def Raise(self, node: ast.Raise) -> m.Stmt:
        return m.Raise(self.span(node), None if node.exc is None else self.expr(node.exc))

    def Assert(self, node: ast.Assert) -> m.Stmt:
        return m.Assert(self.span(node), self.expr(node.test))

    def Delete(self, node: ast.Delete) -> m.Stmt:
        targets = tuple(map(self.expr, node.targets))
        if len(targets) == 1 and isinstance(targets[0], m.Sequence):
            targets = targets[0].items
        return m.Delete(self.span(node), targets)

    def Pass(self, node: ast.Pass) -> m.Stmt:
        return m.Jump(self.span(node), "pass")

    def Break(self, node: ast.Break) -> m.Stmt:
        return m.Jump(self.span(node), "break")

    def Continue(self, node: ast.Continue) -> m.Stmt:
        return m.Jump(self.span(node), "continue")

    def Global(self, node: ast.Global | ast.Nonlocal) -> m.Stmt:
        return m.Scoped(self.span(node), tuple(node.names))

    Nonlocal = Global

    def Import(self, node: ast.Import) -> m.Stmt:
        return m.Import(self.span(node), None, 0, self.imported(node.names))

    def ImportFrom(self, node: ast.ImportFrom) -> m.Stmt:
        span = self.span(node)
        star = node.names[0].name == "*"
        names = (m.ImportedName(span, "*"),) if star else self.imported(node.names)
        return m.Import(span, node.module or "", node.level, names)

    def imported(self, names: Iterable[ast.alias]) -> tuple[m.ImportedName, ...]:
        return tuple(m.ImportedName(self.span(alias), alias.name, alias.asname) for alias in names)

    def If(self, node: ast.If) -> m.Stmt:
        body, orelse = self.block(node.body), self.block(node.orelse)
        return m.If(self.closed(node, body, orelse), self.expr(node.test), body, orelse)

    def While(self, node: ast.While) -> m.Stmt:
        body, orelse = self.block(node.body), self.block(node.orelse)
        return m.While(self.closed(node, body, orelse), self.expr(node.test), body, orelse)

    def For(self, node: ast.For | ast.AsyncFor) -> m.Stmt:
        body, orelse = self.block(node.body), self.block(node.orelse)
        span, is_async = self.closed(node, body, orelse), isinstance(node, ast.AsyncFor)
        return m.For(span, self.expr(node.target), self.expr(node.iter), body, orelse, is_async)

    AsyncFor = For

    def Try(self, node: Any) -> m.Stmt:
        body = self.block(node.body)
        handlers = tuple(map(self.handler, node.handlers))
        orelse, final = self.block(node.orelse), self.block(node.finalbody)
        return m.Try(self.closed(node, body, handlers, orelse, final), body, handlers, orelse, final)

    TryStar = Try

    def handler(self, node: ast.ExceptHandler) -> m.Handler:
        body = self.block(node.body)
        exception = None if node.type is None else self.expr(node.type)
        return m.Handler(self.closed(node, body), exception, node.name, body)

    def With(self, node: ast.With | ast.AsyncWith) -> m.Stmt:
        items = []
        before = self.start(node)
        for item in node.items:
            start, end = self.start(item.context_expr), self.end(item.context_expr)
            target = item.optional_vars
            if "(" in self.gap(before, start) or (target is not None and "(" in self.gap(end, self.start(target))):
                raise _Unsure
            before = end if target is None else self.end(target)
            value = self.expr(item.context_expr)
            place = self.between(start, before)
            items.append(m.WithItem(place, value, None if target is None else self.expr(target)))
        body = self.block(node.body)
        return m.With(self.closed(node, body), tuple(items), body, isinstance(node, ast.AsyncWith))

    AsyncWith = With

    def FunctionDef(self, node: ast.FunctionDef | ast.AsyncFunctionDef) -> m.Stmt:
        params = self.params(node.args)
        body = self.block(node.body)
        return m.FunctionDef(
            self.closed(node, body),
            node.name,
            self.name_span(node),
            params,
            body,
            tuple(map(self.expr, node.decorator_list)),
            isinstance(node, ast.AsyncFunctionDef),
        )

    AsyncFunctionDef = FunctionDef

    def ClassDef(self, node: ast.ClassDef) -> m.Stmt:
        name = self.name_span(node)
        arguments = self.arguments(self.starts[name.end_line - 1] + name.end_column - 1, node.bases, node.keywords)
        bases = (*(base for base in arguments if base.star != "**" and base.keyword is None),)
        keywords = (*(base for base in arguments if base.star == "**" or base.keyword is not None),)
        body = self.block(node.body)
        decorators = tuple(map(self.expr, node.decorator_list))
        return m.ClassDef(self.closed(node, body), node.name, name, (*bases, *keywords), body, decorators)

    def name_span(self, node: Any) -> m.Span:
        start = self.start(node)
        word = _DEF.match(self.text, start)
        if word is None or not self.text.startswith(node.name, word.end()):
            raise _Unsure
        return self.between(word.end(), word.end() + len(node.name))

    def params(self, node: ast.arguments) -> tuple[m.Parameter, ...]:
        positional = [*node.posonlyargs, *node.args]
        defaults = [*[None] * (len(positional) - len(node.defaults)), *node.defaults]
        out = []
        for at, (arg, default) in enumerate(zip(positional, defaults, strict=True)):
            kind = "positional-only" if at < len(node.posonlyargs) else "positional"
            out.append(self.param(arg, kind, default))
        if node.vararg is not None:
            out.append(self.param(node.vararg, "*", None))
        for arg, default in zip(node.kwonlyargs, node.kw_defaults, strict=True):
            out.append(self.param(arg, "keyword-only", default))
        if node.kwarg is not None:
            out.append(self.param(node.kwarg, "**", None))
        return tuple(out)

    def param(self, node: ast.arg, kind: str, default: ast.expr | None) -> m.Parameter:
        if not node.arg.isascii():
            raise _Unsure
        stars = kind if kind.startswith("*") else ""
        start = self.start(node) - len(stars)
        if not self.text.startswith(stars + node.arg, start):
            raise _Unsure
        annotation = None if node.annotation is None else self.expr(node.annotation)
        value = None if default is None else self.expr(default)
        return m.Parameter(self.between(start, start + len(stars + node.arg)), node.arg, kind, value, annotation)

    # --- expressions ---

    def expr(self, node: ast.expr) -> Any:
        return self.lower(node)

    def Name(self, node: ast.Name) -> m.Expr:
        if not self.is_ascii and not node.id.isascii():
            raise _Unsure
        return m.Name(self.span(node), node.id)

    def Attribute(self, node: ast.Attribute) -> m.Expr:
        if not node.attr.isascii():
            raise _Unsure
        span = self.span(node)
        place = m.Span(span.end_line, span.end_column - len(node.attr), span.end_line, span.end_column)
        return m.Attribute(span, self.expr(node.value), node.attr, place)

    def Call(self, node: ast.Call) -> m.Expr:
        func = self.expr(node.func)
        end = self.end(node.func)
        if len(node.args) == 1 and not node.keywords and isinstance(node.args[0], ast.GeneratorExp):
            alone = node.args[0]
            if self.end(alone) == self.end(node) and self.gap(end, self.start(alone)).count("(") == self.closings(end):
                value = self.expr(alone)
                return m.Call(self.span(node), func, (m.Argument(value.span, value),))
        return m.Call(self.span(node), func, self.arguments(end, node.args, node.keywords))

    def closings(self, end: int) -> int:
        """How many parentheses close right after a node."""
        count = 0
        while (found := _CLOSING.match(self.text, end)) is not None:
            count, end = count + 1, found.end()
        return count

    def arguments(self, end: int, args: Iterable[ast.expr], keywords: Iterable[ast.keyword]) -> tuple[m.Argument, ...]:
        """Arguments in the order of the text; `end` is where the callee ends, its parentheses not counted."""
        for _ in range(self.closings(end)):
            closing = _CLOSING.match(self.text, end)
            assert closing is not None
            end = closing.end()
        before = self.text.find("(", end) + 1
        out = []
        given: list[Any] = [*args, *keywords]
        for node in sorted(given, key=lambda node: (node.lineno, node.col_offset)):
            if isinstance(node, ast.keyword):
                star = "**" if node.arg is None else ""
                out.append(m.Argument(self.span(node), self.expr(node.value), node.arg, star))
                before = self.end(node)
            elif isinstance(node, ast.Starred):
                out.append(m.Argument(self.span(node), self.expr(node.value), None, "*"))
                before = self.end(node)
            else:
                start, before = self.outer(node, before)
                out.append(m.Argument(self.between(start, before), self.expr(node)))
        return tuple(out)

    def Await(self, node: ast.Await) -> m.Expr:
        return m.Await(self.span(node), self.expr(node.value))

    def Constant(self, node: ast.Constant) -> m.Expr:
        span, value = self.span(node), node.value
        if isinstance(value, str):
            if not value.isascii() or "\\" in value:
                self.storable(value)
            return m.Constant(span, value)
        if isinstance(value, bytes):
            return m.Bytes(span, value)
        if value is None or isinstance(value, (bool, float)) or (isinstance(value, int) and value < 2**63):
            return m.Constant(span, value)
        return m.Opaque(span)

    def storable(self, text: str) -> None:
        try:
            text.encode()
        except UnicodeEncodeError:
            raise _Unsure from None

    def JoinedStr(self, node: ast.JoinedStr) -> m.Expr:
        span, start = self.span(node), self.start(node)
        text = self.text[start : self.end(node)]
        opening = _OPENING.match(text)
        assert opening is not None
        quote = opening[1]
        holes = map(self.hole, (value for value in node.values if isinstance(value, ast.FormattedValue)))
        if text.endswith(quote) and text.count(quote) == 2 and text.count(quote[0]) == 2 * len(quote):
            return m.FString(span, tuple(self.parts(node, span, holes)))
        parts = [part for piece in _pieces(text) for part in self.piece(start + piece.start, piece.text, holes)]
        texts = [part.value for part in parts if isinstance(part, m.Constant) and isinstance(part.value, str)]
        return m.Constant(span, "".join(texts)) if len(texts) == len(parts) else m.FString(span, tuple(parts))

    def piece(self, start: int, text: str, holes: Iterator[m.Expr]) -> Iterator[m.Expr]:
        """The parts of one of several literals that stand side by side."""
        span = self.between(start, start + len(text))
        node = ast.parse(f"({text})", mode="eval").body
        if isinstance(node, ast.JoinedStr):
            yield from self.parts(node, span, holes)
        elif isinstance(node, ast.Constant) and isinstance(node.value, str):
            self.storable(node.value)
            yield m.Constant(span, node.value)
        else:
            raise _Unsure

    def parts(self, node: ast.JoinedStr, span: m.Span, holes: Iterator[m.Expr]) -> Iterator[m.Expr]:
        for value in node.values:
            if isinstance(value, ast.FormattedValue):
                yield next(holes)
            elif isinstance(value, ast.Constant) and isinstance(value.value, str):
                self.storable(value.value)
                yield m.Constant(span, value.value)
            else:
                raise _Unsure

    def hole(self, node: ast.FormattedValue) -> m.Expr:
        value: m.Expr = self.expr(node.value)
        after = self.closed_after(self.end(node.value), self.closings(self.end(node.value)))
        space = _SPACE.match(self.text, after)
        if space is None or self.text[space.end()] not in "}!:":  # `{name=}`
            raise _Unsure
        converted = node.conversion != -1 or node.format_spec is not None
        return m.Opaque(value.span, (value,)) if converted else value

    def Dict(self, node: ast.Dict) -> m.Expr:
        items = []
        for key_node, value_node in zip(node.keys, node.values, strict=True):
            value = self.expr(value_node)
            key = None if key_node is None else self.expr(key_node)
            items.append(m.DictItem(value.span if key is None else _join(key.span, value.span), key, value))
        return m.Dict(self.span(node), tuple(items))

    def elements(self, nodes: Iterable[ast.expr]) -> tuple[m.Expr, ...]:
        return tuple(map(self.element, nodes))

    def element(self, node: ast.expr) -> m.Expr:
        if isinstance(node, ast.Starred):
            value = self.expr(node.value)
            return m.Starred(value.span, value)
        lowered: m.Expr = self.expr(node)
        return lowered

    def List(self, node: ast.List) -> m.Expr:
        return m.Sequence(self.span(node), "list", self.elements(node.elts))

    def Set(self, node: ast.Set) -> m.Expr:
        return m.Sequence(self.span(node), "set", self.elements(node.elts))

    def Tuple(self, node: ast.Tuple) -> m.Expr:
        return m.Sequence(self.tuple_span(node), "tuple", self.elements(node.elts))

    def tuple_span(self, node: ast.Tuple) -> m.Span:
        if not node.elts:
            start, end = self.start(node) + 1, self.end(node) - 1
            if start != end:
                raise _Unsure
            return self.between(start, end)
        inner = self.inner(node, node.elts[0], node.elts[-1])
        return self.span(node) if inner is None else self.between(*inner)

    def BinOp(self, node: ast.BinOp) -> m.Expr:
        return m.BinaryOp(self.span(node), self.expr(node.left), _OPERATORS[type(node.op)], self.expr(node.right))

    def BoolOp(self, node: ast.BoolOp) -> m.Expr:
        op = _OPERATORS[type(node.op)]
        start = self.start(node)
        first, *others = node.values
        left = self.expr(first)
        _, end = self.outer(first, start)
        for other in others:
            _, end = self.outer(other, end)
            left = m.BoolOp(self.between(start, end), left, op, self.expr(other))
        return left  # type: ignore[no-any-return]

    def UnaryOp(self, node: ast.UnaryOp) -> m.Expr:
        operand = self.expr(node.operand)
        op = _OPERATORS[type(node.op)]
        if op == "-" and isinstance(operand, m.Constant) and type(operand.value) in (int, float):
            return m.Constant(self.span(node), -operand.value)  # type: ignore[operator]
        return m.UnaryOp(self.span(node), op, operand)

    def Compare(self, node: ast.Compare) -> m.Expr:
        left = self.expr(node.left)
        for op, comparator in zip(node.ops, node.comparators, strict=True):
            right = self.expr(comparator)
            left = m.Compare(_join(left.span, right.span), left, _OPERATORS[type(op)], right)
        return left  # type: ignore[no-any-return]

    def IfExp(self, node: ast.IfExp) -> m.Expr:
        return m.Conditional(self.span(node), self.expr(node.test), self.expr(node.body), self.expr(node.orelse))

    def Subscript(self, node: ast.Subscript) -> m.Expr:
        span, value, index = self.span(node), self.expr(node.value), node.slice
        if isinstance(index, ast.Slice):
            return m.Subscript(span, value, m.Opaque(span))
        if isinstance(index, ast.Tuple) and index.elts and self.inner(index, index.elts[0], index.elts[-1]) is None:
            if len(index.elts) == 1:
                raise _Unsure
            return m.Subscript(span, value, m.Opaque(span))
        return m.Subscript(span, value, self.expr(index))

    def Lambda(self, node: ast.Lambda) -> m.Expr:
        return m.Lambda(self.span(node), self.params(node.args), self.expr(node.body))

    def comprehension(self, node: Any, kind: str, span: m.Span) -> m.Expr:
        key = self.expr(node.key) if kind == "dict" else None
        element = self.expr(node.value if kind == "dict" else node.elt)
        generators = []
        for loop in node.generators:
            target, iterable = self.expr(loop.target), self.expr(loop.iter)
            tests = tuple(map(self.expr, loop.ifs))
            generators.append(
                m.Generator(_join(target.span, iterable.span), target, iterable, tests, bool(loop.is_async))
            )
        return m.Comprehension(span, kind, key, element, tuple(generators))

    def ListComp(self, node: ast.ListComp) -> m.Expr:
        return self.comprehension(node, "list", self.span(node))

    def SetComp(self, node: ast.SetComp) -> m.Expr:
        return self.comprehension(node, "set", self.span(node))

    def DictComp(self, node: ast.DictComp) -> m.Expr:
        return self.comprehension(node, "dict", self.span(node))

    def GeneratorExp(self, node: ast.GeneratorExp) -> m.Expr:
        loop = node.generators[-1]
        inner = self.inner(node, node.elt, loop.ifs[-1] if loop.ifs else loop.iter)
        if inner is None:
            raise _Unsure
        return self.comprehension(node, "generator", self.between(*inner))

    def NamedExpr(self, node: ast.NamedExpr) -> m.Expr:
        return m.Walrus(self.span(node), self.expr(node.target), self.expr(node.value))

    def Yield(self, node: ast.Yield) -> m.Expr:
        return m.Yield(self.span(node), None if node.value is None else self.expr(node.value))

    def YieldFrom(self, node: ast.YieldFrom) -> m.Expr:
        return m.Yield(self.span(node), self.expr(node.value))


def _join(start: m.Span, end: m.Span) -> m.Span:
    return m.Span(start.line, start.column, end.end_line, end.end_column)
