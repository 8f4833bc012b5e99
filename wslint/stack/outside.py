"""Classes of installed packages, asked of astroid: lazily, one name at a time, within a time budget.

astroid reads the sources of what is installed beside wslint; it runs none of it. No answer means *unknown*.
"""

from __future__ import annotations

import time
from typing import Any

from wslint.lazy import load

BUDGET = 3.0
"""Seconds of CPU that one run may spend here, so that a busy machine changes nothing; later questions get no answer."""


class Outside:
    """What astroid knows of names that lead out of the project."""

    def __init__(self, budget: float = BUDGET) -> None:
        self.left = budget
        self._ancestors: dict[str, tuple[str, ...]] = {}

    def ancestors(self, dotted: str) -> tuple[str, ...]:
        """The dotted names of a class's bases, direct and inherited; empty when it is not installed or not a class."""
        if dotted not in self._ancestors:
            self._ancestors[dotted] = self._ask(dotted) if self.left > 0 else ()
        return self._ancestors[dotted]

    def _ask(self, dotted: str) -> tuple[str, ...]:
        module, _, name = dotted.rpartition(".")
        if not module:
            return ()
        started = time.process_time()
        try:
            astroid: Any = load("astroid")
            found = astroid.MANAGER.ast_from_module_name(module)
            cls = next((node for node in found.igetattr(name) if isinstance(node, astroid.nodes.ClassDef)), None)
            return () if cls is None else tuple(base.qname() for base in cls.ancestors())
        except Exception:  # astroid fails in more ways than it documents, RecursionError among them
            return ()
        finally:
            self.left -= time.process_time() - started
