"""The quick reader makes the facts that libcst's makes, span for span, or leaves the file to it."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest
from conftest import ROOT

from wslint.facts import model as m
from wslint.facts.abstract import KNOWS_PLACES_IN_STRINGS, quick
from wslint.facts.concrete import lower

pytestmark = pytest.mark.skipif(not KNOWS_PLACES_IN_STRINGS, reason="this Python's parser is not used for facts")

SOURCES = sorted(
    path for folder in ("wslint", "rules", "tests", "fixtures", "bench") for path in (ROOT / folder).rglob("*.py")
)


def plain(value: Any) -> Any:
    """Facts as data that compare by value."""
    if isinstance(value, m.Node):
        return type(value).__name__, *(plain(getattr(value, name)) for name in value.__struct_fields__)
    return tuple(map(plain, value)) if type(value) is tuple else (type(value), value)


def assert_same(text: str) -> None:
    facts, wanted = quick(text), lower(text)
    assert facts is not None
    assert wanted.problem is None
    for one, other in zip(plain(facts.body), plain(wanted.body), strict=True):
        assert one == other
    assert facts.comments == wanted.comments


BATCHES = [SOURCES[start::8] for start in range(8)]


@pytest.mark.parametrize("paths", BATCHES, ids=range(len(BATCHES)))
def test_real_sources(paths: list[Path]) -> None:
    left = []
    for path in paths:
        text = path.read_bytes().decode("utf-8", "replace")
        if quick(text) is not None:
            assert_same(text)
        elif not re.search(r"^ +match .*:$", text, re.MULTILINE):
            left.append(path)
    assert len(left) <= len(paths) / 20, left


PARENTHESES = """\
(a)
((a), (b))
(a), (b)
((a), b)
(a,)
((a),)
a,
a, b,
(a, b,)
( a , b , )
()
x = (1)
f((a))
f((a), (b, c), k=(d), *(e), **(g))
f((yield))
f(x for x in y)
f((x for x in y))
f((x for x in y), 1)
(f)((a))
((f))(a)
(f(a))(b)(c)
f(((a, b)))
(x for x in y)
((x) for x in y if (x))
( x for x in (y) )
(a) and (b) and ((c))
(a and b) or c or (d)
not (a)
(a) < (b) <= (c)
(a) if (b) else (c)
(a).b.c[(d)]
a[b, c]
a[(b, c)]
a[b:c, d]
a[()]
-(1)
- 1
--1
-1.5
+1
(a := (b))
[(a), *(b)]
{(a): (b), **(c)}
{*a, b}
[(a) for (b) in (c) if (d) if (e)]
{(a): (b) for c in d}
lambda: (1)
lambda a, /, b=(1), *c, d=2, **e: (a, b)
del a, b
del (a, b)
del (a), b
del a,
del [a, b]
for (a), b in (c), d: pass
for a in (b): pass
a = b = (c, d)
a: (int) = (3)
a += (b)
assert (a), b
raise (A) from b
"""


@pytest.mark.parametrize("text", PARENTHESES.splitlines())
def test_parentheses(text: str) -> None:
    assert_same(text)


STRINGS = r"""
'a' 'b'
b'a' b'\\'
f''
f'a{b}c'
f'{{a}}{b!r:>{c}} {d}'
f'{a}' 'b' f'{c}'
f'a' 'b'
f'{(a)}{( b )}'
f'{a["b"]}'
rf'\d{a}'
f'\n{a}\x41'
x = f'é{ä}' + b.c
f(f'{a}' 'é', b)
f'{a:{b}}'
f'{lambda_}'
f'{a!r}'
u'a'
f'''{a} "b" {c}'''
f'{a}' '''b''' f"{d}"
"""


@pytest.mark.parametrize("text", STRINGS.strip().splitlines())
def test_strings(text: str) -> None:
    if "ä" in text:
        assert quick(text) is None
    else:
        assert_same(text)


MANY_LINES = [
    "('a'\n f'{b}'\n f'c')",
    'f"""x\n{a}\n y{b}"""',
    'x = f"""x\r\n{a}\r\n y{b}""" f"c" \\\r\n "d"',
    "f( # (\n  (x) for x in (y) if (z) )",
    "( a , # ( comment\n  b , )",
    "( # ( comment\n  a\n , # )\n)",
    "f(a, # )\n (b), # (\n )",
    "a = 1\r\nb = '''x\r\ny'''  # wslint: ignore[WS1]\r\n",
    "a = 1\rb = 2",
    "if a:\n\tb = 1\n\tif c:\n\t\td",
    "é = 1\nf(g, 'ä', x)",
    "f('ä', (b), c)  # noqa",
    "a = b \\\n  + (c)",
    "x = a if b else \\\n (c)",
    "",
    "\ufeffa = 1",
    "a\x0c\nb",
    "if a: pass\nelif (b): pass\nelse: c; d;",
    "while (a): break\nelse: continue",
    "async def f(a: (int) = (1), *args: int, **kw) -> int:\n  async for x in y: await (z)",
    "async def f():\n  async with a as b, c: pass",
    "try: a\nexcept: b\nelse: c\nfinally: d",
    "try: a\nexcept* (A, B) as e: b",
    "@(a)\n@b.c(1)\nclass  A(B, (C), *E, metaclass=D, **F):  # noqa\n  x = 1",
    "class A(): x: int",
    "def f(a, /, b, *, c=(1)): return (a, b)",
    "def f():\n  global a, b\n  yield\n  x = yield (a)\n  yield from b",
    "from . import a",
    "from ..a.b import (c as d, # noqa: F401\n  e,)",
    "from a import *",
    "import a.b as c, d",
    "with a as (b, c): pass",
    "with a, b as c.d: pass",
    "with (a, b): pass",
    "with (a as b, c as d): pass",
    "with (a): pass",
    "match a:\n  case 1: pass",
    "type A = (int)",
    "def f[T](a: T): pass",
    "x = 0xFF + 1_000 + 10**3 + 1e3 + 2j + 99999999999999999999 + 0o7",
    "x = ...; y = None, True",
    "'\\ud800'",
    "f'{a=}'",
    "a[b,]",
    "def f(:",
    "print 'a'",
]


@pytest.mark.parametrize("text", MANY_LINES)
def test_many_lines(text: str) -> None:
    if quick(text) is not None:
        assert_same(text)


def test_what_is_left_to_libcst() -> None:
    left = [text.split("\n")[0] for text in MANY_LINES if quick(text) is None]
    assert left == [
        *(
            "é = 1",
            "\ufeffa = 1",
            "with (a, b): pass",
            "with (a as b, c as d): pass",
            "with (a): pass",
        ),
        *("match a:", "type A = (int)", "'\\ud800'", "f'{a=}'", "a[b,]", "def f(:", "print 'a'"),
    ]
