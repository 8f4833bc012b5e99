"""Path analysis ends: paths come together, and what would multiply them costs states and steps that can be counted."""

from __future__ import annotations

import textwrap
from pathlib import Path

import pytest
from flows import connect, consumer, ends, life

from wslint.flow import State, Tasks, turns_of
from wslint.flow.path import MAX_STEPS
from wslint.flow.state import MAX_STATES


def method(name: str, body: str, arguments: str = "self") -> str:
    return f"async def {name}({arguments}):\n{textwrap.indent(body, '    ')}\n"


def most_states(flow_states: list[set[State]]) -> int:
    return max(map(len, flow_states))


def test_sequential_conditions_come_together(tmp_path: Path) -> None:
    """Sixty independent conditions that bind and test: 2**60 paths."""
    lines = [f"flag{n} = maybe({n})\nif flag{n}: self.a{n} = {n}\nif other{n}: await log(flag{n})" for n in range(60)]
    flow = connect(tmp_path, "\n".join([*lines, "await self.accept()"]))
    assert ends(flow) == {"accepted"}
    assert flow.steps < 400
    assert most_states([accept.before for accept in flow.of("accept")]) <= 2


def test_flags_that_are_all_asked_again_put_the_rest_in_doubt(tmp_path: Path) -> None:
    """Three hundred attributes tested twice: what is too much to keep apart is forgotten, and doubtful."""
    tests = [f"if self.flag{n}: await log({n})" for n in range(150)]
    flow = connect(tmp_path, "\n".join([*tests, *tests, "await self.accept()"]))
    assert ends(flow) == {"accepted?"}
    assert flow.steps < 1000


def test_nested_tries(tmp_path: Path) -> None:
    """Eighteen `try` with `finally` inside one another, each with a handler that may go on."""
    body = "await self.accept()"
    for n in range(18):
        inner = textwrap.indent(body, "    ")
        body = f"try:\n{inner}\n    a{n}()\nexcept KeyError:\n    b{n}()\nfinally:\n    c{n}()"
    flow = connect(tmp_path, body)
    assert flow.known
    assert flow.steps < 3000


def test_finally_in_finally(tmp_path: Path) -> None:
    """A last block in a last block is run for each way out of both: given up before it costs."""
    body = "x()"
    for n in range(15):
        inner = textwrap.indent(body, "    ")
        body = f"try:\n    if a{n}: return {n}\n    y()\nfinally:\n{inner}"
    flow = connect(tmp_path, body)
    assert flow.steps <= MAX_STEPS + 1


@pytest.mark.parametrize("arguments", ["", "x, "])
def test_helpers_that_call_the_next_five_times(tmp_path: Path, arguments: str) -> None:
    """5**10 ways down; every way to enter a helper is walked once."""
    given = arguments.rstrip(", ")
    names = "self, x" if arguments else "self"
    chain = [method(f"h{n}", f"await self.h{n + 1}({given})\n" * 5, names) for n in range(10)]
    source = consumer("".join([method("connect", f"x = 1\nawait self.h0({given})"), *chain,
                               method("h10", "await self.accept()", names)]))  # fmt: skip
    flow = life(tmp_path, source).connect
    assert flow is not None
    assert ends(flow) == {"accepted"}
    assert flow.steps < 2000


def test_mutual_recursion(tmp_path: Path) -> None:
    """Twelve methods, each of which may call every other."""
    calls = "".join(f"if a{n}: await self.h{n}()\n" for n in range(12))
    source = consumer("".join([method("connect", "await self.h0()\nawait self.accept()"),
                               *(method(f"h{n}", calls) for n in range(12))]))  # fmt: skip
    flow = life(tmp_path, source).connect
    assert flow is not None
    assert flow.steps <= MAX_STEPS + 1
    assert not flow.known or ends(flow) == {"accepted"}


def test_a_big_consumer(tmp_path: Path) -> None:
    """Sixty methods and three hundred branches: every entry point costs about its own length."""
    handlers = [
        method(
            f"handle{n}",
            "\n".join(f"if event.get({k}): self.a{n}_{k} = {k}\nelif self.b{k}: await self.send('x')" for k in range(5))
            + f"\nif event: await self.handle{(n + 1) % 60}(event)",
            "self, event",
        )
        for n in range(60)
    ]
    source = consumer("".join([method("connect", "await self.accept()"), *handlers]))
    found = life(tmp_path, source)
    steps = [flow.steps for flow in found.flows()]
    assert len(steps) == 61
    assert max(steps) < 1500
    assert sum(steps) < 60_000


def test_too_many_ways_to_be_is_unknown_not_wrong(tmp_path: Path) -> None:
    lines = [f"if flag{n}: await self.close()" for n in range(MAX_STATES + 16)]
    lines += [f"if flag{n}: pass" for n in range(MAX_STATES + 16)]
    flow = connect(tmp_path, "\n".join([*lines, "await self.accept()"]))
    assert not flow.known


@pytest.mark.parametrize(
    "body",
    [
        "handler = handler\nawait handler(self)\nawait self.accept()",
        "for one in many:\n    first = second\n    second = first\n    await first(self)\nawait self.accept()",
    ],
)
def test_names_that_lead_to_each_other_end(body: str, tmp_path: Path) -> None:
    assert connect(tmp_path, body) is not None


@pytest.mark.parametrize(
    "line",
    ["task = task if task else asyncio.create_task(self.work())", "task = [*task, asyncio.create_task(self.work())]"],
)
def test_a_task_that_is_kept_under_a_name_made_of_itself(line: str, tmp_path: Path) -> None:
    work = method("work", "while True: await asyncio.sleep(1)")
    found = life(tmp_path, consumer(method("connect", f"task = None\n{line}\nawait self.accept()") + work))
    tasks = list(Tasks(found.consumer, turns_of(found.stack)))
    assert [task.kept for task in tasks] == [frozenset()]
