"""The ports on which a compose file publishes a frontend's development server."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any, NamedTuple

from wslint.lazy import load
from wslint.location import Span

LARGEST = 200_000  # bytes
DEEPEST = 60  # brackets or levels; YAML nested far deeper ends the process in its C loader

_FRONTEND = re.compile(
    r"(^|[-_])(front(-?end)?|client|spa|ui|react|vue|nuxt|next(js)?|angular|svelte|vite|web-?(app|client))([-_]|$)"
)
_TOOLS = re.compile(r"\b(npm|pnpm|yarn|bun|npx|vite|next|nuxt|ng serve|react-scripts|vue-cli-service)\b")
_PORTS = re.compile(r"(?:(?P<address>[\d.]+):)?(?P<outside>\d{2,5}):\d{2,5}(?:/tcp)?$")


class Published(NamedTuple):
    """A service whose pages the host's browser reaches on a port."""

    service: str
    port: int
    span: Span


def published_frontends(source: bytes) -> tuple[Published, ...]:
    """The frontends of a compose file whose host ports are numbers. Never raises: what is no YAML has none."""
    if b"services" not in source or b"ports" not in source or len(source) > LARGEST:
        return ()
    text = source.decode("utf-8", "replace")
    if _is_deep(text):
        return ()
    yaml = load("yaml")
    try:
        root = yaml.compose(text, Loader=yaml.SafeLoader)
    except (yaml.YAMLError, RecursionError, ValueError):
        return ()
    return tuple(found for name, node in _pairs(_child(root, "services")) for found in _of(name, node))


def _of(name: str, node: Any) -> Iterator[Published]:
    command = " ".join([*_texts(_child(node, "command")), *_texts(_child(node, "entrypoint"))])
    image = "".join(_texts(_child(node, "image")))
    if not _TOOLS.search(command) and not (_FRONTEND.search(name.lower()) and not image.startswith("nginx")):
        return
    for item in _items(_child(node, "ports")):
        outside = "".join(_texts(_child(item, "published"))) if item.id == "mapping" else ""
        match = _PORTS.match(str(item.value)) if item.id == "scalar" else None
        port = match["outside"] if match else outside
        if port.isdigit():
            yield Published(name, int(port), _span(item))


def _span(node: Any) -> Span:
    start, end = node.start_mark, node.end_mark
    if node.id == "mapping":
        return Span(start.line + 1, start.column + 1, start.line + 1, start.column + 2)
    return Span(start.line + 1, start.column + 1, end.line + 1, end.column + 1)


def _is_deep(text: str) -> bool:
    """By brackets and indentation, before any parser sees it."""
    if text.count("[") + text.count("{") > DEEPEST * 20 or ("&" in text and text.count("*") > 500):
        return True
    return any(
        len(line) - len(line.lstrip(" ")) > DEEPEST * 2 or line.count("- ") > DEEPEST for line in text.splitlines()
    )


def _child(node: Any, key: str) -> Any:
    return next((value for name, value in _pairs(node) if name == key), None)


def _pairs(node: Any) -> Iterator[tuple[str, Any]]:
    if node is not None and node.id == "mapping":
        for key, value in node.value:
            if key.id == "scalar":
                yield str(key.value), value


def _items(node: Any) -> list[Any]:
    return list(node.value) if node is not None and node.id == "sequence" else []


def _texts(node: Any) -> list[str]:
    if node is None:
        return []
    return [str(item.value) for item in ([node] if node.id == "scalar" else _items(node)) if item.id == "scalar"]
