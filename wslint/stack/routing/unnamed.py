"""ASGI modules that need Django's settings before anything has said which settings they are (A09)."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from wslint.discover import mentions
from wslint.facts import model as m
from wslint.facts.walk import below, calls_within, within
from wslint.knowledge import channels as known
from wslint.location import Location
from wslint.stack.code.link import Module
from wslint.stack.code.values import Frame
from wslint.stack.execution.startup import Startup
from wslint.stack.model import Stack
from wslint.stack.routing.entries import entries, is_of_a_project

VARIABLE = "DJANGO_SETTINGS_MODULE"
SETTING_UP = known.GET_ASGI_APPLICATION | known.GET_WSGI_APPLICATION | {"django.setup", known.ALLOWED_HOSTS_VALIDATOR}
"""Calls that read the settings."""

_NAMING = frozenset({"load_dotenv", "read_env", "read_envfile", "read_dotenv", "configure", "ENVIRONMENT_VARIABLE"})
"""Names of what may say which settings are meant, or makes them."""

_ELSEWHERE = (VARIABLE.encode(), b"env_file", b"env-file", b"EnvironmentFile", b"envFrom", b"configMapRef")
_SERVERS = (b"uvicorn", b"daphne", b"hypercorn", b"granian")
_OF_TESTS = ("pytest.ini", "tox.ini", "setup.cfg", "pyproject.toml")
_CODE = (".py", ".js", ".mjs", ".cjs", ".jsx", ".ts", ".mts", ".tsx", ".vue", ".svelte", ".html", ".htm")
_PIPELINES = ("/.github/", "/.circleci/")
MAX_DEPTH = 20


@dataclass(eq=False)
class Need:
    """What needs the settings, where (`deeper` when that is in a module it imports), and where they are named later."""

    what: str
    location: Location
    deeper: Location | None
    late: Location | None


def unnamed(stack: Stack) -> Iterator[Need]:
    """The first need of every ASGI module that a server imports first; none where a model is reached too early."""
    for application in entries(stack):
        module = application.module
        need = _first(stack, module) if is_of_a_project(stack, application) else None
        if need is not None and not _named_before(stack, module) and not _named_elsewhere(stack, module):
            yield need


def _named_before(stack: Stack, module: Module) -> bool:
    """Do modules that it imports until Django is set up name the settings? So too when a model is reached too early."""
    startup = Startup(stack)
    if list(startup.early(module)):
        return True
    before = [stack.modules.at(path) for path in startup.ran - {module.path}]
    return any(found is None or any(map(_names, found.facts.body)) for found in before)


def _named_elsewhere(stack: Stack, module: Module) -> bool:
    """May a compose file, a unit, a Dockerfile, an environment file or a script that starts the server name them?"""
    files = [
        path
        for path in stack.tree.paths
        if not path.endswith((*_CODE, *_OF_TESTS)) and not any(part in f"/{path}" for part in _PIPELINES)
    ]
    if mentions(stack.tree, _ELSEWHERE, files):
        return True
    scripts = [path for path in stack.tree.python if path != module.path and not path.endswith("manage.py")]
    return any(
        any(server in source for server in _SERVERS)
        for source in mentions(stack.tree, (VARIABLE.encode(),), scripts).values()
    )


def _names(node: m.Node) -> bool:
    """Does a statement, or a function that it defines, speak of the variable or of something that may set it?"""
    return any(
        (isinstance(found, m.Constant) and found.value == VARIABLE)
        or (isinstance(found, m.Name) and found.id in _NAMING)
        or (isinstance(found, m.Attribute) and (found.attr in _NAMING or _is_environment(found)))
        or (isinstance(found, m.Import) and (found.module or found.names[0].name).startswith("configurations"))
        for found in (node, *below(node))
    )


def _is_environment(node: m.Attribute) -> bool:
    """`os.environ.update`"""
    return node.attr == "update" and isinstance(node.value, m.Attribute) and node.value.attr == "environ"


def _first(stack: Stack, module: Module) -> Need | None:
    """The first statement that surely needs the settings, unless one that names them may run before."""
    frame = stack.values.module_frame(module)
    body = module.facts.body
    for index, statement in enumerate(body):
        if _names(statement):
            return None
        found = _need(stack, statement, frame, {module.path}, 0)
        if found is None:
            continue
        if not isinstance(statement, (m.Import, m.Assign, m.ExpressionStatement)):
            return None
        what, place = found
        inside = place.path == module.path
        late = next((frame.at(later) for later in body[index + 1 :] if _names(later)), None)
        return Need(what, place if inside else frame.at(statement), None if inside else place, late)
    return None


def _need(stack: Stack, statement: m.Stmt, frame: Frame, seen: set[str], depth: int) -> tuple[str, Location] | None:
    """What reads the settings when a statement runs, and where."""
    if isinstance(statement, m.Import):
        for module in _imported(stack, statement, frame.module):
            if module.path not in seen and depth < MAX_DEPTH:
                seen.add(module.path)
                home = stack.values.module_frame(module)
                for inner in module.facts.body:
                    if isinstance(inner, (m.Import, m.Assign, m.ExpressionStatement)):
                        found = _need(stack, inner, home, seen, depth + 1)
                        if found is not None:
                            return found
        return None
    if isinstance(statement, (m.FunctionDef, m.ClassDef)):
        return None
    for call in calls_within((statement,)):
        dotted = stack.values.dotted(call.func, frame)
        if dotted in SETTING_UP:
            return f"{dotted.rpartition('.')[2]}()", frame.at(call.func)
    for node in within((statement,)):
        if isinstance(node, m.Attribute) and node.attr.isupper():
            dotted = stack.values.dotted(node, frame)
            if dotted is not None and dotted.startswith("django.conf.settings."):
                return f"settings.{node.attr}", frame.at(node)
    return None


def _imported(stack: Stack, node: m.Import, module: Module) -> Iterator[Module]:
    """The project's modules that an import statement surely loads."""
    source = "" if node.module is None and not node.level else stack.modules.absolute(module, node)
    for dotted in [source] if source else [alias.name for alias in node.names]:
        found = stack.modules.find(dotted, module.path)
        if found is not None:
            yield found
            for alias in node.names if source else ():
                inner = stack.modules.find(f"{source}.{alias.name}", module.path)
                if inner is not None and alias.name not in found.scope.bindings:
                    yield inner
