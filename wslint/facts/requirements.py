"""Requirements, project and lock files → which packages at which versions."""

from __future__ import annotations

import ast
import json
import re
import warnings
from collections.abc import Callable, Iterable, Iterator, Mapping

from wslint.discover import load_toml
from wslint.facts.guard import refuse
from wslint.facts.model import Requirement, RequirementsFile, Span, Unreadable

LARGEST = 2_000_000  # bytes of a file that goes through a real parser; locks are scanned by line and may be larger

_NAME = r"[A-Za-z0-9](?:[A-Za-z0-9._-]*[A-Za-z0-9])?"
_SPECIFIER = r"\(?\s*(?:(?:===?|[~!]=|[<>]=?)\s*[^\s;@()<>=!~,]+[\s,]*)*\)?"
_LINE = re.compile(rf"({_NAME})\s*(?:\[([^\]]*)\])?\s*(@|{_SPECIFIER})\s*(?:$|;|\S)")
_COMMENT = re.compile(r"(?:^|\s)#.*$")
_OPTION = re.compile(r"\s--?[A-Za-z][\w-]*(?:[=\s].*)?$")
_INCLUDE = re.compile(r"(?:-r|-c|--requirement|--constraint)(?:\s*=\s*|\s+|(?<=-[rc]))(\S.*)")
_EGG = re.compile(rf"#(?:.*&)?egg=({_NAME})(?:\[([^\]]*)\])?")
_WHEEL = re.compile(rf"(?:^|/)({_NAME})-(\d[^-/]*)-[^/]*\.whl(?:$|[#?\s;])")
_LOCKED_PACKAGE = re.compile(r"^\[\[packages?\]\][^\S\n]*$", re.MULTILINE)
_LOCKED_KEY = re.compile(r"^(name|version)[^\S\n]*=[^\S\n]*[\"']([^\"'\n]*)[\"']", re.MULTILINE)
_JSON_KEY = re.compile(r'^\s*"([^"\\\n]+)"\s*:', re.MULTILINE)
_TABLE = re.compile(r"^\[", re.MULTILINE)
_TOML_LINE = re.compile(r"at line (\d+), column (\d+)")


def read_requirements(path: str, source: bytes) -> RequirementsFile | None:
    """What a file says about packages; None when it is no such file. Never raises."""
    name = path.rpartition("/")[2].lower()
    folder = path.lower().rpartition("/")[0].rpartition("/")[2]
    try:
        if name == "pyproject.toml":
            return _from_toml(source, _project)
        if name == "pipfile":
            return _from_toml(source, _pipfile)
        if name == "pipfile.lock":
            return RequirementsFile("lock", tuple(_pipfile_lock(_text(source))))
        if name in ("poetry.lock", "uv.lock", "pdm.lock") or re.fullmatch(r"pylock(\..+)?\.toml", name):
            return RequirementsFile("lock", tuple(_lock(_text(source))))
        if name == "setup.cfg":
            return RequirementsFile("project", tuple(_setup_cfg(_text(source))))
        if name == "setup.py":
            return RequirementsFile("project", tuple(_setup_py(source)))
        if re.fullmatch(r".*(environment|conda).*\.ya?ml", name):
            return RequirementsFile("requirements", tuple(_conda(_text(source))))
        if name.endswith((".txt", ".in")):
            if "constraint" in name:
                return _lines("constraints", _text(source))
            if "requirement" in name or name.startswith("reqs") or folder in ("requirements", "reqs"):
                return _lines("requirements", _text(source))
    except Exception as error:  # whatever a file holds, it costs itself only
        place = _TOML_LINE.search(str(error))
        line, column = (int(place[1]), int(place[2])) if place else (1, 1)
        kind = "lock" if name.endswith(".lock") else "project"
        return RequirementsFile(kind, (), problem=Unreadable(_why(error), line, column))
    return None


def normalise(name: str) -> str:
    """The one spelling of a package's name (PEP 503)."""
    return re.sub(r"[-_.]+", "-", name).lower()


def _why(error: Exception) -> str:
    if isinstance(error, RecursionError):
        return "nested too deeply"
    return _TOML_LINE.sub("", str(error)).removesuffix(" ()") or type(error).__name__


def _text(source: bytes) -> str:
    if source.startswith((b"\xff\xfe", b"\xfe\xff")):
        return _unix(source.decode("utf-16", "replace"))
    try:
        return _unix(source.decode("utf-8-sig"))
    except UnicodeDecodeError:
        return _unix(source.decode("latin-1"))


def _unix(text: str) -> str:
    return text.replace("\r\n", "\n").replace("\r", "\n")


# --- requirement lines ------------------------------------------------------------------------------------------------


def _lines(kind: str, text: str) -> RequirementsFile:
    requirements: list[Requirement] = []
    includes: list[str] = []
    for span, line in _logical_lines(text):
        include = _INCLUDE.match(line)
        if include:
            includes.append(include[1].strip().strip("\"'"))
            continue
        requirement = requirement_of(line, span)
        if requirement is not None:
            requirements.append(requirement)
    return RequirementsFile(kind, tuple(requirements), tuple(includes))


def _logical_lines(text: str) -> Iterator[tuple[Span, str]]:
    """Lines without comments, joined at a backslash, with the span of the first."""
    held = ""
    start: Span | None = None
    for number, raw in enumerate(text.split("\n"), 1):
        folded = raw.endswith("\\")
        line = _COMMENT.sub("", raw[:-1] if folded else raw).rstrip()
        if start is None and line.strip():
            start = Span(number, len(line) - len(line.lstrip()) + 1, number, len(line) + 1)
        held = f"{held} {line}"
        if folded:
            continue
        if start is not None:
            yield start, held.strip()
        held, start = "", None
    if start is not None:
        yield start, held.strip()


def requirement_of(line: str, span: Span) -> Requirement | None:
    """The requirement that a PEP 508 line, a URL with `#egg=` or a wheel's path states; None when it states none."""
    line = re.sub(r"^(?:-e|--editable)(?:\s+|=)", "", line.strip())
    by_wheel = _WHEEL.search(line)
    if by_wheel and " @ " not in line:
        return Requirement(normalise(by_wheel[1]), f"=={by_wheel[2]}", span)
    by_egg = _EGG.search(line)
    if by_egg and "://" in line:
        return Requirement(normalise(by_egg[1]), "", span, extras=_extras(by_egg[2]))
    line = _OPTION.sub("", line)
    found = _LINE.match(line)
    if found is None or line.startswith("-") or "/" in line[: found.end(1) + 1]:
        return None
    specifier = found[3].strip("() ")
    rest = line[found.end(3) :].lstrip()
    if specifier == "@":
        return Requirement(normalise(found[1]), f"=={by_wheel[2]}" if by_wheel else "", span, extras=_extras(found[2]))
    if rest and not rest.startswith(";"):
        return None
    return Requirement(normalise(found[1]), re.sub(r"\s+", "", specifier).strip(","), span, extras=_extras(found[2]))


def _extras(text: str | None) -> tuple[str, ...]:
    return tuple(part.strip() for part in (text or "").split(",") if part.strip())


# --- pyproject.toml and Pipfile ---------------------------------------------------------------------------------------


class _Places:
    """Where strings and keys of a TOML document stand; the parser does not say."""

    def __init__(self, text: str) -> None:
        self.lines = text.split("\n")
        self.table_of: list[str] = []
        table = ""
        for line in self.lines:
            header = re.match(r"\s*\[\[?([^\]]+)\]", line)
            if header and "=" not in line.split("]")[0]:
                table = re.sub(r"[\s\"']", "", header[1])
            self.table_of.append(table)

    def string(self, value: str) -> Span:
        for quoted in (f'"{value}"', f"'{value}'", value):
            for number, line in enumerate(self.lines, 1):
                column = line.find(quoted)
                if column >= 0 and not line.lstrip().startswith("#"):
                    return Span(number, column + 1, number, column + len(quoted) + 1)
        name = re.match(_NAME, value)
        return self.string(name[0]) if name and name[0] != value else Span(1, 1, 1, 1)

    def key(self, table: str, key: str) -> Span:
        pattern = re.compile(rf"\s*[\"']?{re.escape(key)}[\"']?\s*(?:\.\s*\w+\s*)?=")
        for number, (line, inside) in enumerate(zip(self.lines, self.table_of, strict=True), 1):
            if (inside == table and pattern.match(line)) or (inside == f"{table}.{key}" and line.lstrip()[:1] == "["):
                return Span(number, len(line) - len(line.lstrip()) + 1, number, len(line.rstrip()) + 1)
        return self.string(key)


class _Found:
    """What the readers of a TOML document collect."""

    def __init__(self, text: str) -> None:
        self.places = _Places(text)
        self.requirements: list[Requirement] = []
        self.includes: list[str] = []

    def strings(self, values: object) -> None:
        for value in values if isinstance(values, list) else ():
            requirement = requirement_of(value, Span(1, 1, 1, 1)) if isinstance(value, str) else None
            if requirement is not None:
                span = self.places.string(value)
                self.requirements.append(
                    Requirement(requirement.name, requirement.specifier, span, extras=requirement.extras)
                )

    def table(self, table: str, values: object, caret: bool) -> None:
        """`name = "version"` and `name = {version = …}`; with `caret` in Poetry's language, else PEP 440."""
        for name, value in _items(values):
            if caret and name.lower() == "python":
                continue
            for one in value if isinstance(value, list) else (value,):
                fields = one if isinstance(one, dict) else {"version": one}
                version = fields.get("version")
                specifier = _poetry_specifier(str(version or "")) if caret else str(version or "").strip()
                extras = fields.get("extras")
                self.requirements.append(
                    Requirement(
                        normalise(name),
                        "" if specifier == "*" else specifier.replace(" ", ""),
                        self.places.key(table, name),
                        extras=tuple(str(extra) for extra in extras) if isinstance(extras, list) else (),
                    )
                )


def _from_toml(source: bytes, read: Callable[[Mapping[str, object], _Found], None]) -> RequirementsFile:
    if len(source) > LARGEST:
        raise ValueError(f"larger than {LARGEST // 1_000_000} MB")
    text = _text(source)
    found = _Found(text)
    read(load_toml(text), found)
    return RequirementsFile("project", tuple(found.requirements), tuple(found.includes))


def _project(document: Mapping[str, object], found: _Found) -> None:
    project = _table(document, "project")
    found.strings(project.get("dependencies"))
    for _, values in _items(project.get("optional-dependencies")):
        found.strings(values)
    for _, values in _items(document.get("dependency-groups")):
        found.strings(values)
    tool = _table(document, "tool")
    poetry = _table(tool, "poetry")
    for key in ("dependencies", "dev-dependencies"):
        found.table(f"tool.poetry.{key}", poetry.get(key), caret=True)
    for group, values in _items(poetry.get("group")):
        found.table(f"tool.poetry.group.{group}.dependencies", _table_of(values).get("dependencies"), caret=True)
    for _, values in _items(_table(tool, "pdm").get("dev-dependencies")):
        found.strings(values)
    uv = _table(tool, "uv")
    for key in ("dev-dependencies", "constraint-dependencies", "override-dependencies"):
        found.strings(uv.get(key))
    for _, environment in _items(_table(tool, "hatch").get("envs")):
        found.strings(_table_of(environment).get("dependencies"))
        found.strings(_table_of(environment).get("extra-dependencies"))
    flit = _table(_table(tool, "flit"), "metadata")
    found.strings(flit.get("requires"))
    dynamic = _table(_table(tool, "setuptools"), "dynamic")
    for value in (dynamic.get("dependencies"), *_table(dynamic, "optional-dependencies").values()):
        files = _table_of(value).get("file")
        for name in files if isinstance(files, list) else [files]:
            if isinstance(name, str):
                found.includes.append(name)


def _pipfile(document: Mapping[str, object], found: _Found) -> None:
    for table, values in document.items():
        if table not in ("source", "pipenv", "requires", "scripts"):
            found.table(table, values, caret=False)


def _poetry_specifier(text: str) -> str:
    """Poetry's `^1.2`, `~1.2`, `1.2` and `1.*` in PEP 440; "" for what has no such form (`||`)."""
    if "|" in text:
        return ""
    parts = []
    for part in re.split(r"\s*,\s*|\s+(?=[<>=!~^])", text.strip()):
        version = part.lstrip("^~=<>! ").strip()
        if not part or part == "*":
            continue
        if part.startswith("^"):
            parts.append(f">={version},<{_after(version, caret=True)}")
        elif part.startswith("~") and not part.startswith("~="):
            parts.append(f">={version},<{_after(version, caret=False)}")
        elif part[0].isdigit():
            parts.append(f"=={part}")
        else:
            parts.append(part)
    return ",".join(parts)


def _after(version: str, caret: bool) -> str:
    """The first version that `^version` or `~version` shuts out."""
    numbers = [int(number) for number in re.findall(r"\d+", re.split(r"[a-z+-]", version)[0])] or [0]
    if caret:
        index = next((index for index, number in enumerate(numbers) if number), len(numbers) - 1)
    else:
        index = min(1, len(numbers) - 1)
    return ".".join(map(str, [*numbers[:index], numbers[index] + 1]))


def _table(parent: Mapping[str, object], key: str) -> Mapping[str, object]:
    return _table_of(parent.get(key))


def _table_of(value: object) -> Mapping[str, object]:
    return value if isinstance(value, dict) else {}


def _items(value: object) -> Iterable[tuple[str, object]]:
    return _table_of(value).items()


# --- locks, setup.cfg, setup.py, conda --------------------------------------------------------------------------------


def _lock(text: str) -> Iterator[Requirement]:
    for found in _LOCKED_PACKAGE.finditer(text):
        end = _TABLE.search(text, found.end())
        keys = list(_LOCKED_KEY.finditer(text, found.end(), end.start() if end else len(text)))
        values = {key[1]: key[2] for key in reversed(keys)}
        if "name" in values:
            key = next(key for key in keys if key[1] == "name")
            version = values.get("version")
            yield Requirement(normalise(values["name"]), f"=={version}" if version else "", _span(text, key), True)


def _pipfile_lock(text: str) -> Iterator[Requirement]:
    if len(text) > 8 * LARGEST:
        raise ValueError("too large")
    document = json.loads(text)
    places = {found[1]: found for found in reversed(list(_JSON_KEY.finditer(text)))}
    for section, packages in _items(document):
        if section == "_meta":
            continue
        for name, fields in _items(packages):
            version = _table_of(fields).get("version")
            span = _span(text, places[name]) if name in places else Span(1, 1, 1, 1)
            yield Requirement(normalise(name), version if isinstance(version, str) else "", span, True)


def _span(text: str, found: re.Match[str]) -> Span:
    start = found.end() - len(found[0].lstrip())
    line = text.count("\n", 0, start) + 1
    column = start - (text.rfind("\n", 0, start) + 1) + 1
    return Span(line, column, line, column + found.end() - start)


def _setup_cfg(text: str) -> Iterator[Requirement]:
    section = key = ""
    for number, line in enumerate(text.split("\n"), 1):
        header = re.match(r"\[([^\]]+)\]", line)
        if header:
            section, key = header[1].strip(), ""
            continue
        value = line
        if line[:1] not in (" ", "\t", ""):
            key, _, value = line.partition("=")
            key = key.strip()
        if (section == "options" and key == "install_requires") or (section == "options.extras_require" and key):
            value = _COMMENT.sub("", value).strip()
            column = line.find(value) + 1 if value else 1
            requirement = requirement_of(value, Span(number, column, number, column + len(value)))
            if requirement is not None:
                yield requirement


def _setup_py(source: bytes) -> Iterator[Requirement]:
    """The literal lists that `setup()` is given, by themselves or by a name; what is computed says nothing."""
    if refuse(source) is not None:
        return
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of odd escapes in somebody else's code
        module = ast.parse(source)
    named = {
        target.id: node.value
        for node in module.body
        if isinstance(node, ast.Assign)
        for target in node.targets
        if isinstance(target, ast.Name)
    }
    for call in ast.walk(module):
        if isinstance(call, ast.Call) and "setup" in (getattr(call.func, "id", ""), getattr(call.func, "attr", "")):
            for keyword in call.keywords:
                if keyword.arg in ("install_requires", "extras_require"):
                    yield from _listed(keyword.value, named)


def _listed(node: ast.expr, named: Mapping[str, ast.expr]) -> Iterator[Requirement]:
    """The requirements in a list of texts, or in a dict of such lists."""
    if isinstance(node, ast.Name) and node.id in named:
        named, node = {name: value for name, value in named.items() if name != node.id}, named[node.id]
    if isinstance(node, ast.Dict):
        for value in node.values:
            yield from _listed(value, named)
    for item in node.elts if isinstance(node, (ast.List, ast.Tuple)) else ():
        if isinstance(item, ast.Constant) and isinstance(item.value, str):
            start = item.col_offset + 1
            requirement = requirement_of(item.value, Span(item.lineno, start, item.lineno, start + len(item.value)))
            if requirement is not None:
                yield requirement


def _conda(text: str) -> Iterator[Requirement]:
    inside = False
    pip_indent: int | None = None
    for number, line in enumerate(text.split("\n"), 1):
        if re.match(r"[A-Za-z]", line):
            inside = line.startswith("dependencies:")
            pip_indent = None
            continue
        item = re.match(r"(\s*)-\s*[\"']?(.*?)[\"']?\s*(?:\s#.*)?$", line) if inside else None
        if item is None:
            continue
        indent = len(item[1])
        if pip_indent is not None and indent <= pip_indent:
            pip_indent = None
        if item[2] == "pip:":
            pip_indent = indent
            continue
        span = Span(number, item.start(2) + 1, number, item.end(2) + 1)
        value = item[2]
        if pip_indent is None:
            exact = re.fullmatch(rf"(?:[\w-]+::)?({_NAME})=(\d[\w.]*\*?)(?:=\S*)?", value)
            if exact:
                version = exact[2].rstrip(".*")
                value = f"{exact[1]}=={version}" if version.count(".") >= 2 else f"{exact[1]}=={version}.*"
            value = re.sub(r"^redis-py\b", "redis", value)  # conda's name for PyPI's redis; its redis is the server
        requirement = requirement_of(value, span)
        if requirement is not None:
            yield requirement
