"""Files that start processes → the command lines in them: compose, Dockerfile, Procfile, scripts, units, hints."""

from __future__ import annotations

import json
import re
from bisect import bisect_right
from collections.abc import Callable, Iterator, Mapping
from typing import Any

from wslint.facts.model import Command, CommandFile, Span, Unreadable
from wslint.facts.process import SERVERS, Process, join, process, processes
from wslint.facts.shell import Word, expand, simple_commands
from wslint.lazy import load

LARGEST = 300_000  # bytes
DEEPEST = 100  # nested YAML; the C loader ends the process at some ten thousand

_PROGRAMS = re.compile(
    rb"daphne|uvicorn|hypercorn|granian|gunicorn|uwsgi|waitress|runserver|celery|manage\.py|django-admin"
    rb"|dramatiq|huey|rq |-m django"
)
_SCRIPT_NAMES = re.compile(r"(?:.*[-_])?(?:entrypoint|start|run|boot|launch|init|serve|release|web|worker)(?:[-_].*)?")
_SECTION = re.compile(
    r"^\[(?:(?:fcgi-)?program|watcher):([^\]\n]+)\][^\n]*\n((?:(?!\[).*\n?)*)", re.MULTILINE
)  # of supervisor, and of circus
_QUOTED = re.compile(r"`([^`]+)`")
_WHOLE = re.compile(r"^\s*(?:[-*]\s+)?(?:run:|script:|command:)?\s*[$>@%#-]*\s*(\S.*)$")
_WORDS_OF_PROSE = re.compile(r"[A-Z]?[a-z]+[,.:;]?")


def kind_of(path: str) -> str | None:
    """What a file of that name would be: compose, dockerfile, procfile, script, unit, supervisor, hint; else None."""
    lower = path.lower()
    name = lower.rpartition("/")[2]
    _, dot, suffix = name.rpartition(".")
    if suffix in ("yml", "yaml"):
        is_pipeline = "/.github/" in f"/{lower}" or "/.circleci/" in f"/{lower}" or "pipeline" in name or "-ci" in name
        return "hint" if is_pipeline else "compose"
    if name.startswith(("dockerfile", "containerfile")) or name.endswith((".dockerfile", "-dockerfile", "_dockerfile")):
        return None if name.endswith((".dockerignore", ".md")) else "dockerfile"
    if name.startswith("procfile"):
        return "procfile"
    if suffix in ("sh", "bash"):
        return "script"
    if suffix == "service":
        return "unit"
    if suffix in ("conf", "ini") or ".conf." in name:
        return "supervisor"
    if name in ("makefile", "gnumakefile", "justfile") or name.startswith("readme") or suffix == "mk":
        return "hint"
    return "script" if not dot and _SCRIPT_NAMES.fullmatch(name) else None


def read_commands(path: str, source: bytes) -> CommandFile | None:
    """The commands of a file that start a Python server, worker or manage.py; None when it is no such file.

    Never raises. `workers` counts replicas (compose) and numprocs (supervisor) in.
    """
    kind = kind_of(path)
    if kind is None:
        return None
    is_sure = kind != "compose" or "compose" in path.rpartition("/")[2].lower()
    if not _PROGRAMS.search(source):
        return CommandFile(())
    if len(source) > LARGEST:
        too_large = Unreadable(f"larger than {LARGEST // 1000} KB")
        return CommandFile((), too_large if is_sure and kind != "hint" else None)
    text = source.decode("utf-8-sig", "replace").replace("\r\n", "\n").replace("\r", "\n")
    try:
        return CommandFile(tuple(_READERS[kind](_Text(text))))
    except _Broken as broken:
        return CommandFile((), broken.problem if is_sure else None)
    except Exception as error:  # whatever a file holds, it costs itself only
        return CommandFile((), Unreadable(f"cannot read it: {type(error).__name__}"))


class _Broken(Exception):
    def __init__(self, reason: str, line: int = 1, column: int = 1) -> None:
        super().__init__(reason)
        self.problem = Unreadable(reason, line, column)


class _Text:
    """A text whose offsets become spans."""

    def __init__(self, text: str) -> None:
        self.text = text
        self.lines = text.split("\n")
        self.starts = [0]
        for line in self.lines:
            self.starts.append(self.starts[-1] + len(line) + 1)

    def span(self, start: int, end: int) -> Span:
        line = bisect_right(self.starts, start, hi=len(self.lines))
        end_line = bisect_right(self.starts, max(end, start), hi=len(self.lines))
        return Span(line, start - self.starts[line - 1] + 1, end_line, end - self.starts[end_line - 1] + 1)

    def commands(
        self,
        start: int,
        end: int,
        source: str,
        environment: Mapping[str, str] | None = None,
        directory: str | None = None,
        service: str | None = None,
    ) -> Iterator[Command]:
        """The commands of the shell text between two offsets."""
        for found in processes(self.text[start:end], environment or {}, directory):
            yield command(found, self.span(start + found.first, start + found.last), source, service)


def command(found: Process, span: Span, source: str, service: str | None = None, copies: int | None = None) -> Command:
    workers = found.workers if copies is None else copies * (found.workers or 1)
    return Command(
        program=found.program,
        words=found.words,
        span=span,
        source=source,
        target=found.target,
        subcommand=found.subcommand,
        service=service,
        environment=found.environment,
        directory=found.directory,
        workers=workers,
    )


# --- scripts, Procfile, units, supervisor, hints ----------------------------------------------------------------------


def _script(text: _Text) -> Iterator[Command]:
    return text.commands(0, len(text.text), "script")


def _procfile(text: _Text) -> Iterator[Command]:
    for found in re.finditer(r"^([A-Za-z0-9_-]+):[ \t]*(\S.*)$", text.text, re.MULTILINE):
        yield from text.commands(found.start(2), found.end(2), "procfile", service=found[1])


def _unit(text: _Text) -> Iterator[Command]:
    environment: dict[str, str] = {}
    directory: str | None = None
    for found in re.finditer(r"^(Environment|WorkingDirectory)[ \t]*=((?:.*\\\n)*.*)$", text.text, re.MULTILINE):
        if found[1] == "Environment":
            environment.update(_settings(found[2]))
        else:
            directory = join(None, found[2].strip())
    for found in re.finditer(r"^ExecStart[ \t]*=[ \t]*[-@:+!]*((?:.*\\\n)*.*)$", text.text, re.MULTILINE):
        yield from text.commands(found.start(1), found.end(1), "unit", environment, directory)


def _supervisor(text: _Text) -> Iterator[Command]:
    for section in _SECTION.finditer(text.text):
        keys: dict[str, tuple[int, int]] = {}
        for found in re.finditer(r"^(\w+)[ \t]*=[ \t]*(.*(?:\n[ \t]+\S.*)*)$", section[2], re.MULTILINE):
            keys[found[1]] = (section.start(2) + found.start(2), section.start(2) + found.end(2))
        values = {key: text.text[start:end] for key, (start, end) in keys.items()}
        line = keys.get("command") or keys.get("cmd")
        if line is None:
            continue
        environment = _settings(values.get("environment", "").replace(",", " "))
        copies = values.get("numprocs", "").strip()
        directory = join(None, values.get("directory", "/").strip())
        for one in text.commands(*line, "unit", environment, directory, section[1].strip()):
            yield _times(one, int(copies)) if re.fullmatch(r"\d{1,4}", copies) else one


def _hints(text: _Text) -> Iterator[Command]:
    """Lines of a Makefile, README or pipeline that read like a command; prose that names a server does not."""
    last = -1
    for number, line in enumerate(text.lines):
        if number <= last:
            continue
        for piece in (_QUOTED if "`" in line else _WHOLE).finditer(line):
            start = text.starts[number]
            end = start + piece.end(1)
            last = number
            while last + 1 < len(text.lines) and text.text[end - 1] == "\\":
                last += 1
                end = text.starts[last] + len(text.lines[last])
            for one in text.commands(start + piece.start(1), end, "hint"):
                if one.program in SERVERS:
                    is_meant = one.target is not None and (":" in one.target or "." in one.target)
                elif one.program in ("runserver", "manage"):
                    is_meant = not _is_prose(one.words[1:])
                else:
                    is_meant = any(word.startswith("-") for word in one.words)
                if is_meant:
                    yield one


def _is_prose(words: tuple[str, ...]) -> bool:
    return len(words) > 2 and all(_WORDS_OF_PROSE.fullmatch(word) for word in words[1:])


def _times(one: Command, copies: int) -> Command:
    return Command(
        *(one.program, one.words, one.span, one.source, one.target, one.subcommand, one.service),
        *(one.environment, one.directory, copies * (one.workers or 1)),
    )


def _settings(text: str) -> dict[str, str]:
    """`A=b "C=d e"` → a mapping."""
    words = [word.text for words in simple_commands(text.replace("\\\n", " ")) for word in words]
    return dict(word.partition("=")[::2] for word in words if "=" in word)


# --- Dockerfile -------------------------------------------------------------------------------------------------------

_INSTRUCTION = re.compile(r"^[ \t]*([A-Za-z]+)[ \t]+((?:[^\n\\]+|\\(?!\n)|\\\n(?:[ \t]*(?:#.*)?\n)*)*)", re.MULTILINE)


def _dockerfile(text: _Text) -> Iterator[Command]:
    stage = _Stage(text)
    for found in _INSTRUCTION.finditer(text.text):
        word = found[1].upper()
        if word == "FROM":
            yield from stage.commands()
            stage = _Stage(text)
        else:
            stage.take(word, found.start(2), found.end(2))
    yield from stage.commands()


class _Stage:
    """One build stage: what its last CMD and ENTRYPOINT start."""

    def __init__(self, text: _Text) -> None:
        self.text = text
        self.environment: dict[str, str] = {}
        self.started: dict[str, tuple[int, int]] = {}

    def take(self, instruction: str, start: int, end: int) -> None:
        value = self.text.text[start:end]
        if instruction in ("ENV", "ARG"):
            first = value.split(None, 1)
            if "=" in (first or [""])[0]:
                self.environment.update(_settings(value))
            elif instruction == "ENV" and len(first) == 2:
                self.environment[first[0]] = first[1].strip()
        elif instruction in ("CMD", "ENTRYPOINT"):
            self.started[instruction] = (start, end)

    def commands(self) -> Iterator[Command]:
        entry = self.started.get("ENTRYPOINT")
        default = self.started.get("CMD")
        found = list(self._commands(default)) if default else []
        if not found and entry:
            found = list(self._commands(entry))
        if entry and default and not found:
            found = list(self._commands(default, self._words(*entry)))
        yield from found

    def _commands(self, place: tuple[int, int], before: list[Word] | None = None) -> Iterator[Command]:
        words = self._words(*place)
        if not words and before is None:
            yield from self.text.commands(*place, "dockerfile", self.environment)
            return
        for found in process([*(before or []), *words], self.environment, None):
            yield command(found, self.text.span(*_trimmed(self.text.text, *place)), "dockerfile")

    def _words(self, start: int, end: int) -> list[Word]:
        """The words of the exec form; none for the shell form."""
        value = re.sub(r"\\\n(?:[ \t]*#.*\n)*", " ", self.text.text[start:end]).strip()
        if not value.startswith("["):
            return []
        try:
            words = json.loads(value)
        except (ValueError, RecursionError):
            return []
        return [Word(str(word), 0, 0) for word in words]


def _trimmed(text: str, start: int, end: int) -> tuple[int, int]:
    value = text[start:end]
    return start + len(value) - len(value.lstrip()), start + len(value.rstrip())


# --- compose ----------------------------------------------------------------------------------------------------------


def _compose(text: _Text) -> Iterator[Command]:
    if "services" not in text.text:
        return
    if _is_deep(text):
        raise _Broken("nested too deeply")
    yaml = load("yaml")
    try:
        root = yaml.compose(text.text, Loader=getattr(yaml, "CSafeLoader", yaml.SafeLoader))
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        raise _Broken(str(error.problem or "not YAML"), *((mark.line + 1, mark.column + 1) if mark else ())) from None
    except (yaml.YAMLError, RecursionError) as error:
        raise _Broken(str(error).split("\n")[0]) from None
    services = _child(root, "services")
    for name, node in _pairs(services):
        yield from _Service(text, name, node, services).commands()


class _Service:
    """One service of a compose file; a key it lacks may come from the service that it extends."""

    def __init__(self, text: _Text, name: str, node: Any, services: Any) -> None:
        self.text = text
        self.name = name
        self.nodes = [node]
        while len(self.nodes) < 5:
            extends = _child(self.nodes[-1], "extends")
            base = _child(services, _scalar(extends) or _scalar(_child(extends, "service")) or "")
            if base is None or base in self.nodes:
                break
            self.nodes.append(base)

    def commands(self) -> Iterator[Command]:
        environment = self._environment()
        directory = self._directory()
        entry, default = self._get("entrypoint"), self._get("command")
        copies = self._copies()
        for first, second in ((None, default), (None, entry), (entry, default)):
            if second is None:
                continue
            words = [*_words(first), *_words(second)] if first is not None or _is_list(second) else []
            if words:
                found = process(words, environment, directory)
            else:
                found = processes(_unescaped(_scalar(second) or ""), environment, directory)
            for one in found:
                yield command(one, self._span(second, one), "compose", self.name, copies)
            if found:
                return

    def _get(self, key: str) -> Any:
        return next((child for node in self.nodes if (child := _child(node, key)) is not None), None)

    def _environment(self) -> dict[str, str]:
        found: dict[str, str] = {}
        for node in reversed(self.nodes):
            variables = _child(node, "environment")
            for item in _items(variables):
                name, equals, value = (_scalar(item) or "").partition("=")
                found[name] = _unescaped(value) if equals else f"${{{name}}}"
            for name, value_node in _pairs(variables):
                is_open = value_node.tag.endswith(":null")
                found[name] = f"${{{name}}}" if is_open else _unescaped(_scalar(value_node) or "")
        return found

    def _directory(self) -> str | None:
        """The working directory as a folder beside the file, if a volume says which it is."""
        stated = _scalar(self._get("working_dir"))
        if stated is None:
            return None
        if not stated.startswith("/"):
            return join(None, expand(stated, {}))
        for item in _items(self._get("volumes")):
            short = (_scalar(item) or "").split(":")
            outside = short[0] if len(short) > 1 else _scalar(_child(item, "source")) or ""
            inside = short[1] if len(short) > 1 else _scalar(_child(item, "target")) or ""
            inside = inside.rstrip("/")
            if outside.startswith(".") and inside and f"{stated}/".startswith(f"{inside}/"):
                return join(join(None, outside), stated[len(inside) :].lstrip("/"))
        return None

    def _copies(self) -> int | None:
        stated = _scalar(_child(self._get("deploy"), "replicas")) or _scalar(self._get("scale"))
        text = expand(stated, {}) if stated else None
        return int(text) if text is not None and re.fullmatch(r"\d{1,4}", text) else None

    def _span(self, node: Any, found: Process) -> Span:
        """From the program's name to the end of its line, or of the list."""
        start, end = _trimmed(self.text.text, self._offset(node.start_mark), self._offset(node.end_mark))
        at = self.text.text.find(found.words[0], start, end)
        if at < 0 or _is_list(node):
            return self.text.span(start, end)
        last = self.text.text.find("\n", at, end)
        return self.text.span(*_trimmed(self.text.text, at, end if last < 0 else last))

    def _offset(self, mark: Any) -> int:
        line = min(int(mark.line), len(self.text.lines))
        return min(self.text.starts[line] + int(mark.column), len(self.text.text))


def _is_deep(text: _Text) -> bool:
    depth = 0
    for line in text.lines:
        depth += line.count("[") + line.count("{") - line.count("]") - line.count("}")
        depth = max(depth, 0)
        if depth > DEEPEST or sum(map(line.count, ("[", "{", "- ", "? "))) > DEEPEST * 3:
            return True
    return False


def _is_list(node: Any) -> bool:
    return node is not None and node.id == "sequence"


def _scalar(node: Any) -> str | None:
    return str(node.value) if node is not None and node.id == "scalar" else None


def _items(node: Any) -> list[Any]:
    return list(node.value) if _is_list(node) else []


def _words(node: Any) -> list[Word]:
    if _is_list(node):
        return [Word(_unescaped(_scalar(item) or ""), 0, 0) for item in node.value]
    return [word for words in simple_commands(_unescaped(_scalar(node) or "")) for word in words]


def _pairs(node: Any, depth: int = 0) -> Iterator[tuple[str, Any]]:
    """The entries of a mapping; those merged in by `<<` come after its own, without the names it has itself."""
    if node is None or node.id != "mapping":
        return
    seen: set[str] = set()
    merged: list[Any] = []
    for key, value in node.value:
        name = _scalar(key)
        if name == "<<":
            merged.extend(value.value if _is_list(value) else [value])
        elif name is not None:
            seen.add(name)
            yield name, value
    if depth < 5:
        for other in merged[:20]:
            for name, value in _pairs(other, depth + 1):
                if name not in seen:
                    seen.add(name)
                    yield name, value


def _child(node: Any, key: str) -> Any:
    return next((value for name, value in _pairs(node) if name == key), None)


def _unescaped(text: str) -> str:
    return text.replace("$$", "$")


_READERS: dict[str, Callable[[_Text], Iterator[Command]]] = {
    "compose": _compose,
    "dockerfile": _dockerfile,
    "procfile": _procfile,
    "script": _script,
    "unit": _unit,
    "supervisor": _supervisor,
    "hint": _hints,
}
