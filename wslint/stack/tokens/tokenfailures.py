"""Where a middleware raises for a token that is missing or wrong, and nothing on the way to the server catches it."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass

from wslint.facts import model as m
from wslint.facts.walk import within
from wslint.knowledge.channels import SYNC_TO_ASYNC
from wslint.knowledge.tokens import BROAD, DECODERS, JUDGES, PARSERS, Failure
from wslint.location import Edit, Location, Span
from wslint.stack.code.values import AttributeValue, CallValue, ClassValue, ExternalValue, SelfValue
from wslint.stack.middleware.middleware import is_scope
from wslint.stack.middleware.passages import Passage

NO_PARAMETER = Failure("KeyError", BROAD | {"builtins.KeyError", "builtins.LookupError"})
NOTHING = Failure("TypeError", BROAD | {"builtins.TypeError"})
NO_PIECE = Failure("IndexError", BROAD | {"builtins.IndexError", "builtins.LookupError"})
NOT_SO_MANY = Failure("ValueError", BROAD | {"builtins.ValueError"})

_SPLITS = frozenset({"split", "rsplit"})
LISTED = '[""]'
"""What parse_qs() has for a parameter that is sent empty."""


@dataclass(eq=False, frozen=True)
class Risk:
    """A place that raises: `what` says when, `edit` is what to write there where a default mends it."""

    node: m.Node
    passage: Passage
    failure: Failure
    what: str
    edit: Edit | None = None

    @property
    def location(self) -> Location:
        return self.passage.at(self.node)

    @property
    def text(self) -> str:
        return self.what.format(self.failure.error)


def risks_of(passage: Passage) -> Iterator[Risk]:
    """The risks in one function, in source order."""
    written = {id(target) for node in within(passage.node.body) for target in _targets(node)}
    for node in sorted(within(passage.node.body), key=lambda node: node.span):
        risk = None
        match node:
            case m.Call():
                risk = decode_risk(node, passage) or lookup_risk(node, passage) or _pairs(node, passage)
            case m.Subscript() if id(node) not in written:
                risk = _parameter(node, passage) or _nothing(node, passage) or _piece(node, passage)
            case m.Assign(targets=(m.Sequence(items=items),), value=m.Call() as call):
                risk = _unpacked(call, items, passage)
            case _:
                pass
        if risk is not None and not passage.catches(node, risk.failure.caught_by):
            yield risk


def _targets(node: m.Node) -> tuple[m.Expr, ...]:
    return node.targets if isinstance(node, (m.Assign, m.Delete)) else ()


# --- the kinds ---


def decode_risk(call: m.Call, passage: Passage) -> Risk | None:
    """`jwt.decode(token, …)`, `AccessToken(token)`, `JWTAuthentication().get_validated_token(token)`."""
    func, args = _run(call, passage)
    if not args:
        return None
    value = passage.values.one(func, passage.frame)
    failure = None
    match value:
        case ExternalValue(dotted=dotted):
            failure = DECODERS.get(dotted)
        case AttributeValue(value=CallValue(callee=ExternalValue(dotted=dotted)), attr=attr):
            failure = JUDGES.get((dotted, attr))
        case AttributeValue(value=SelfValue(cls=cls) | CallValue(callee=ClassValue(cls=cls)), attr=attr):
            found = (JUDGES.get((dotted, attr)) for dotted in cls.externals)
            failure = next((one for one in found if one is not None), None)
        case _:
            pass
    return None if failure is None else Risk(call, passage, failure, "raises {} for a token that is wrong or expired")


def lookup_risk(call: m.Call, passage: Passage) -> Risk | None:
    """`Token.objects.get(key=token)` with something that the client sent."""
    func, args = _run(call, passage)
    if not isinstance(func, m.Attribute) or func.attr not in ("get", "aget") or not args:
        return None
    if any(arg.star for arg in args) or not any(passage.is_of_client(arg.value) for arg in args):
        return None
    model = _model(func.value)
    if model is None:
        return None
    name = model.attr if isinstance(model, m.Attribute) else model.id if isinstance(model, m.Name) else "the model"
    own = {f"{one.dotted}.DoesNotExist" for one in _externals(model, passage)}
    names = BROAD | own | {"django.core.exceptions.ObjectDoesNotExist", "django.contrib.auth.models.User.DoesNotExist"}
    return Risk(call, passage, Failure(f"{name}.DoesNotExist", frozenset(names)), "raises {} when there is none")


def _externals(expr: m.Expr, passage: Passage) -> list[ExternalValue]:
    return [value for value in passage.values.of(expr, passage.frame) if isinstance(value, ExternalValue)]


def _model(expr: m.Expr) -> m.Expr | None:
    """The model in `Model.objects.select_related("user")`."""
    while isinstance(expr, (m.Call, m.Attribute)):
        if isinstance(expr, m.Attribute) and expr.attr == "objects":
            return expr.value
        expr = expr.func if isinstance(expr, m.Call) else expr.value
    return None


def _parameter(node: m.Subscript, passage: Passage) -> Risk | None:
    """`parse_qs(query)["token"]`, `dict(scope["headers"])[b"authorization"]`, `scope["cookies"]["token"]`."""
    key = _key(node.index, passage)
    default = _default(node.value, passage)
    if key is None or default is None or _is_looked_for(key, node, passage):
        return None
    end = node.value.span
    rest = Span(end.end_line, end.end_column, node.span.end_line, node.span.end_column)
    edit = Edit(passage.frame.at(rest), f".get({_source(key)}, {default})")
    return Risk(node, passage, NO_PARAMETER, f"raises {{}} when the client sends no {_shown(key)}", edit)


def _nothing(node: m.Subscript, passage: Passage) -> Risk | None:
    """`parse_qs(query).get("token")[0]`: None has no items."""
    got, name = node.value, None
    if isinstance(got, m.Name):
        name = got.id
        bound = passage.frame.scope.reaching(name, got.span)
        if (
            len(bound) != 1
            or bound[0].value is None
            or bound[0].path != ()
            or not isinstance(bound[0].source, m.Assign)
        ):
            return None
        got = bound[0].value
    match got:
        case m.Call(func=m.Attribute(value=owner, attr="get"), args=(m.Argument(value=index, keyword=None, star=""),)):
            key = _key(index, passage)
            default = _default(owner, passage)
            if key is None or default != LISTED or _is_looked_for(key, got, passage):
                return None
            if name is not None and _is_tested(frozenset({name}), passage):
                return None
            end = index.span
            behind = end.end
            edit = Edit(passage.frame.at(behind), f", {LISTED}")
            return Risk(node, passage, NOTHING, f"raises {{}} when the client sends no {_shown(key)}", edit)
        case _:
            return None


def _piece(node: m.Subscript, passage: Passage) -> Risk | None:
    """`header.split(" ")[1]`"""
    if not isinstance(node.index, m.Constant) or not isinstance(node.index.value, int) or node.index.value < 1:
        return None
    if not _is_split(node.value, passage):
        return None
    return Risk(node, passage, NO_PIECE, f"raises {{}} when there is no piece {node.index.value}")


def _unpacked(call: m.Call, items: tuple[m.Expr, ...], passage: Passage) -> Risk | None:
    """`scheme, token = header.split()`"""
    if any(isinstance(item, m.Starred) for item in items) or not _is_split(call, passage):
        return None
    return Risk(call, passage, NOT_SO_MANY, f"raises {{}} when there are not just {len(items)} pieces")


def _pairs(call: m.Call, passage: Passage) -> Risk | None:
    """`dict(part.split("=") for part in query.split("&"))`; an empty query string is one empty part."""
    match call:
        case m.Call(func=func, args=(m.Argument(value=m.Comprehension(generators=(made,)) as pairs, star=""),)):
            pass
        case _:
            return None
    if passage.values.dotted(func, passage.frame) != "builtins.dict" or made.tests:
        return None
    if not isinstance(pairs.element, m.Call) or not _splits(pairs.element) or not passage.is_of_client(made.iterable):
        return None
    if _is_tested(_names(made.iterable), passage, plain=True):
        return None
    return Risk(call, passage, NOT_SO_MANY, "raises {} for a query string that is empty or has a part without `=`")


# --- looks ---


def _run(call: m.Call, passage: Passage) -> tuple[m.Expr, tuple[m.Argument, ...]]:
    """What a call runs, and its arguments: `sync_to_async(function)(argument)` runs the function."""
    value = passage.values.one(call.func, passage.frame) if isinstance(call.func, (m.Call, m.Name)) else None
    if (
        isinstance(value, CallValue)
        and value.dotted in SYNC_TO_ASYNC
        and value.node.args
        and value.frame is passage.frame
    ):
        return value.node.args[0].value, call.args
    return call.func, call.args


def _default(expr: m.Expr, passage: Passage) -> str | None:
    """What stands for nothing in a mapping of what the client sent: query parameters, headers or cookies.

    None when the expression is not surely such a mapping.
    """
    if isinstance(expr, m.Subscript):
        cookies = is_scope(expr.value) and isinstance(expr.index, m.Constant) and expr.index.value == "cookies"
        return '""' if cookies else None
    value = passage.values.one(expr, passage.frame)
    if not isinstance(value, CallValue):
        return None
    if value.dotted in PARSERS:
        return LISTED if value.dotted == "urllib.parse.parse_qs" else '""'
    given = value.node.args[0].value if len(value.node.args) == 1 else None
    if value.dotted != "builtins.dict":
        return None
    match given:
        case m.Subscript(value=owner, index=m.Constant(value="headers")) if is_scope(owner):
            return 'b""'
        case m.Call(func=func) if passage.values.dotted(func, value.frame) == "urllib.parse.parse_qsl":
            return '""'
        case _:
            return None


def _key(index: m.Expr, passage: Passage) -> str | bytes | None:
    if isinstance(index, m.Bytes):
        return index.value
    key = passage.values.constant(index, passage.frame)
    return key if isinstance(key, str) else None


def _shown(key: str | bytes) -> str:
    return f"`{key if isinstance(key, str) else key.decode('latin-1')}`"


def _source(key: str | bytes) -> str:
    """A key as it is written in double quotes."""
    return f"b{json.dumps(key.decode('latin-1'))}" if isinstance(key, bytes) else json.dumps(key)


def _is_looked_for(key: str | bytes, node: m.Node, passage: Passage) -> bool:
    """Does something on the way test for a key, or get it with care?"""
    for one, _ in passage.way:
        for found in within(one.node.body):
            match found:
                case m.Compare(op="in" | "not in", left=left):
                    if _key(left, one) in (key, None):
                        return True
                case m.Call(func=m.Attribute(attr="get" | "setdefault"), args=(m.Argument(value=asked), *_)):
                    if found is not node and _key(asked, one) == key:
                        return True
                case _:
                    pass
    return False


def _is_split(expr: m.Expr, passage: Passage) -> bool:
    """Is an expression the pieces of a text of the client about whose form nothing is known?"""
    if not isinstance(expr, m.Call) or not _splits(expr) or not passage.is_of_client(expr):
        return False
    return not _is_tested(_names(expr), passage, plain=True)


def _splits(call: m.Call) -> bool:
    return isinstance(call.func, m.Attribute) and call.func.attr in _SPLITS


def _names(expr: m.Expr) -> frozenset[str]:
    return frozenset(node.id for node in within((expr,)) if isinstance(node, m.Name))


def _is_tested(names: frozenset[str], passage: Passage, *, plain: bool = False) -> bool:
    """Does a test in the function look at one of these names? `plain`: at more than its truth and its keys."""
    for node in within(passage.node.body):
        match node:
            case m.If(test=test) | m.Conditional(test=test) | m.While(test=test) | m.Assert(test=test):
                tests: tuple[m.Expr, ...] = (test,)
            case m.Generator(tests=tests):
                pass
            case m.BoolOp(left=left) if not plain:
                tests = (left,)
            case _:
                continue
        if any(_looks(test, names, passage, plain=plain) for test in tests):
            return True
    return False


def _looks(test: m.Expr, names: frozenset[str], passage: Passage, *, plain: bool) -> bool:
    if not plain:
        return bool(_names(test) & names)
    match test:
        case m.BoolOp(left=left, right=right):
            return any(_looks(one, names, passage, plain=True) for one in (left, right))
        case m.UnaryOp(op="not", operand=operand):
            return _looks(operand, names, passage, plain=True)
        case m.Name():
            return False
        case m.Compare(op="in" | "not in", right=right) if _default(right, passage) is not None:
            return False
        case m.Compare(op="is" | "is not"):
            return False
        case _:
            return bool(_names(test) & names)
