"""Methods that a class looks up by a name it puts together: `getattr(self, f"on_{kind}")`."""

from __future__ import annotations

from wslint.facts import model as m
from wslint.facts.walk import below
from wslint.stack.code.classes import Class
from wslint.stack.code.text import Pattern, Texts


def may_be_fetched(cls: Class, name: str, texts: Texts) -> bool:
    """Does some method of a class call `getattr(self, …)` with a text that can be this name?"""
    for owner in cls.ancestry:
        for method in owner.own_methods.values():
            own = method.node.params[0].name if method.node.params else None
            for node in below(method.node):
                match node:
                    case m.Call(
                        func=m.Name(id="getattr"),
                        args=(m.Argument(value=m.Name(id=holder)), m.Argument(value=text), *_),
                    ) if holder == own:
                        wanted = Pattern((name,), node, method.frame)
                        if any(found.could_equal(wanted) for found in texts.of(text, method.frame)):
                            return True
    return False
