"""Imports of our dependencies that never run a file of the analysed project.

Under `python -m wslint` and `python -m flake8` the current folder is the first entry of `sys.path`, and PYTHONPATH may
name the project as well; a yaml.py or click.py there would be run by our own import. So imports happen while only the
interpreter's own folders are on the path. This module itself imports nothing that is looked up on the path.

What cannot be helped from here: a wslint.py in the current folder is what `python -m wslint` runs, and modules that
`python -m flake8` imports before any plugin may come from there. The scripts `wslint` and `flake8`, `python -P -m …`
and PYTHONSAFEPATH=1 do not have this hole.
"""

# pathlib is looked up on the path.
# ruff: noqa: PTH118, PTH119, PTH120, PTH206

import _thread
import os
import sys

TYPE_CHECKING = False
if TYPE_CHECKING:
    from types import ModuleType, TracebackType

_INSTALLED = ("site-packages", "dist-packages")


def load(name: str) -> "ModuleType":
    """The module of that name, imported with the project hidden. Raises ImportError."""
    module = sys.modules.get(name)
    if module is None:
        with hidden_project():
            __import__(name)
        module = sys.modules[name]
    return module


class hidden_project:
    """While it lasts, `sys.path` holds only the entries that `is_trusted` allows. Nests, also across threads."""

    _lock = _thread.allocate_lock()
    _users = 0
    _before: list[str] = []
    _during: list[str] = []

    def __enter__(self) -> None:
        kind = hidden_project
        with kind._lock:
            kind._users += 1
            if kind._users == 1:
                kind._before = list(sys.path)
                protect()
                kind._during = list(sys.path)

    def __exit__(
        self,
        kind_: "type[BaseException] | None",
        error: "BaseException | None",
        traceback: "TracebackType | None",
    ) -> None:
        kind = hidden_project
        with kind._lock:
            kind._users -= 1
            if kind._users == 0:
                sys.path[:] = kind._before + [entry for entry in sys.path if entry not in kind._during]


def protect() -> None:
    """Drop every entry from `sys.path` that could be the project, for good. For processes that are ours alone."""
    sys.path[:] = [entry for entry in sys.path if is_trusted(entry)]


def is_trusted(entry: str) -> bool:
    """Whether an entry of `sys.path` is the standard library's, an installation's, or where wslint itself stands."""
    path = os.path.realpath(entry)
    if path in _own_places() or path.startswith(_library() + os.sep):
        return True
    name = os.path.basename(path)
    return name.endswith((".whl", ".egg")) or not set(_INSTALLED).isdisjoint(path.split(os.sep))


def _library() -> str:
    return os.path.realpath(os.path.dirname(os.__file__))


def _own_places() -> tuple[str, ...]:
    library = _library()
    archive = f"python{sys.version_info[0]}{sys.version_info[1]}.zip"
    return (
        library,
        os.path.realpath(os.path.join(os.path.dirname(__file__), os.pardir)),
        os.path.join(os.path.dirname(library), archive),
        *(os.path.join(os.path.realpath(sys.base_prefix), name) for name in ("DLLs", archive)),
    )
