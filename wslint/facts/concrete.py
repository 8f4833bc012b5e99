"""Python text → facts, in one hand-written walk over the libcst tree, which keeps all text and knows all syntax."""

from __future__ import annotations

import ast
import re
import sys
import warnings
from collections.abc import Iterable, Sequence
from typing import Any

import libcst as cst

from wslint.facts import model as m
from wslint.facts.spans import Spans, spans

RECURSION_LIMIT = 12_000
"""Frames that lowering may need for the deepest source that the guard lets through; the same on every Python."""

_SPEAKS_TO_LINTERS = re.compile(r"wslint\s*:|noqa", re.IGNORECASE)


def lower(text: str) -> m.PythonFile:
    """The facts of one file. Never raises: what cannot be read is a `problem`."""
    limit = sys.getrecursionlimit()
    sys.setrecursionlimit(max(limit, RECURSION_LIMIT))
    try:
        return _lower(text)
    except cst.ParserSyntaxError as error:
        return m.PythonFile((), problem=m.Unreadable("syntax error", *_place(text, error)))
    except (RecursionError, MemoryError):
        return m.PythonFile((), problem=m.Unreadable("nested too deeply"))
    except Exception as error:  # libcst fails in more ways than it documents; one bad file costs itself only
        return m.PythonFile((), problem=m.Unreadable(f"libcst cannot read it: {type(error).__name__}"))
    finally:
        sys.setrecursionlimit(limit)


def _lower(text: str) -> m.PythonFile:
    module = cst.parse_module(text)
    positions = spans(module)
    lowering = _Lowering(positions)
    body = lowering.block(module.body)
    comments = tuple(
        m.Comment(m.Span(line, column, line, column + len(value)), value[1:].strip())
        for (line, column), value in positions.comments
        if _SPEAKS_TO_LINTERS.search(value)
    )
    return m.PythonFile(body, comments)


def _place(text: str, error: cst.ParserSyntaxError) -> tuple[int, int]:
    """Line and column of a syntax error: Python's own where it sees one too, for libcst's tokenizer has no place."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            ast.parse(text)
        except SyntaxError as found:
            if found.lineno:
                return found.lineno, max(found.offset or 1, 1)
        except (ValueError, RecursionError, MemoryError):
            pass
    return error.raw_line, error.raw_column + 1


class _Lowering:
    """One method per libcst node kind, named after it."""

    def __init__(self, positions: Spans) -> None:
        self.found = positions.found

    def span(self, node: cst.CSTNode) -> m.Span:
        (line, column), (end_line, end_column) = self.found[node]
        return m.Span(line, column, end_line, end_column)

    def closed(self, node: cst.CSTNode, *blocks: Sequence[m.Stmt | m.Handler | m.Case]) -> m.Span:
        """The span of a compound statement: from its keyword to the end of its last statement."""
        span = self.span(node)
        for block in reversed(blocks):
            if block:
                return m.Span(span.line, span.column, block[-1].span.end_line, block[-1].span.end_column)
        return span

    # --- statements ---

    def block(self, statements: Iterable[cst.CSTNode]) -> tuple[m.Stmt, ...]:
        out: list[m.Stmt] = []
        for statement in statements:
            if isinstance(statement, cst.SimpleStatementLine):
                for small in statement.body:
                    lowered = getattr(self, type(small).__name__)(small)
                    if lowered is not None:
                        out.append(lowered)
            else:
                out.append(getattr(self, type(statement).__name__)(statement))
        return tuple(out)

    def suite(self, suite: cst.BaseSuite) -> tuple[m.Stmt, ...]:
        if isinstance(suite, cst.SimpleStatementSuite):
            lowered = (getattr(self, type(small).__name__)(small) for small in suite.body)
            return tuple(statement for statement in lowered if statement is not None)
        return self.block(suite.body)

    def Expr(self, node: cst.Expr) -> m.Stmt:
        return m.ExpressionStatement(self.span(node), self.expr(node.value))

    def Assign(self, node: cst.Assign) -> m.Stmt:
        targets = tuple(self.expr(target.target) for target in node.targets)
        return m.Assign(self.span(node), targets, self.expr(node.value))

    def AnnAssign(self, node: cst.AnnAssign) -> m.Stmt:
        value = None if node.value is None else self.expr(node.value)
        return m.Assign(self.span(node), (self.expr(node.target),), value, self.expr(node.annotation.annotation))

    def AugAssign(self, node: cst.AugAssign) -> m.Stmt:
        op = _operator(node.operator).removesuffix("=")
        return m.AugmentedAssign(self.span(node), self.expr(node.target), op, self.expr(node.value))

    def Return(self, node: cst.Return) -> m.Stmt:
        return m.Return(self.span(node), None if node.value is None else self.expr(node.value))

    def Raise(self, node: cst.Raise) -> m.Stmt:
        return m.Raise(self.span(node), None if node.exc is None else self.expr(node.exc))

    def Assert(self, node: cst.Assert) -> m.Stmt:
        return m.Assert(self.span(node), self.expr(node.test))

    def Del(self, node: cst.Del) -> m.Stmt:
        target = self.expr(node.target)
        return m.Delete(self.span(node), target.items if isinstance(target, m.Sequence) else (target,))

    def Pass(self, node: cst.Pass) -> m.Stmt:
        return m.Jump(self.span(node), "pass")

    def Break(self, node: cst.Break) -> m.Stmt:
        return m.Jump(self.span(node), "break")

    def Continue(self, node: cst.Continue) -> m.Stmt:
        return m.Jump(self.span(node), "continue")

    def Global(self, node: cst.Global) -> m.Stmt:
        return m.Scoped(self.span(node), tuple(item.name.value for item in node.names))

    def Nonlocal(self, node: cst.Nonlocal) -> m.Stmt:
        return m.Scoped(self.span(node), tuple(item.name.value for item in node.names))

    def TypeAlias(self, node: cst.TypeAlias) -> m.Stmt:
        return m.Assign(self.span(node), (self.expr(node.name),), m.Opaque(self.span(node.value)))

    def Import(self, node: cst.Import) -> m.Stmt:
        return m.Import(self.span(node), None, 0, self.imported(node.names))

    def ImportFrom(self, node: cst.ImportFrom) -> m.Stmt:
        span = self.span(node)
        module = "" if node.module is None else _dotted(node.module)
        if isinstance(node.names, cst.ImportStar):
            names: tuple[m.ImportedName, ...] = (m.ImportedName(span, "*"),)
        else:
            names = self.imported(node.names)
        return m.Import(span, module, len(node.relative), names)

    def imported(self, names: Iterable[cst.ImportAlias]) -> tuple[m.ImportedName, ...]:
        return tuple(
            m.ImportedName(
                self.span(alias),
                _dotted(alias.name),
                alias.asname.name.value
                if alias.asname is not None and isinstance(alias.asname.name, cst.Name)
                else None,
            )
            for alias in names
        )

    def If(self, node: cst.If) -> m.Stmt:
        body = self.suite(node.body)
        orelse = self.orelse(node.orelse)
        return m.If(self.closed(node, body, orelse), self.expr(node.test), body, orelse)

    def orelse(self, node: cst.If | cst.Else | None) -> tuple[m.Stmt, ...]:
        if node is None:
            return ()
        return (self.If(node),) if isinstance(node, cst.If) else self.suite(node.body)

    def While(self, node: cst.While) -> m.Stmt:
        body, orelse = self.suite(node.body), self.orelse(node.orelse)
        return m.While(self.closed(node, body, orelse), self.expr(node.test), body, orelse)

    def For(self, node: cst.For) -> m.Stmt:
        body, orelse = self.suite(node.body), self.orelse(node.orelse)
        span = self.closed(node, body, orelse)
        is_async = node.asynchronous is not None
        return m.For(span, self.expr(node.target), self.expr(node.iter), body, orelse, is_async)

    def Try(self, node: cst.Try | cst.TryStar) -> m.Stmt:
        body = self.suite(node.body)
        handlers = tuple(self.handler(handler) for handler in node.handlers)
        orelse = self.orelse(node.orelse)
        final = () if node.finalbody is None else self.suite(node.finalbody.body)
        return m.Try(self.closed(node, body, handlers, orelse, final), body, handlers, orelse, final)

    TryStar = Try

    def handler(self, node: cst.ExceptHandler | cst.ExceptStarHandler) -> m.Handler:
        body = self.suite(node.body)
        exception = None if node.type is None else self.expr(node.type)
        name = node.name.name.value if node.name is not None and isinstance(node.name.name, cst.Name) else None
        return m.Handler(self.closed(node, body), exception, name, body)

    def With(self, node: cst.With) -> m.Stmt:
        items = tuple(
            m.WithItem(
                self.span(item), self.expr(item.item), None if item.asname is None else self.expr(item.asname.name)
            )
            for item in node.items
        )
        body = self.suite(node.body)
        return m.With(self.closed(node, body), items, body, node.asynchronous is not None)

    def Match(self, node: cst.Match) -> m.Stmt:
        cases = tuple(self.case(case) for case in node.cases)
        return m.Match(self.closed(node, cases), self.expr(node.subject), cases)

    def case(self, node: cst.MatchCase) -> m.Case:
        body = self.suite(node.body)
        guard = None if node.guard is None else self.expr(node.guard)
        names = tuple(_captured(node.pattern))
        catch_all = guard is None and isinstance(node.pattern, cst.MatchAs) and node.pattern.pattern is None
        return m.Case(self.closed(node, body), self.pattern(node.pattern), names, guard, body, catch_all)

    def pattern(self, node: cst.MatchPattern) -> m.Expr:
        if isinstance(node, cst.MatchValue):
            return self.expr(node.value)
        if isinstance(node, cst.MatchOr):
            parts = tuple(self.pattern(part.pattern) for part in node.patterns)
            return m.Sequence(self.span(node), "tuple", parts)
        return m.Opaque(self.span(node))

    def FunctionDef(self, node: cst.FunctionDef) -> m.Stmt:
        params = self.params(node.params)
        body = self.suite(node.body)
        return m.FunctionDef(
            self.closed(node, body),
            node.name.value,
            self.span(node.name),
            params,
            body,
            tuple(self.expr(decorator.decorator) for decorator in node.decorators),
            node.asynchronous is not None,
        )

    def params(self, node: cst.Parameters) -> tuple[m.Parameter, ...]:
        out = [self.param(param, "positional-only") for param in node.posonly_params]
        out += [self.param(param, "positional") for param in node.params]
        if isinstance(node.star_arg, cst.Param):
            out.append(self.param(node.star_arg, "*"))
        out += [self.param(param, "keyword-only") for param in node.kwonly_params]
        if node.star_kwarg is not None:
            out.append(self.param(node.star_kwarg, "**"))
        return tuple(out)

    def param(self, node: cst.Param, kind: str) -> m.Parameter:
        return m.Parameter(
            self.span(node),
            node.name.value,
            kind,
            None if node.default is None else self.expr(node.default),
            None if node.annotation is None else self.expr(node.annotation.annotation),
        )

    def ClassDef(self, node: cst.ClassDef) -> m.Stmt:
        bases = tuple(self.argument(arg) for arg in (*node.bases, *node.keywords))
        body = self.suite(node.body)
        decorators = tuple(self.expr(decorator.decorator) for decorator in node.decorators)
        return m.ClassDef(self.closed(node, body), node.name.value, self.span(node.name), bases, body, decorators)

    # --- expressions ---

    def expr(self, node: cst.CSTNode) -> m.Expr:
        lower = getattr(self, type(node).__name__, None)
        if lower is None:
            return self.opaque(node)
        lowered: m.Expr = lower(node)
        return lowered

    def opaque(self, node: cst.CSTNode) -> m.Expr:
        parts = tuple(
            self.expr(child) for child in node.children if isinstance(child, (cst.BaseExpression, cst.Element))
        )
        return m.Opaque(self.span(node) if node in self.found else m.Span(1, 1, 1, 1), parts)

    def Name(self, node: cst.Name) -> m.Expr:
        span = self.span(node)
        if node.value in _WORDS:
            return m.Constant(span, _WORDS[node.value])
        return m.Name(span, node.value)

    def Attribute(self, node: cst.Attribute) -> m.Expr:
        return m.Attribute(self.span(node), self.expr(node.value), node.attr.value, self.span(node.attr))

    def Call(self, node: cst.Call) -> m.Expr:
        func = self.expr(node.func)
        return m.Call(self.span(node), func, tuple(self.argument(arg) for arg in node.args))

    def argument(self, node: cst.Arg) -> m.Argument:
        keyword = None if node.keyword is None else node.keyword.value
        return m.Argument(self.span(node), self.expr(node.value), keyword, node.star)

    def Await(self, node: cst.Await) -> m.Expr:
        return m.Await(self.span(node), self.expr(node.expression))

    def SimpleString(self, node: cst.SimpleString) -> m.Expr:
        return _literal(self.span(node), _string(node))

    def ConcatenatedString(self, node: cst.ConcatenatedString) -> m.Expr:
        span = self.span(node)
        parts = [*self.string_parts(node)]
        if all(isinstance(part, m.Constant) for part in parts):
            values: list[Any] = [part.value for part in parts if isinstance(part, m.Constant)]
            if all(isinstance(value, str) for value in values):
                return _literal(span, "".join(values))
        if all(isinstance(part, m.Bytes) for part in parts):
            return m.Bytes(span, b"".join(part.value for part in parts if isinstance(part, m.Bytes)))
        return m.FString(span, tuple(parts))

    def string_parts(self, node: cst.BaseString) -> Iterable[m.Expr]:
        if isinstance(node, cst.ConcatenatedString):
            yield from self.string_parts(node.left)
            yield from self.string_parts(node.right)
            return
        lowered = self.expr(node)
        if isinstance(lowered, m.FString):
            yield from lowered.parts
        else:
            yield lowered

    def FormattedString(self, node: cst.FormattedString) -> m.Expr:
        span = self.span(node)
        raw = "r" in node.start.lower()
        parts: list[m.Expr] = []
        for part in node.parts:
            if isinstance(part, cst.FormattedStringExpression):
                hole = self.expr(part.expression)
                converted = part.format_spec is not None or part.conversion is not None
                parts.append(m.Opaque(hole.span, (hole,)) if converted else hole)
            elif isinstance(part, cst.FormattedStringText):
                text = part.value.replace("{{", "{").replace("}}", "}").replace("\r\n", "\n").replace("\r", "\n")
                if not raw and "\\" in text:
                    text = _unescape(text)
                parts.append(_literal(span, text))
        return m.FString(span, tuple(parts))

    def Integer(self, node: cst.Integer) -> m.Expr:
        try:
            value = int(node.value.replace("_", ""), 0)
        except ValueError:
            return m.Opaque(self.span(node))
        return m.Constant(self.span(node), value) if abs(value) < 2**63 else m.Opaque(self.span(node))

    def Float(self, node: cst.Float) -> m.Expr:
        return m.Constant(self.span(node), float(node.value.replace("_", "")))

    def Dict(self, node: cst.Dict) -> m.Expr:
        items: list[m.DictItem] = []
        for element in node.elements:
            value = self.expr(element.value)
            if isinstance(element, cst.DictElement):
                key = self.expr(element.key)
                items.append(m.DictItem(_join(key.span, value.span), key, value))
            else:
                items.append(m.DictItem(value.span, None, value))
        return m.Dict(self.span(node), tuple(items))

    def sequence(self, node: cst.List | cst.Tuple | cst.Set, kind: str) -> m.Expr:
        return m.Sequence(self.span(node), kind, tuple(self.element(element) for element in node.elements))

    def element(self, node: cst.BaseElement) -> m.Expr:
        value = self.expr(node.value)
        return m.Starred(value.span, value) if isinstance(node, cst.StarredElement) else value

    def List(self, node: cst.List) -> m.Expr:
        return self.sequence(node, "list")

    def Tuple(self, node: cst.Tuple) -> m.Expr:
        return self.sequence(node, "tuple")

    def Set(self, node: cst.Set) -> m.Expr:
        return self.sequence(node, "set")

    def BinaryOperation(self, node: cst.BinaryOperation) -> m.Expr:
        return m.BinaryOp(self.span(node), self.expr(node.left), _operator(node.operator), self.expr(node.right))

    def BooleanOperation(self, node: cst.BooleanOperation) -> m.Expr:
        return m.BoolOp(self.span(node), self.expr(node.left), _operator(node.operator), self.expr(node.right))

    def UnaryOperation(self, node: cst.UnaryOperation) -> m.Expr:
        operand = self.expr(node.expression)
        op = _operator(node.operator)
        if op == "-" and isinstance(operand, m.Constant) and type(operand.value) in (int, float):
            return m.Constant(self.span(node), -operand.value)  # type: ignore[operator]
        return m.UnaryOp(self.span(node), op, operand)

    def Comparison(self, node: cst.Comparison) -> m.Expr:
        left = self.expr(node.left)
        for target in node.comparisons:
            right = self.expr(target.comparator)
            left = m.Compare(_join(left.span, right.span), left, _operator(target.operator), right)
        return left

    def IfExp(self, node: cst.IfExp) -> m.Expr:
        return m.Conditional(self.span(node), self.expr(node.test), self.expr(node.body), self.expr(node.orelse))

    def Subscript(self, node: cst.Subscript) -> m.Expr:
        span = self.span(node)
        value = self.expr(node.value)
        if len(node.slice) == 1 and isinstance(node.slice[0].slice, cst.Index):
            return m.Subscript(span, value, self.expr(node.slice[0].slice.value))
        return m.Subscript(span, value, m.Opaque(span))

    def Lambda(self, node: cst.Lambda) -> m.Expr:
        return m.Lambda(self.span(node), self.params(node.params), self.expr(node.body))

    def comprehension(self, node: Any, kind: str) -> m.Expr:
        key = self.expr(node.key) if kind == "dict" else None
        element = self.expr(node.value if kind == "dict" else node.elt)
        generators: list[m.Generator] = []
        loop: cst.CompFor | None = node.for_in
        while loop is not None:
            target, iterable = self.expr(loop.target), self.expr(loop.iter)
            tests = tuple(self.expr(test.test) for test in loop.ifs)
            span = _join(target.span, iterable.span)
            generators.append(m.Generator(span, target, iterable, tests, loop.asynchronous is not None))
            loop = loop.inner_for_in
        return m.Comprehension(self.span(node), kind, key, element, tuple(generators))

    def ListComp(self, node: cst.ListComp) -> m.Expr:
        return self.comprehension(node, "list")

    def SetComp(self, node: cst.SetComp) -> m.Expr:
        return self.comprehension(node, "set")

    def GeneratorExp(self, node: cst.GeneratorExp) -> m.Expr:
        return self.comprehension(node, "generator")

    def DictComp(self, node: cst.DictComp) -> m.Expr:
        return self.comprehension(node, "dict")

    def NamedExpr(self, node: cst.NamedExpr) -> m.Expr:
        return m.Walrus(self.span(node), self.expr(node.target), self.expr(node.value))

    def Yield(self, node: cst.Yield) -> m.Expr:
        value = node.value.item if isinstance(node.value, cst.From) else node.value
        return m.Yield(self.span(node), None if value is None else self.expr(value))


_WORDS: dict[str, bool | None] = {"None": None, "True": True, "False": False}

_OPERATORS = {
    "Add": "+", "Subtract": "-", "Multiply": "*", "Divide": "/", "FloorDivide": "//", "Modulo": "%", "Power": "**",
    "MatrixMultiply": "@", "BitAnd": "&", "BitOr": "|", "BitXor": "^", "LeftShift": "<<", "RightShift": ">>",
    "And": "and", "Or": "or", "Not": "not", "Minus": "-", "Plus": "+", "BitInvert": "~",
    "Equal": "==", "NotEqual": "!=", "LessThan": "<", "LessThanEqual": "<=", "GreaterThan": ">",
    "GreaterThanEqual": ">=", "In": "in", "NotIn": "not in", "Is": "is", "IsNot": "is not",
}  # fmt: skip


def _operator(node: cst.CSTNode) -> str:
    return _OPERATORS.get(type(node).__name__.removesuffix("Assign"), "?")


def _join(start: m.Span, end: m.Span) -> m.Span:
    return m.Span(start.line, start.column, end.end_line, end.end_column)


def _dotted(node: cst.CSTNode) -> str:
    if isinstance(node, cst.Attribute):
        return f"{_dotted(node.value)}.{node.attr.value}"
    return node.value if isinstance(node, cst.Name) else "?"


def _captured(node: cst.MatchPattern) -> Iterable[str]:
    """Names that a `case` pattern binds."""
    if isinstance(node, (cst.MatchAs, cst.MatchStar)) and node.name is not None:
        yield node.name.value
    for child in node.children:
        if isinstance(child, cst.MatchPattern):
            yield from _captured(child)
        else:
            for inner in child.children:
                if isinstance(inner, cst.MatchPattern):
                    yield from _captured(inner)


def _string(node: cst.SimpleString) -> str | bytes | None:
    if "\\" not in node.value and "\r" not in node.value:
        text = node.raw_value
        if "b" not in node.prefix:
            return text
        return text.encode("ascii", "replace")
    return _evaluate(node.value)


def _literal(span: m.Span, value: str | bytes | None) -> m.Expr:
    if value is None:
        return m.Opaque(span)
    if isinstance(value, bytes):
        return m.Bytes(span, value)
    return m.Constant(span, value) if _is_unicode(value) else m.Opaque(span)


def _is_unicode(text: str) -> bool:
    """Can a text be stored (no lone surrogates)?"""
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True


def _evaluate(literal: str) -> str | bytes | None:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            value = ast.literal_eval(literal)
        except (SyntaxError, ValueError):
            return None
    return value if isinstance(value, (str, bytes)) else None


def _unescape(text: str) -> str:
    quoted = re.sub(r'(?<!\\)((?:\\\\)*)"', r'\1\\"', text)
    value = _evaluate(f'"""{quoted}"""')
    return value if isinstance(value, str) else text
