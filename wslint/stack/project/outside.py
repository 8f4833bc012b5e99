"""Classes and constants of installed packages, asked of astroid: lazily, one name at a time, within a time budget.

astroid reads the sources of what is installed in the project's environment, as far as that is known, or beside wslint;
it runs none of it. No answer means *unknown*.
"""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any, ClassVar

from wslint.lazy import load

BUDGET = 3.0
"""Seconds of CPU that one run may spend here, so that a busy machine changes nothing; later questions get no answer."""

NEVER_CONSTANT = ("builtins.", "django.conf.settings.")

Constant = str | int | bytes | float | bool


class Outside:
    """What astroid knows of names that lead out of the project; `sites` are the package folders of its environment."""

    _known: ClassVar[tuple[str, ...]] = ()
    """The environment that astroid, which keeps what it has read, was asked about last."""

    def __init__(self, budget: float = BUDGET, sites: Sequence[str] = ()) -> None:
        self.left = budget
        self.sites = tuple(sites)
        self._ancestors: dict[str, tuple[str, ...]] = {}
        self._constants: dict[str, Constant | None] = {}

    def ancestors(self, dotted: str) -> tuple[str, ...]:
        """The dotted names of a class's bases, direct and inherited; empty when it is not installed or not a class."""
        if dotted not in self._ancestors:
            self._ancestors[dotted] = self._ask(dotted, _bases) or ()
        return self._ancestors[dotted]

    def constant(self, dotted: str) -> Constant | None:
        """The value of a constant (`starlette.status.WS_1008_POLICY_VIOLATION`); None when that is not known."""
        name = dotted.rpartition(".")[2]
        top = dotted.partition(".")[0]
        if not name.isupper() or top in sys.stdlib_module_names or dotted.startswith(NEVER_CONSTANT):
            return None
        if dotted not in self._constants:
            self._constants[dotted] = self._ask(dotted, _only_constant)
        return self._constants[dotted]

    def _ask(self, dotted: str, read: Callable[[list[Any], Any], Any]) -> Any:
        """What `read` makes of the nodes that a dotted name can be."""
        module, _, name = dotted.rpartition(".")
        if not module or self.left <= 0:
            return None
        started = time.process_time()
        try:
            astroid: Any = load("astroid")
            with self._environment(astroid):
                found = astroid.MANAGER.ast_from_module_name(module)
                return read(list(found.igetattr(name)), astroid)
        except Exception:  # astroid fails in more ways than it documents, RecursionError among them
            return None
        finally:
            self.left -= time.process_time() - started

    @contextmanager
    def _environment(self, astroid: Any) -> Iterator[None]:
        """While it lasts, astroid looks modules up in the project's environment first; `sys.path` stays as it is."""
        if Outside._known != self.sites:
            astroid.MANAGER.clear_cache()
            Outside._known = self.sites
        if not self.sites:
            yield
            return
        manager, modutils = astroid.MANAGER, load("astroid.modutils")
        beside: Callable[[str, str | None], Any] = manager.file_from_module_name

        def located(name: str, context: str | None) -> Any:
            if name.partition(".")[0] not in sys.stdlib_module_names:
                try:
                    return modutils.file_info_from_modpath(name.split("."), path=self.sites)
                except ImportError:
                    pass
            return beside(name, context)

        manager.file_from_module_name = located
        try:
            yield
        finally:
            del manager.file_from_module_name


def _bases(nodes: list[Any], astroid: Any) -> tuple[str, ...]:
    cls = next((node for node in nodes if isinstance(node, astroid.nodes.ClassDef)), None)
    return () if cls is None else tuple(base.qname() for base in cls.ancestors())


def _only_constant(nodes: list[Any], astroid: Any) -> Constant | None:
    values = {(type(node.value), node.value) for node in nodes if isinstance(node, astroid.nodes.Const)}
    if len(values) != 1 or len(nodes) != sum(isinstance(node, astroid.nodes.Const) for node in nodes):
        return None
    value = values.pop()[1]
    return value if isinstance(value, (str, int, bytes, float)) else None
