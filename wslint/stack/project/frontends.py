"""The addresses under which the project itself says that its pages are served while it is developed."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass

from wslint.facts.frontend import published_frontends
from wslint.location import Location
from wslint.stack.model import Placed, Stack, is_test_path, is_vendored_path

_COMPOSE = re.compile(r"^(docker-)?compose[^/]*\.ya?ml$")
_NOT_DEVELOPMENT = re.compile(r"prod|stag|deploy|live|(^|[-_.])(ci|tests?|e2e)([-_.]|$)")
_PROXY_FILES = re.compile(
    r"(^|/)(vite|next|nuxt|vue|webpack)\.config[^/]*$|(^|/)(package|proxy\.conf)\.json$|setupproxy"
)


@dataclass(eq=False)
class Frontend(Placed):
    """A service that serves pages on a port of the developer's machine; `location` is the port in the compose file."""

    location: Location
    service: str
    port: int


def frontends(stack: Stack, root: str) -> Iterator[Frontend]:
    """The frontends of the compose files beside or above a project's folder; those for production left out.

    There are none when a development server of the tree hands requests on by itself, for then the pages need no CORS.
    """
    tree = stack.tree
    files = [path for path in tree.paths if _is_development_compose(path) and _is_above(path, root)]
    if not files or _proxies(stack):
        return
    for path in files:
        try:
            source = tree.read(path)
        except OSError:
            continue
        for found in published_frontends(source):
            yield Frontend(Location(path, found.span), found.service, found.port)


def _is_development_compose(path: str) -> bool:
    name = path.rpartition("/")[2].lower()
    return bool(_COMPOSE.match(name)) and not _NOT_DEVELOPMENT.search(name) and not is_test_path(path)


def _is_above(path: str, root: str) -> bool:
    folder = path.rpartition("/")[0]
    return not folder or root == folder or root.startswith(folder + "/")


def _proxies(stack: Stack) -> bool:
    for path in stack.tree.paths:
        if not _PROXY_FILES.search(path.lower()) or is_vendored_path(path):
            continue
        try:
            source = stack.tree.read(path)
        except OSError:
            return True
        if b"proxy" in source or b"rewrites" in source:
            return True
    return False
