"""The path of a mount as its routes write it, and whether the configuration calls it public."""

from __future__ import annotations

import re
from collections.abc import Iterable
from fnmatch import fnmatchcase

from wslint.stack.model import Mount


def route_text(mount: Mount) -> str:
    """The path of a mount as its routes write it, without anchors and expressions: `ws/chat/<room>/`."""
    return "".join(_plain(route.pattern) for route in mount.routes)


def _plain(pattern: str | None) -> str:
    if pattern is None:
        return "…"
    text = re.sub(r"\(\?P<(\w+)>(?:[^()\\]|\\.|\([^()]*\))*\)", r"<\1>", pattern)
    return re.sub(r"<\w+:(\w+)>", r"<\1>", text).replace("/?", "/").lstrip("^").rstrip("$")


def is_public(mount: Mount, patterns: Iterable[str]) -> bool:
    """Is a mount one of those that the configuration calls public?"""
    text = route_text(mount).strip("/")
    return any(fnmatchcase(text, pattern.lstrip("^").rstrip("$").strip("/")) for pattern in patterns)
