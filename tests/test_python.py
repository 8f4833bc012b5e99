"""Python source → facts."""

import textwrap

import libcst as cst
import msgspec
import pytest
from libcst.metadata import MetadataWrapper, PositionProvider

from wslint.facts import model as m
from wslint.facts.python import read_python
from wslint.facts.spans import spans
from wslint.facts.walk import below, children, within

SAMPLE = textwrap.dedent(
    '''\
    """Doc."""
    from __future__ import annotations
    import os, a.b as c
    from ..up import (one as two,
                      three)  # noqa: F401

    @decorated(1)
    class Live(Base[int], metaclass=Meta):
        groups = ["x"]

        async def connect(self, a, /, b=1, *rest, key: str = "k", **extra) -> None:
            if not (user := self.scope["user"]).is_authenticated:
                await self.close(code=4001)
                return
            elif a: pass
            else:
                async for item in source(): print(f"{item!r:>4} {a}" "tail")
            try:
                x = {**extra, "k": [*rest, -1, 1.5, b"raw", ...]}
            except (KeyError, ValueError) as error:
                raise RuntimeError() from error
            finally:
                del x
            with open(a) as f, b: data = f.read()[1:2]
            while True:
                break
            match a:
                case {"t": [first, *_]} if first: continue_ = 1
                case str() | None: pass
                case _: pass
            return (lambda q, *z: q + 1)(a) if a < b <= 3 else [i for i in a if i]
    '''
)


def only(source: str) -> m.Stmt:
    (statement,) = read_python(textwrap.dedent(source).encode()).body
    return statement


def value(source: str) -> m.Expr:
    statement = only(source)
    assert isinstance(statement, m.ExpressionStatement)
    return statement.value


def test_spans_equal_those_of_position_provider() -> None:
    module = cst.parse_module(SAMPLE)
    wrapper = MetadataWrapper(module, unsafe_skip_copy=True)
    truth = wrapper.resolve(PositionProvider)
    ours = spans(module).found
    compound = (
        cst.Module,
        cst.BaseCompoundStatement,
        cst.BaseSuite,
        cst.Else,
        cst.ExceptHandler,
        cst.Finally,
        cst.MatchCase,
    )
    compared = 0
    for node, ((line, column), (end_line, end_column)) in ours.items():
        if isinstance(node, (*compound, cst.SimpleStatementLine)):
            continue
        place = truth[node]
        assert (line, column) == (place.start.line, place.start.column + 1), node
        assert (end_line, end_column) == (place.end.line, place.end.column + 1), node
        compared += 1
    assert compared > 150


@pytest.mark.parametrize("newline", ["\n", "\r\n", "\r"])
def test_every_span_is_the_text_of_its_node(newline: str) -> None:
    facts = read_python(SAMPLE.replace("\n", newline).encode())
    lines = SAMPLE.split("\n")
    seen = 0
    for statement in facts.body:
        for node in (statement, *below(statement)):
            if isinstance(node, m.Name):
                span = node.span
                assert lines[span.line - 1][span.column - 1 : span.end_column - 1] == node.id
                seen += 1
    assert seen > 30


def test_facts_survive_a_round_trip_through_bytes() -> None:
    facts = read_python(SAMPLE.encode())
    packed = msgspec.msgpack.encode(facts)
    assert facts.problem is None
    assert msgspec.msgpack.encode(msgspec.msgpack.decode(packed, type=m.PythonFile)) == packed


def test_a_compound_statement_ends_with_its_last_statement() -> None:
    statement = only("if a:\n    b\nelse:\n    c(d)\n\n\n# end\n")
    assert statement.span == m.Span(1, 1, 4, 9)


@pytest.mark.parametrize(
    ("source", "expected"),
    [
        ("'a' \"b\"", "ab"),
        ("r'\\d'", "\\d"),
        ("'\\x41'", "A"),
        ("'\\d'", "\\d"),
        ("-4", -4),
        ("0x10", 16),
        ("1_000", 1000),
        ("None", None),
        ("True", True),
    ],
)
def test_literals(source: str, expected: object) -> None:
    found = value(source)
    assert isinstance(found, m.Constant)
    assert found.value == expected


@pytest.mark.parametrize("source", ["...", "1j", str(2**70), "0777", "b'a' 'b'"])
def test_what_is_no_plain_literal_is_opaque_or_unreadable(source: str) -> None:
    facts = read_python(source.encode())
    assert facts.problem is not None or isinstance(facts.body[0].value, m.Opaque)  # type: ignore[union-attr]


def test_an_f_string_is_text_and_holes() -> None:
    found = value("f'room_{name}_{{x}}' '.v1' f'{pk:03}'")
    assert isinstance(found, m.FString)
    shown = [part.value if isinstance(part, m.Constant) else type(part).__name__ for part in found.parts]
    assert shown == ["room_", "Name", "_{x}", ".v1", "Opaque"]


def test_only_comments_that_speak_to_linters_are_kept() -> None:
    facts = read_python(b"x = 1  # why\ny = '# noqa'  # noqa: E501\nz = f'{y}#wslint: a'\n# wslint: ignore[WS1] ok\n")
    assert [(comment.span.line, comment.text) for comment in facts.comments] == [
        (2, "noqa: E501"),
        (4, "wslint: ignore[WS1] ok"),
    ]


def test_within_leaves_nested_bodies_out_but_keeps_decorators() -> None:
    facts = read_python(b"@outer(1)\ndef f():\n    inner()\nlater(lambda: never())\n")
    called = [node.func.id for node in within(facts.body) if isinstance(node, m.Call) and isinstance(node.func, m.Name)]
    assert called == ["outer", "later"]


def test_syntax_errors_say_where() -> None:
    problem = read_python(b"x = 1\ndef broken(:\n").problem
    assert problem is not None
    assert (problem.reason, problem.line) == ("syntax error", 2)


def test_syntax_newer_than_the_host_is_read() -> None:
    assert read_python(b"type Alias[T] = list[T]\ndef f[T](x: T): pass\ntry: pass\nexcept* A: pass\n").problem is None


def test_every_node_is_reachable_through_children() -> None:
    facts = read_python(SAMPLE.encode())
    assert {type(node).__name__ for statement in facts.body for node in below(statement)} >= {
        "Walrus", "Await", "Comprehension", "Lambda", "Conditional", "Compare", "Starred", "Bytes", "Case", "Handler",
    }  # fmt: skip
    assert all(isinstance(child, m.Node) for statement in facts.body for child in children(statement))
