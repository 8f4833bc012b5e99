"""Path analysis of what leaves a statement early: exceptions, `finally`, suppressing blocks, loops and `match`."""

from __future__ import annotations

from pathlib import Path

import pytest
from flows import connect, consumer, ends, life

ERRORS = """\
class Problem(Exception): pass
class Refused(Problem): pass
class Denied(DenyConnection): pass

"""


def left(folder: Path, body: str) -> set[str]:
    indented = "\n".join(f"    {line}" for line in body.splitlines())
    flow = life(folder, ERRORS + consumer(f"async def connect(self):\n{indented}\n")).connect
    assert flow is not None
    return ends(flow)


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        ("try:\n    x()\nfinally:\n    await self.accept()\n    return\nawait self.close()", {"accepted"}),
        ("while True:\n    try:\n        x()\n    finally:\n        break\nawait self.accept()", {"accepted"}),
        ("try:\n    return\nfinally:\n    await self.close()", {"closed"}),
        ("try:\n    raise KeyError\nfinally:\n    await self.accept()", set()),
        (
            "try:\n    try:\n        raise KeyError\n    finally:\n        await self.close()\n"
            "except KeyError:\n    return\nawait self.accept()",
            {"closed"},
        ),
    ],
)
def test_finally(tmp_path: Path, body: str, expected: set[str]) -> None:
    assert left(tmp_path, body) == expected


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        ("try:\n    raise KeyError\nexcept ValueError:\n    await self.accept()", set()),
        ("try:\n    raise KeyError\nexcept LookupError:\n    await self.accept()", {"accepted"}),
        ("try:\n    raise KeyError\nexcept (OSError, KeyError):\n    await self.accept()", {"accepted"}),
        ("try:\n    raise unknown\nexcept ValueError:\n    await self.accept()", {"accepted"}),
        ("try:\n    raise Refused()\nexcept Problem:\n    await self.close()", {"closed"}),
        ("try:\n    raise Refused()\nexcept ValueError:\n    await self.close()", set()),
        (
            "try:\n    if a:\n        await self.close()\n        raise ValueError\nexcept ValueError:\n    return\n"
            "await self.accept()",
            {"closed", "accepted"},
        ),
        ("try:\n    x()\nexcept KeyError:\n    await self.close()\nelse:\n    await self.accept()",
         {"closed", "accepted"}),
        ("try:\n    pass\nexcept KeyError:\n    await self.accept()\nelse:\n    raise KeyError", set()),
        ("try:\n    x()\nexcept Exception as e:\n    await self.close()\n    raise\nawait self.accept()", {"accepted"}),
        (
            "try:\n    assert a\nexcept AssertionError:\n    await self.close()\n    return\nawait self.accept()",
            {"closed", "accepted"},
        ),
        ("try:\n    g = self.g\nexcept AttributeError:\n    await self.close()\n    return\nawait self.accept()",
         {"closed", "accepted"}),
        ("self.g = 1\ntry:\n    g = self.g\nexcept AttributeError:\n    await self.close()\nawait self.accept()",
         {"accepted"}),
    ],
)  # fmt: skip
def test_handlers(tmp_path: Path, body: str, expected: set[str]) -> None:
    assert left(tmp_path, body) == expected


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        ("raise Denied()", {"closed"}),
        ("try:\n    raise DenyConnection()\nexcept Exception:\n    await self.accept()", {"accepted"}),
        ("try:\n    raise DenyConnection()\nexcept ValueError:\n    await self.accept()", {"closed"}),
        ("try:\n    raise DenyConnection()\nexcept DenyConnection:\n    raise", {"closed"}),
        ("with suppress(DenyConnection):\n    raise DenyConnection()\nawait self.accept()", {"accepted"}),
    ],
)
def test_exceptions_that_channels_takes(tmp_path: Path, body: str, expected: set[str]) -> None:
    assert left(tmp_path, body) == expected


def test_a_denial_that_is_caught_did_not_happen(tmp_path: Path) -> None:
    flow = connect(tmp_path, "try:\n    raise DenyConnection()\nexcept Exception:\n    await self.accept()")
    assert not flow.of("deny")


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        (
            "with a, suppress(KeyError):\n    with suppress(ValueError):\n        x()\n        await self.accept()",
            {"accepted", "connecting"},
        ),
        ("with suppress(ValueError):\n    raise KeyError", set()),
        ("with suppress(ValueError):\n    await self.accept()\nlog()", {"accepted"}),
        ("async with asyncio.timeout(3):\n    await self.accept()", {"accepted"}),
    ],
)
def test_suppressing_blocks(tmp_path: Path, body: str, expected: set[str]) -> None:
    assert left(tmp_path, body) == expected


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        ("while a:\n    if b: break\nelse:\n    await self.accept()", {"accepted", "connecting"}),
        ("while a:\n    pass\nelse:\n    await self.accept()", {"accepted"}),
        ("async for x in y:\n    if x: await self.accept(); break\nelse:\n    await self.close()",
         {"accepted", "closed"}),
        ("for x in (1, 2):\n    await self.accept()", {"accepted"}),
        ("for x in ():\n    await self.accept()", {"connecting"}),
        ("for x in (*y,):\n    await self.accept()", {"accepted", "connecting"}),
        ("done = False\nwhile not done:\n    await self.accept()\n    done = True", {"accepted"}),
        (
            "n = 'a'\nwhile True:\n    if n == 'a': n = 'b'\n    elif n == 'b': n = 'c'\n    elif n == 'c':\n"
            "        await self.accept()\n        break",
            {"accepted"},
        ),
        (
            "for i in range(3):\n    try:\n        await self.accept()\n        break\n    except ValueError:\n"
            "        continue\nelse:\n    await self.close()",
            {"accepted"},
        ),
    ],
)  # fmt: skip
def test_loops(tmp_path: Path, body: str, expected: set[str]) -> None:
    assert left(tmp_path, body) == expected


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        ("match x:\n    case 1 if await y(): await self.accept()\n    case _: await self.close()",
         {"accepted", "closed"}),
        ("match x:\n    case 'a': await self.close()\nif x == 'a': return\nawait self.accept()",
         {"closed", "accepted"}),
        ("ok = None\nmatch x:\n    case ok: pass\nif ok: await self.accept()", {"accepted", "connecting"}),
        ("if (u := get()) is None: await self.close()\nif u is None: return\nawait self.accept()",
         {"closed", "accepted"}),
        ("if not (u := get()): await self.close()\nif u: await self.accept()", {"closed", "accepted"}),
        ("u = get()\nif u: await self.accept(); return\nif u is None: await self.close()",
         {"accepted", "closed", "connecting"}),
        ("ok = False\nif ok is None: await self.accept()\nelse: await self.close()", {"closed"}),
        ("x = ''\nif x: await self.accept()\nelse: await self.close()", {"closed"}),
        ("ok = a or False\nif ok: await self.accept()\nelse: await self.close()", {"accepted", "closed"}),
        ("[await self.close() for x in y if await x]", {"connecting", "closed"}),
        ("log(await self.close())", {"closed"}),
    ],
)  # fmt: skip
def test_choices(tmp_path: Path, body: str, expected: set[str]) -> None:
    assert left(tmp_path, body) == expected
