"""The pages and scripts of the project that open websockets in a browser."""

from __future__ import annotations

import re
from collections.abc import Iterator

from wslint.discover import mentions
from wslint.location import Location, Span
from wslint.stack.model import Stack, is_test_path, is_vendored_path

PAGES = (".js", ".mjs", ".cjs", ".jsx", ".ts", ".mts", ".tsx", ".vue", ".svelte", ".html", ".htm")
WRITTEN = 600
"""Characters: a longer line was written by a bundler."""

_NEEDLES = (b"WebSocket", b"websocket")
_OPENS = re.compile(
    r"\bnew\s+(window\.|globalThis\.|self\.)?(Reconnecting)?WebSocket\s*\("
    r"|\b(from|import|require\()\s*[\"'](reconnecting-websocket|react-use-websocket|partysocket/ws"
    r"|vue-native-websocket(-vue3)?|@vueuse/core/useWebSocket|rxjs/webSocket)[\"']"
)
_ELSEWHERE = re.compile(r"\bWebSocket\s*\(\s*[\"'`]wss?://(?!localhost|127\.|0\.0\.0\.0|\[|\$|[\"'`])")
"""The address of some server is spelt out: it need not be this project's."""

_NO_BROWSER = re.compile(
    r"\b(from|import|require\()\s*[\"'](ws|websocket|isomorphic-ws|react-native|electron|k6[/\w]*|fs|node:\w+)[\"']"
    r"|\b(Deno|Bun)\."
)
_APPS = re.compile(rb'"(react-native|expo|electron|@capacitor/core|@nativescript/core|@tauri-apps/api)"\s*:')
"""Packages whose programs are no pages: their websockets can send headers, or may."""


def browser_clients(stack: Stack, origin: str) -> Iterator[Location]:
    """Where pages open a websocket, or import a library that does, the first place of each file.

    In a tree of several projects those that lie in or beside the folder of the project that the file `origin` is of.
    """
    root = stack.modules.root_of(origin)
    others = [one.root for one in stack.settings if one.root and not f"{root}/".startswith(f"{one.root}/")]
    beside = root.rpartition("/")[0]
    apps = {path.rpartition("/")[0] for path, text in _packages(stack).items() if _APPS.search(text)}
    pages = [
        path
        for path in stack.tree.paths
        if path.endswith(PAGES) and _is_in(path, beside) and not _is_foreign(path, others)
    ]
    for path, source in sorted(mentions(stack.tree, _NEEDLES, pages).items()):
        text = source.decode("utf-8", "replace")
        if _NO_BROWSER.search(text) or any(_is_in(path, app) for app in apps):
            continue
        for number, line in enumerate(text.splitlines(), 1):
            match = _OPENS.search(line) if len(line) <= WRITTEN else None
            if match is not None and not _is_remark(line, match.start()) and not _ELSEWHERE.search(line):
                yield Location(path, Span(number, match.start() + 1, number, match.end() + 1))
                break


def _packages(stack: Stack) -> dict[str, bytes]:
    files = [path for path in stack.tree.paths if path.rpartition("/")[2] == "package.json"]
    return mentions(stack.tree, (b"dependencies", b"Dependencies"), files)


def _is_foreign(path: str, others: list[str]) -> bool:
    return is_test_path(path) or is_vendored_path(path) or any(_is_in(path, other) for other in others)


def _is_in(path: str, folder: str) -> bool:
    return not folder or path.startswith(f"{folder}/")


def _is_remark(line: str, column: int) -> bool:
    before = line[:column].replace("://", "")
    return "//" in before or "<!--" in before or before.lstrip().startswith(("*", "/*"))
