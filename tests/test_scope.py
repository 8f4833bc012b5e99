"""Which definitions of a name reach a place."""

from __future__ import annotations

import pytest
from stacks import values

CASES = {
    "the last one before the use": ("x = 1\nx = 2\nuse(x)\nx = 3", ["2"]),
    "both arms of an if": ("if a:\n  x = 1\nelse:\n  x = 2\nuse(x)", ["1", "2"]),
    "an if without else keeps what was before": ("x = 0\nif a:\n  x = 1\nuse(x)", ["0", "1"]),
    "an if with else forgets it": ("x = 0\nif a:\n  x = 1\nelse:\n  x = 2\nuse(x)", ["1", "2"]),
    "elif without else": ("x = 0\nif a:\n  x = 1\nelif b:\n  x = 2\nuse(x)", ["0", "1", "2"]),
    "nested arms hide what their arm did before": (
        "if a:\n  x = 1\n  if b:\n    x = 2\n  else:\n    x = 3\nelse:\n  x = 4\nuse(x)",
        ["2", "3", "4"],
    ),
    "the other arm is no way to this one": ("x = 0\nif a:\n  x = 1\nelse:\n  use(x)", ["0"]),
    "an arm that returns": ("def f():\n  x = 0\n  if a:\n    x = 1\n    return\n  use(x)", ["0"]),
    "an else that raises": ("def f():\n  x = 0\n  if a:\n    x = 1\n  else:\n    raise E\n  use(x)", ["1"]),
    "a raise inside try comes to the handler": (
        "def f():\n  x = 0\n  try:\n    if a:\n      x = 1\n      raise E\n  except E:\n    use(x)",
        ["0", "1"],
    ),
    "try may stop before": ("x = 0\ntry:\n  x = f()\nexcept E:\n  pass\nuse(x)", ["0", "builtins.f()"]),
    "try or its handler": ("x = 0\ntry:\n  x = 1\nexcept E:\n  x = 2\nuse(x)", ["1", "2"]),
    "a handler that leaves": ("def f():\n  x = 0\n  try:\n    x = 1\n  except E:\n    return\n  use(x)", ["1"]),
    "a handler sees all that its try did": ("x = 0\ntry:\n  x = 1\n  x = 2\nexcept E:\n  use(x)", ["0", "1", "2"]),
    "a handler of a try with else": ("x = 0\ntry:\n  f()\nexcept E:\n  x = 1\n  use(x)\nelse:\n  x = 2", ["1"]),
    "else of try": ("x = 0\ntry:\n  x = 1\nexcept E:\n  pass\nelse:\n  use(x)", ["1"]),
    "finally": ("x = 0\ntry:\n  x = 1\nfinally:\n  use(x)", ["0", "1"]),
    "after finally": ("x = 0\ntry:\n  x = 1\nfinally:\n  f()\nuse(x)", ["1"]),
    "suppress": ("x = 0\nwith suppress(ImportError):\n  x = 1\nuse(x)", ["0", "1"]),
    "with": ("x = 0\nwith lock:\n  x = 1\nuse(x)", ["1"]),
    "a loop may not run": ("x = 0\nfor i in f():\n  x = 1\nuse(x)", ["0", "1"]),
    "the round before": ("x = 0\nfor i in f():\n  use(x)\n  x = 1", ["0", "1"]),
    "the round before, of a while test": ("x = 0\nwhile use(x):\n  x = 1", ["0", "1"]),
    "set in every round": ("x = 0\nfor i in f():\n  x = 1\n  use(x)\n  x = 2", ["1"]),
    "outer loops too": ("x = 0\nfor i in f():\n  for j in i:\n    use(x)\n  x = 1", ["0", "1"]),
    "the variable of a loop": ("i = 0\nfor i in f():\n  use(i)", ["Unknown"]),
    "the variable of a loop over a list": ("for i in ('a', 'b'):\n  use(i)", ["'a'", "'b'"]),
    "over a list that grows": ("x = ['a']\nx.append('b')\nfor i in x:\n  use(i)", ["Unknown"]),
    "else of a loop with break": ("for i in f():\n  x = 1\n  break\nelse:\n  x = 2\nuse(x)", ["1", "2"]),
    "else of a loop without break": ("x = 0\nfor i in f():\n  x = 1\nelse:\n  x = 2\nuse(x)", ["2"]),
    "match with a catch-all": ("x = 0\nmatch a:\n  case 1:\n    x = 1\n  case _:\n    x = 2\nuse(x)", ["1", "2"]),
    "match without": ("x = 0\nmatch a:\n  case 1:\n    x = 1\nuse(x)", ["0", "1"]),
    "walrus in a while test": ("while (x := 1):\n  use(x)", ["1"]),
    "a comprehension's own variable": ("x = 1\ny = [use(x) for x in f()]", ["Unknown"]),
    "the first iterable is outside of it only by text": ("x = 1\nuse(x)\ny = [x for x in f()]", ["1"]),
    "global set by a function": ("x = None\ndef f():\n  global x\n  x = 1\ndef g():\n  use(x)", ["1", "None"]),
    "nonlocal": ("def f():\n  x = 0\n  def g():\n    nonlocal x\n    x = 1\n  use(x)", ["0", "1"]),
    "a function reads the module's end": ("x = 1\ndef f():\n  use(x)\nx = 2", ["2"]),
    "class bodies are no scope for methods": ("x = 1\nclass A:\n  x = 2\n  def f(self):\n    use(x)", ["1"]),
    "the class body itself": ("x = 1\nclass A:\n  x = 2\n  use(x)", ["2"]),
    "a parameter hides": ("x = 1\ndef f(x):\n  use(x)", ["Parameter"]),
    "tuples": ("x, (y, z) = 1, (2, 3)\nuse(z)", ["3"]),
    "starred tuples": ("x, *y = 1, 2\nuse(x)", ["Unknown"]),
    "builtins": ("use(len)", ["builtins.len"]),
    "both sides of +=": ("x = 1\nx += 2\nuse(x)", ["Grown"]),
}


@pytest.mark.parametrize("case", CASES)
def test_reaching(case: str) -> None:
    source, expected = CASES[case]
    assert values(source) == expected


STARS = {
    "a star import brings a name": ({"main.py": "from a import *\nuse(x)", "a.py": "x = 1"}, ["1"]),
    "a star import behind wins": ({"main.py": "x = 0\nfrom a import *\nuse(x)", "a.py": "x = 1"}, ["1"]),
    "a star import before loses": ({"main.py": "from a import *\nx = 0\nuse(x)", "a.py": "x = 1"}, ["0"]),
    "in try it may": (
        {"main.py": "x = 0\ntry:\n  from a import *\nexcept ImportError:\n  pass\nuse(x)", "a.py": "x = 1"},
        ["0", "1"],
    ),
    "through two": ({"main.py": "from a import *\nuse(x)", "a.py": "from b import *", "b.py": "x = 1"}, ["1"]),
    "not the private": ({"main.py": "from a import *\nuse(_x)", "a.py": "_x = 1"}, ["Unknown"]),
    "known packages": ({"main.py": "from channels.routing import *\nuse(URLRouter)"}, ["channels.routing.URLRouter"]),
    "an unknown package may bring anything": ({"main.py": "from elsewhere import *\nuse(x)"}, ["Unknown"]),
    "re-exports": ({"main.py": "from a import x\nuse(x)", "a.py": "from b import y as x", "b.py": "y = 1"}, ["1"]),
    "re-exports of a package": (
        {"main.py": "import a\nuse(a.x)", "a/__init__.py": "from .b import x", "a/b.py": "x = 1"},
        ["1"],
    ),
    "itself": ({"main.py": "from main import *\nx = 1\nuse(x)"}, ["1"]),
    "each other": ({"main.py": "from a import *\nx = 1\nuse(y)", "a.py": "from main import *\ny = x"}, ["1"]),
    "a ring without the name": ({"main.py": "from a import *\nuse(z)", "a.py": "from main import *"}, ["Unknown"]),
}


@pytest.mark.parametrize("case", STARS)
def test_star_imports(case: str) -> None:
    files, expected = STARS[case]
    assert values(files) == expected
