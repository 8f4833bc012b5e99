"""Configuration: the table `[tool.wslint]` of pyproject.toml, or a wslint.yaml; data, checked key by key."""

from __future__ import annotations

import difflib
import os
import re
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import Any, Literal

import msgspec

from wslint.discover import CONFIGURATION, SKIPPED_FOLDERS, is_configured, load_toml
from wslint.lazy import load as lazily

PYPROJECT = "pyproject.toml"
LARGEST = 1024 * 1024  # bytes; a configuration beyond this is not one
CLOSE_CODES = range(1000, 5000)
DEPTH = 2  # folders below the root in which a configuration beside a manage.py is looked for

Profile = Literal["default", "strict"]
LevelName = Literal["error", "warning", "info"]


class ConfigError(Exception):
    """The configuration or a selection cannot be used; the text says where, what was expected and what is near."""


class Config(msgspec.Struct, frozen=True, kw_only=True):
    """What the user decided. Selectors are codes (`WS303`), their beginnings (`WS3`) or names (`close-code-lost`).

    `per_file_ignores` are (pattern, selectors), `exclude` patterns, all in gitignore syntax relative to the tree root.
    `close_codes` is the project's contract: code → meaning. `level` None leaves the choice to the profile.
    `packages` are the folders in which the project's environment keeps its packages; no configuration states them.
    `source` names where it was written, for messages; `notes` are remarks for the user.
    """

    select: tuple[str, ...] = ()
    extend_select: tuple[str, ...] = ()
    ignore: tuple[str, ...] = ()
    per_file_ignores: tuple[tuple[str, tuple[str, ...]], ...] = ()
    exclude: tuple[str, ...] = ()
    source_roots: tuple[str, ...] = ()
    profile: Profile = "default"
    level: LevelName | None = None
    close_codes: dict[int, str] = {}
    public_routes: tuple[str, ...] = ()
    packages: tuple[str, ...] = ()
    source: str = "the configuration"
    notes: tuple[str, ...] = ()


def load(root: Path) -> Config:
    """The configuration of a tree: of its root, else of the one folder below it that holds a manage.py.

    Raises ConfigError.
    """
    here = _in_folder(root)
    if here is not None:
        return here
    misnamed = root / "wslint.yml"
    if misnamed.is_file():
        raise ConfigError(f"{_shown(misnamed)}: is not read under this name; call it {CONFIGURATION}")
    below = [folder for folder in _project_folders(root, DEPTH) if _files(folder)]
    if not below:
        return Config()
    first, *others = below
    config = _in_folder(first)
    assert config is not None
    prefix = first.relative_to(root).as_posix()
    note = tuple(f"{config.source} is used; the configuration in {_shown(other)} is not" for other in others)
    return _moved(msgspec.structs.replace(config, notes=config.notes + note), prefix)


def consulted(root: Path) -> Iterator[Path]:
    """The files and folders that `load` looks at, whether they exist or not."""
    yield from (root, root / CONFIGURATION, root / PYPROJECT, root / "wslint.yml")
    if is_configured(root):
        return
    for folder in _scanned_folders(root, DEPTH):
        yield folder
        if (folder / "manage.py").is_file():
            yield from (folder / CONFIGURATION, folder / PYPROJECT)


def read(path: Path) -> Config:
    """The configuration in one file, as `--config` names it. Raises ConfigError."""
    if path.suffix == ".toml":
        document = _toml(path)
        tool = document.get("tool", {})
        table = tool.get("wslint") if isinstance(tool, dict) else None
        if table is None and path.name != PYPROJECT:
            return parse(document, _shown(path), path.parent)
        if table is None:
            raise ConfigError(f"{_shown(path)}: it has no table [tool.wslint]")
        return parse(table, f"{_shown(path)}: [tool.wslint]", path.parent)
    if path.suffix in (".yaml", ".yml"):
        return parse(_yaml(path), _shown(path), path.parent)
    raise ConfigError(f"{_shown(path)}: expected a .toml, .yaml or .yml file")


def parse(table: object, source: str, folder: Path | None = None) -> Config:
    """Check a table key by key. `source` begins every message; source-roots must exist in `folder`.

    Raises ConfigError.
    """
    if not isinstance(table, dict):
        raise ConfigError(f"{source}: expected a table of keys, got {_kind(table)}")
    values: dict[str, Any] = {}
    for key, value in table.items():
        reader = _KEYS.get(key) if isinstance(key, str) else None
        if reader is None:
            near = closest(str(key), _KEYS)
            hint = f'did you mean "{near}"?' if near else f"the keys are {', '.join(_KEYS)}"
            raise ConfigError(f'{source}: unknown key "{key}"; {hint}')
        values[key.replace("-", "_")] = reader(value, place(source, key))
    for root in values.get("source_roots", ()):
        if folder is not None and not (folder / root).is_dir():
            raise ConfigError(f'{place(source, "source-roots")}: there is no folder "{root}"')
    return Config(**values, source=source)


def place(source: str, key: str) -> str:
    """How messages name a key: `wslint.yaml: select`, `pyproject.toml: [tool.wslint] select`."""
    return f"{source} {key}" if source.endswith("]") else f"{source}: {key}"


def closest(word: str, known: Iterable[str]) -> str | None:
    """The known word that a mistyped one most likely stands for."""
    close = difflib.get_close_matches(word.lower().replace("_", "-"), known, n=1, cutoff=0.6)
    return close[0] if close else None


# --- values -----------------------------------------------------------------------------------------------------------


def _strings(value: object, where: str) -> tuple[str, ...]:
    if not isinstance(value, list):
        raise ConfigError(f"{where}: expected a list of strings, got {_kind(value)}")
    for item in value:
        if not isinstance(item, str):
            raise ConfigError(f"{where}: expected strings in the list, got {_kind(item)}")
    return tuple(value)


def patterns(value: object, where: str) -> tuple[str, ...]:
    """Patterns in gitignore syntax, checked. Raises ConfigError."""
    checked = _strings(value, where)
    for pattern in checked:
        try:
            lazily("pathspec").GitIgnoreSpec.from_lines([pattern])
        except (ValueError, re.error):
            raise ConfigError(f'{where}: "{pattern}" is no pattern in gitignore syntax') from None
    return checked


def _per_file(value: object, where: str) -> tuple[tuple[str, tuple[str, ...]], ...]:
    if not isinstance(value, dict):
        raise ConfigError(f"{where}: expected a table of pattern = [codes], got {_kind(value)}")
    patterns([str(pattern) for pattern in value], where)
    return tuple((str(pattern), _strings(codes, f'{where} "{pattern}"')) for pattern, codes in value.items())


def _folders(value: object, where: str) -> tuple[str, ...]:
    folders = tuple(folder.replace("\\", "/").removeprefix("./").rstrip("/") for folder in _strings(value, where))
    for folder in folders:
        if folder.startswith("/") or ".." in folder.split("/"):
            raise ConfigError(f'{where}: "{folder}" must lie inside the folder of the configuration')
    return folders


def _close_codes(value: object, where: str) -> dict[int, str]:
    if not isinstance(value, dict):
        raise ConfigError(f'{where}: expected a table such as 4001 = "not authenticated", got {_kind(value)}')
    codes: dict[int, str] = {}
    for key, meaning in value.items():
        text = str(key)
        code = int(text) if text.isascii() and text.isdigit() and len(text) == 4 else 0
        if code not in CLOSE_CODES or isinstance(key, bool):
            raise ConfigError(f'{where}: expected a close code from 1000 to 4999, got "{key}"')
        if not isinstance(meaning, str):
            raise ConfigError(f"{where} {key}: expected its meaning as a string, got {_kind(meaning)}")
        codes[code] = meaning
    return codes


def _one_of(*words: str) -> Callable[[object, str], str]:
    def reader(value: object, where: str) -> str:
        if value in words:
            return str(value)
        listed = " or ".join(f'"{word}"' for word in words)
        got = f'"{value}"' if isinstance(value, str) else _kind(value)
        raise ConfigError(f"{where}: expected {listed}, got {got}")

    return reader


_KEYS: dict[str, Callable[[object, str], object]] = {
    "select": _strings,
    "extend-select": _strings,
    "ignore": _strings,
    "per-file-ignores": _per_file,
    "exclude": patterns,
    "source-roots": _folders,
    "profile": _one_of("default", "strict"),
    "level": _one_of("error", "warning", "info"),
    "close-codes": _close_codes,
    "public-routes": _strings,
}


def _kind(value: object) -> str:
    if isinstance(value, str):
        return f'the string "{value}"'
    names = {bool: "a boolean", int: "a number", float: "a number", list: "a list", dict: "a table"}
    return "nothing" if value is None else names.get(type(value), f"a {type(value).__name__}")


# --- files ------------------------------------------------------------------------------------------------------------


def _files(folder: Path) -> tuple[tuple[Path, dict[str, Any] | None], ...]:
    """The configurations of one folder, the winning one first; a parsed pyproject comes with its table."""
    found: list[tuple[Path, dict[str, Any] | None]] = []
    if (folder / CONFIGURATION).is_file():
        found.append((folder / CONFIGURATION, None))
    pyproject = folder / PYPROJECT
    if pyproject.is_file():
        try:
            mentioned = b"wslint" in pyproject.read_bytes()
        except OSError:
            mentioned = False
        tool = _toml(pyproject).get("tool") if mentioned else None
        if isinstance(tool, dict) and "wslint" in tool:
            found.append((pyproject, tool["wslint"]))
    return tuple(found)


def _in_folder(folder: Path) -> Config | None:
    found = _files(folder)
    if not found:
        return None
    (path, table), *others = found
    if table is None:
        config = parse(_yaml(path), _shown(path), folder)
    else:
        config = parse(table, f"{_shown(path)}: [tool.wslint]", folder)
    notes = tuple(f"{_shown(path)} is used; [tool.wslint] in {_shown(other)} is not" for other, _ in others)
    return msgspec.structs.replace(config, notes=notes)


def _project_folders(root: Path, depth: int) -> Iterator[Path]:
    return (folder for folder in _scanned_folders(root, depth) if (folder / "manage.py").is_file())


def _scanned_folders(root: Path, depth: int) -> Iterator[Path]:
    try:
        folders = sorted(
            entry.name
            for entry in os.scandir(root)
            if entry.is_dir(follow_symlinks=False)
            and entry.name not in SKIPPED_FOLDERS
            and not entry.name.startswith(".")
        )
    except OSError:
        return
    for name in folders:
        yield root / name
        if depth > 1:
            yield from _scanned_folders(root / name, depth - 1)


def _moved(config: Config, prefix: str) -> Config:
    """The patterns of a configuration that stands in the folder `prefix`, seen from the tree root."""
    return msgspec.structs.replace(
        config,
        exclude=tuple(_under(prefix, pattern) for pattern in config.exclude),
        per_file_ignores=tuple((_under(prefix, pattern), codes) for pattern, codes in config.per_file_ignores),
        source_roots=tuple(f"{prefix}/{folder}" for folder in config.source_roots),
    )


def _under(prefix: str, pattern: str) -> str:
    negated, body = ("!", pattern[1:]) if pattern.startswith("!") else ("", pattern)
    anchored = "/" in body.rstrip("/")
    return f"{negated}/{prefix}/{body.lstrip('/')}" if anchored else f"{negated}/{prefix}/**/{body}"


def _text(path: Path) -> str:
    try:
        if path.stat().st_size > LARGEST:
            raise ConfigError(f"{_shown(path)}: larger than {LARGEST >> 20} MB")
        return path.read_bytes().decode("utf-8-sig")
    except UnicodeDecodeError:
        raise ConfigError(f"{_shown(path)}: expected UTF-8 text") from None
    except OSError as error:
        raise ConfigError(f"{_shown(path)}: cannot be read: {error.strerror or error}") from None


def _toml(path: Path) -> dict[str, Any]:
    try:
        return load_toml(_text(path))
    except (ValueError, RecursionError) as error:
        raise ConfigError(f"{_shown(path)}: not valid TOML: {error}") from None


def _yaml(path: Path) -> object:
    text = _text(path)
    yaml = lazily("yaml")
    try:
        document: object = yaml.safe_load(text)
    except yaml.YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        place = f" (at line {mark.line + 1}, column {mark.column + 1})" if mark is not None else ""
        problem = getattr(error, "problem", None) or "it cannot be read"
        raise ConfigError(f"{_shown(path)}: not valid YAML: {problem}{place}") from None
    except (ValueError, RecursionError) as error:
        raise ConfigError(f"{_shown(path)}: not valid YAML: {error}") from None
    return {} if document is None else document


def _shown(path: Path) -> str:
    try:
        return path.relative_to(Path.cwd()).as_posix() or "."
    except ValueError:
        return path.as_posix()
