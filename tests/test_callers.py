"""From a place to what stands around it: statements before and after, and which server runs the project."""

from __future__ import annotations

import pytest
from stacks import stack_of

from wslint.facts import model as m
from wslint.facts.walk import below
from wslint.stack.code.callers import following, preceding
from wslint.stack.project.servers import servers_of

BODY = """
def leave(rooms):
    a()
    if rooms:
        b()
        {here}
        c()
    else:
        d()
    e()
"""


def around(source: str) -> tuple[str, str]:
    """The calls that may run before and after `here()`, each by the letter of its name."""
    module = stack_of({"main.py": "import channels\n" + source}).modules.at("main.py")
    assert module is not None
    function = next(node for node in module.facts.body if isinstance(node, m.FunctionDef))
    calls = [node for node in below(function) if isinstance(node, m.Call) and isinstance(node.func, m.Name)]
    here = next(call for call in calls if call.func.id == "here")  # type: ignore[union-attr]

    def named(statements: list[m.Stmt]) -> str:
        return "".join(
            node.func.id
            for statement in statements
            for node in below(statement)
            if isinstance(node, m.Call) and isinstance(node.func, m.Name) and node.func is not here.func
        )

    return named(list(preceding(function.body, here))), named(list(following(function.body, here)))


@pytest.mark.parametrize(
    ("here", "before", "after"),
    [
        ("here()", "ab", "ce"),
        ("x = await_(here())", "ab", "ce"),
        ("for room in rooms:\n            f()\n            here()\n            g()", "abf", "gfgce"),
        ("while f():\n            here()", "ab", "ce"),
        ("if f():\n            here()\n            return", "ab", ""),
        ("try:\n            here()\n        finally:\n            f()", "ab", "ce"),
        ("with f():\n            here()\n            g()", "ab", "gce"),
    ],
)
def test_statements_around_a_place(here: str, before: str, after: str) -> None:
    assert around(BODY.format(here=here)) == (before, after)


@pytest.mark.parametrize(
    ("files", "servers"),
    [
        ({"Procfile": "web: uvicorn asgi:application\n"}, {"uvicorn"}),
        ({"Procfile": "web: gunicorn -k uvicorn.workers.UvicornWorker asgi:application\n"}, {"uvicorn"}),
        ({"settings.py": 'INSTALLED_APPS = ["daphne"]\nASGI_APPLICATION = "asgi.application"\n'}, {"daphne"}),
        ({"requirements.txt": "channels\nhypercorn\n"}, {"hypercorn"}),
        ({"requirements.txt": "channels[daphne]\nhypercorn\n"}, set()),
        ({}, set()),
    ],
)
def test_servers(files: dict[str, str], servers: set[str]) -> None:
    asgi = "from channels.routing import ProtocolTypeRouter\napplication = ProtocolTypeRouter({})\n"
    assert servers_of(stack_of({"asgi.py": asgi, **files})) == servers
