"""The guard refuses what libcst cannot stand, and nothing that people write."""

from __future__ import annotations

import random
import sysconfig
import time
from pathlib import Path

import libcst
import pytest

from wslint.facts.guard import decode, refuse
from wslint.facts.model import Unreadable

HOSTILE = {
    "brackets": b"(" * 5000 + b")" * 5000,
    "unclosed brackets": b"x = " + b"[" * 5000,
    "calls": b"a" + b".b()" * 2000,
    "subscripts": b"a" + b"[0]" * 400,
    "sum": b"+".join([b"a"] * 400),
    "and": b" and ".join([b"a"] * 400),
    "not": b"not " * 400 + b"a",
    "minus": b"-" * 400 + b"a",
    "lambdas": b"lambda a, b=1: " * 400 + b"a",
    "conditionals": b"a if b else " * 400 + b"a",
    "over folded lines": b"a \\\n" + b"+ a \\\n" * 400 + b"+ a\n",
    "elif": b"if a: pass\n" + b"elif a: pass\n" * 400,
    "pattern": b"match a:\n    case " + b'{"a": ' * 12 + b"1" + b"}" * 12 + b": pass\n",
    "f-string": b'x = f"{' + b"(" * 400 + b'}"\n',
    "f-string behind quotes": b'x = f"{d["""\n"""]}{' + b"(" * 400 + b'}"\n',
    "nested f-strings": b'f"{' * 300 + b"a" + b'}"' * 300,
    "format specs": b'f"{a:' + b"{b:" * 300 + b"}" * 301 + b'"',
    "utf-7": b"# coding: utf-7\n" + b"+ACg-" * 300,
    "utf-16": ("(" * 300).encode("utf-16"),
    "deep again and again": (b"[" * 199 + b"]" * 199 + b"\n") * 100,
    "null byte": b"a = 1\0\n",
    "large": b"a = 1\n" * 1_700_000,
}

HARMLESS = {
    "strings": b'x = "' + b"(" * 5000 + b'"\n',
    "raw strings": b"x = r'\\'" + b"('" * 0 + b"((((' + '" + b"(" * 400 + b"'\n",
    "escaped quotes": b'x = "\\"' + b"(" * 400 + b'"\n',
    "triple quotes": b'x = """""' + b"(\n" * 400 + b'"""\n',
    "comments": b"# " + b"(" * 5000 + b"\n",
    "text of f-strings": b'x = f"{{' + b"(" * 400 + b'{a["b"]:>{width}}"\n',
    "implicit concatenation": b"x = (\n" + b"    'a'\n" * 1000 + b")\n",
    "long list": b"x = [" + b"a.b + 1, " * 5000 + b"]\n",
    "table of lambdas": b"x = {" + b'"a": lambda x, y=1: x, ' * 500 + b"}\n",
    "many statements": b"a = b.c(d) + 1; e = not f\n" * 1000,
    "many ifs": b"if a: pass\nelif b: pass\n" * 1000,
    "a name": b"case = [[[[[[[[[1]]]]]]]]]\n",
}


@pytest.mark.parametrize("name", HOSTILE)
def test_refuses(name: str) -> None:
    started = time.perf_counter()
    assert isinstance(refuse(HOSTILE[name]), Unreadable)
    assert time.perf_counter() - started < 1


@pytest.mark.parametrize("name", HARMLESS)
def test_lets_pass(name: str) -> None:
    assert refuse(HARMLESS[name]) is None
    libcst.parse_module(HARMLESS[name])


@pytest.mark.parametrize("newline", [b"\n", b"\r\n", b"\r"])
def test_says_where(newline: bytes) -> None:
    lines = [b'x = """', b'  """', b"y = 1 \\", b"  + 2", b"z = f'''{", b"a}", b"'''", b"("]
    refused = refuse(newline.join(lines) + b"(" * 300)
    assert refused is not None
    assert refused.line == len(lines)


def test_never_refuses_the_standard_library() -> None:
    library = Path(sysconfig.get_path("stdlib"))
    files = sorted(path for path in library.rglob("*.py") if not {"site-packages", "bad_coding.py"} & set(path.parts))
    for path in random.Random(7).sample(files, 300):
        source = path.read_bytes()
        if b"\0" not in source and len(source) < 1_000_000 and "bad" not in path.name:
            assert refuse(source) is None, path


def test_is_quick() -> None:
    source = Path(libcst.__file__).with_name("_nodes").joinpath("statement.py").read_bytes()
    times = []
    for _ in range(5):
        started = time.perf_counter()
        assert refuse(source) is None
        times.append(time.perf_counter() - started)
    assert min(times) / source.count(b"\n") * 1000 < 0.010


@pytest.mark.parametrize(
    ("source", "text"),
    [
        (b"a = '\xc3\xa9'\r\nb\rc\n", "a = 'é'\r\nb\rc\n"),
        (b"\xef\xbb\xbfa = 1\n", "a = 1\n"),
        ("a = 'é'\n".encode("utf-16"), "a = 'é'\n"),
        (b"# -*- coding: latin-1 -*-\na = '\xe9'\n", "# -*- coding: latin-1 -*-\na = 'é'\n"),
        (
            b"#!/usr/bin/python\n# vim: set fileencoding=cp1252 :\n'\x80'\n",
            "#!/usr/bin/python\n# vim: set fileencoding=cp1252 :\n'€'\n",
        ),
        (b"a = 1\n# coding: latin-1\n'\xc3\xa9'\n", "a = 1\n# coding: latin-1\n'é'\n"),
    ],
)
def test_decodes(source: bytes, text: str) -> None:
    assert decode(source) == text


@pytest.mark.parametrize(
    ("source", "line"),
    [
        (b"a = 1\r\nb = 2\rc = '\xe9'\n", 3),
        (b"# coding: no-such-thing\n", 1),
        (b"# coding: punycode\na\n", 1),
        (b"# coding: hex\na\n", 1),
    ],
)
def test_cannot_decode(source: bytes, line: int) -> None:
    problem = decode(source)
    assert isinstance(problem, Unreadable)
    assert problem.line == line
