"""What expressions can be."""

from __future__ import annotations

import time

import pytest
from stacks import shown, stack_of, use, values

CASES = {
    "a constant of another module": ({"main.py": "from a import X\nuse(X)", "a.py": "X = 'x'"}, ["'x'"]),
    "an attribute of a module": ({"main.py": "import a.b\nuse(a.b.X)", "a/b.py": "X = 1"}, ["1"]),
    "import as": ({"main.py": "import a.b as c\nuse(c.X)", "a/b.py": "X = 1"}, ["1"]),
    "relative imports": (
        {"main.py": "import p.q.r\nuse(p.q.r.Y)", "p/q/r.py": "from ..s import Y", "p/s.py": "Y = 1"},
        ["1"],
    ),
    "a submodule through its package": ({"main.py": "from p import q\nuse(q.X)", "p/q.py": "X = 1"}, ["1"]),
    "installed": ("from channels.routing import URLRouter as R\nuse(R)", ["channels.routing.URLRouter"]),
    "installed, by its module": ("import channels.routing\nuse(channels.routing.X)", ["channels.routing.X"]),
    "a module of the project that is not there": (
        {"main.py": "from p.gone import X\nuse(X)", "p/a.py": ""},
        ["Unknown"],
    ),
    "a name that a module lacks": ({"main.py": "from a import X\nuse(X)", "a.py": ""}, ["Unknown"]),
    "an enum member": ("class E(str, Enum):\n  A = 'a'\nuse(E.A)", ["'a'"]),
    "its value": ("class E(Enum):\n  A = 'a'\nuse(E.A.value)", ["'a'"]),
    "either": ("use('a' if b else 'c')", ["'a'", "'c'"]),
    "or": ("use(None or 'c')", ["'c'"]),
    "or of two": ("import os\nuse(os.environ.get('A') or 'c')", ["'c'", "os.environ.get()"]),
    "and": ("use(0 and 'c')", ["'c'", "0"]),
    "walrus": ("use((x := 1))", ["1"]),
    "an item of a dict": ("d = {'a': 1, 'b': 2}\nuse(d['b'])", ["2"]),
    "the last of equal keys": ("d = {'a': 1, 'a': 2}\nuse(d['a'])", ["2"]),
    "what a later ** may replace": ("d = {'a': 1, **e}\nuse(d['a'])", ["1", "Unknown"]),
    "an item that is set elsewhere": ("d = {'a': 1}\ndef f():\n  d['a'] = 2\nuse(d['a'])", ["1", "Unknown"]),
    "an item of a list": ("x = [1, 2]\nuse(x[-1])", ["2"]),
    "an item of a list that grows": ("x = [1, 2]\nx.insert(0, 3)\nuse(x[0])", ["Unknown"]),
    "a subscripted class": ("class A: ...\nuse(A[int])", ["class A"]),
    "a star": ("x = [*y, 1]\nuse(x[0])", ["Unknown"]),
    # functions
    "what a function returns": ("def f():\n  return 1\nuse(f())", ["1"]),
    "all it may return": ("def f(a):\n  if a:\n    return 1\n  return 2\nuse(f(0))", ["1", "2"]),
    "falling off its end": ("def f(a):\n  if a:\n    return 1\nuse(f(0))", ["1", "None"]),
    "a bare return": ("def f(a):\n  if a:\n    return\n  return 1\nuse(f(0))", ["1", "None"]),
    "a generator": ("def f():\n  yield 1\nuse(f())", ["Unknown"]),
    "an argument": ("def f(a, b=2):\n  return a\nuse(f(1))", ["1"]),
    "a default": ("def f(a, b=2):\n  return b\nuse(f(1))", ["2"]),
    "a keyword": ("def f(a, b=2):\n  return b\nuse(f(1, b=3))", ["3"]),
    "stars hide arguments": ("def f(a):\n  return a\nuse(f(*x))", ["function f()"]),
    "a closure": ("def f(a):\n  def g():\n    return a\n  return g\nuse(f(1)())", ["1"]),
    "a lambda": ("f = lambda a: a\nuse(f(1))", ["1"]),
    "a decorated function": ("@d\ndef f():\n  return 1\nuse(f())", ["function f()"]),
    "a cached one": ("from functools import cache\n@cache\ndef f():\n  return 1\nuse(f())", ["1"]),
    "async_to_sync": (
        "from asgiref.sync import async_to_sync\nasync def f(a):\n  return a\nuse(async_to_sync(f)(1))",
        ["1"],
    ),
    # classes
    "an instance": ("class A: ...\nuse(A())", ["class A()"]),
    "a class attribute": ("class A:\n  x = 1\nuse(A.x)", ["1"]),
    "one called name": ("class A:\n  name = 1\nuse(A.name)", ["1"]),
    "an inherited one": ("class A:\n  x = 1\nclass B(A): ...\nuse(B.x)", ["1"]),
    "self's": ("class A:\n  x = 1\n  def f(self):\n    use(self.x)", ["1"]),
    "self's, set somewhere": (
        "class A:\n  x = 1\n  def g(self):\n    self.x = 2\n  def f(self):\n    use(self.x)",
        ["1", "2"],
    ),
    "self's, set by a subclass": (
        "import channels\nclass A:\n  x = 1\n  def f(self):\n    use(self.x)\nclass B(A):\n  x = 2",
        ["1", "2"],
    ),
    "self's method, replaced by a subclass": (
        "import channels\nclass A:\n  def g(self):\n    return 1\n  def f(self):\n    use(self.g())\n"
        "class B(A):\n  def g(self): ...",
        ["1", "Unknown()"],
    ),
    "self's tuple": ("class A:\n  def f(self):\n    self.x, self.y = 1, 2\n    use(self.y)", ["2"]),
    "self's +=": ("class A:\n  x = 1\n  def f(self):\n    self.x += 1\n    use(self.x)", ["1", "Unknown"]),
    "nobody's": ("class A:\n  def f(self):\n    use(self.x)", ["AttributeValue"]),
    "a property": ("class A:\n  @property\n  def x(self):\n    return 1\n  def f(self):\n    use(self.x)", ["1"]),
    "one with a setter": (
        {
            "main.py": "class A:\n  @property\n  def x(self):\n    return 1\n  @x.setter\n  def x(self, v): ...\n"
            "  def f(self):\n    use(self.x)"
        },
        ["1"],
    ),
    "a static method": ("class A:\n  @staticmethod\n  def g(a):\n    return a\nuse(A.g(1))", ["1"]),
    "a class method": ("class A:\n  x = 1\n  @classmethod\n  def g(cls):\n    return cls.x\nuse(A.g())", ["1"]),
    "a method": ("class A:\n  def g(self, a):\n    return a\nuse(A().g(1))", ["1"]),
    # rings
    "modules that import each other": (
        {"main.py": "from a import X\nY = 1\nuse(X)", "a.py": "from main import Y as X"},
        ["1"],
    ),
    "a name that is itself": ({"main.py": "from a import X\nuse(X)", "a.py": "from a import X"}, ["Unknown"]),
    "names in a ring": ("def f():\n  return g()\ndef g():\n  return f()\nuse(f())", ["function f()"]),
    "recursion": ("def f(a):\n  if a:\n    return 1\n  return f(a)\nuse(f(0))", ["1", "function f()"]),
}


@pytest.mark.parametrize("case", CASES)
def test_values(case: str) -> None:
    files, expected = CASES[case]
    assert values(files) == expected


def test_a_long_chain_is_unknown_not_a_crash() -> None:
    chain = "x0 = 1\n" + "".join(f"x{n} = x{n - 1}\n" for n in range(1, 1000))
    assert values(chain + "use(x5)") == ["1"]
    assert values(chain + "use(x999)") == ["Unknown"]


HUNGRY = {
    "functions that call themselves twice": "def f(a):\n  return f(a - 1) if a else f(a - 2)\nuse(f(9))",
    "ten functions that call each other": "".join(
        f"def f{n}(a):\n  return [f{n}(a)] or f{(n + 1) % 10}(a) or f{(n + 3) % 10}(a) or f{(n + 7) % 10}(a)\n"
        for n in range(10)
    )
    + "use(f0(1))",
    "strings that double": "x0 = f'{a}{b}'\n"
    + "".join(f"x{n} = f'{{x{n - 1}}}{{x{n - 1}}}'\n" for n in range(1, 30))
    + "use(x29)",
    "choices that double": "x0 = 1 if a else 2\n"
    + "".join(f"x{n} = f'{{x{n - 1}}}-{{x{n - 1}}}' if a else x{n - 1}\n" for n in range(1, 30))
    + "use(x29)",
}


@pytest.mark.parametrize("case", HUNGRY)
def test_no_blow_up(case: str) -> None:
    stack = stack_of({"main.py": HUNGRY[case]})
    start = time.process_time()
    assert len(stack.texts.of(*use(stack))) <= 40
    assert time.process_time() - start < 2


def test_a_ring_of_star_imports_is_searched_once() -> None:
    ring = {
        f"m{n}.py": "".join(f"from m{other} import *\n" for other in range(14) if other != n) + "x = missing\n"
        for n in range(14)
    }
    stack = stack_of({**ring, "main.py": "from m0 import x\nuse(x)"})
    start = time.process_time()
    assert [shown(value) for value in stack.values.of(*use(stack))] == ["Unknown"]
    assert time.process_time() - start < 2
