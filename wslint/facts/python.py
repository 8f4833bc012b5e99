"""Python source → facts."""

from __future__ import annotations

from wslint.facts import model as m
from wslint.facts.abstract import quick
from wslint.facts.guard import decode, refuse


def read_python(source: bytes) -> m.PythonFile:
    """The facts of one Python file. Never raises: what cannot be read is a `problem`.

    The running Python's own parser does nearly all; libcst, slow to import and to parse, the syntax that it does not
    know (newer, or broken) and the few shapes in which it says too little.
    """
    refused = refuse(source)
    if refused is not None:
        return m.PythonFile((), problem=refused)
    text = decode(source)
    if isinstance(text, m.Unreadable):
        return m.PythonFile((), problem=text)
    facts = quick(text)
    if facts is None:
        from wslint.facts.concrete import lower

        facts = lower(text)
    return facts
