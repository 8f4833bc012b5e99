"""Requirement files in every form that projects have, and what they allow."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from wslint.discover import discover
from wslint.facts.model import RequirementsFile
from wslint.facts.requirements import read_requirements
from wslint.stack.project.packages import Packages


def read(path: str, text: str | bytes) -> RequirementsFile:
    file = read_requirements(path, text.encode() if isinstance(text, str) else text)
    assert file is not None
    return file


def named(file: RequirementsFile) -> dict[str, str]:
    assert file.problem is None
    return {requirement.name: requirement.specifier for requirement in file.requirements}


def packages(**files: str) -> Packages:
    return Packages([(name, read(f"{name}.txt", text)) for name, text in files.items()])


@pytest.mark.parametrize(
    ("line", "name", "specifier", "extras"),
    [
        ("channels==4.3.2", "channels", "==4.3.2", ()),
        ("  channels == 4.3.2  # pinned", "channels", "==4.3.2", ()),
        ("channels[daphne, types]>=4,<5", "channels", ">=4,<5", ("daphne", "types")),
        ("Channels_Redis ~= 4.2", "channels-redis", "~=4.2", ()),
        ("channels (>=4.0)", "channels", ">=4.0", ()),
        ("channels", "channels", "", ()),
        ("channels>=4 ; python_version < '3.9'", "channels", ">=4", ()),
        ('channels; sys_platform == "win32"', "channels", "", ()),
        ("channels==4.0.0 --hash=sha256:00 --hash=sha256:11", "channels", "==4.0.0", ()),
        ("channels==4.*, !=4.1", "channels", "==4.*,!=4.1", ()),
        ("-e git+https://github.com/django/channels.git@main#egg=channels[daphne]", "channels", "", ("daphne",)),
        ("channels @ git+https://github.com/django/channels.git@4.0.0", "channels", "", ()),
        ("channels[daphne] @ https://x.org/channels-4.1.0-py3-none-any.whl", "channels", "==4.1.0", ("daphne",)),
        ("./wheels/channels-4.1.0-py3-none-any.whl", "channels", "==4.1.0", ()),
    ],
)
def test_lines(line: str, name: str, specifier: str, extras: tuple[str, ...]) -> None:
    (requirement,) = read("requirements.txt", f"# first\n{line}\n").requirements
    assert (requirement.name, requirement.specifier, requirement.extras) == (name, specifier, extras)
    assert (requirement.span.line, requirement.locked) == (2, False)


@pytest.mark.parametrize(
    "line",
    [
        "",
        "# channels==4",
        "--index-url https://x.org",
        "-e .",
        "./local/package",
        "${NAME}==1",
        "channels=4",
        "<<<<<<< HEAD",
    ],
)
def test_lines_that_state_nothing(line: str) -> None:
    assert read("requirements.txt", f"{line}\ndaphne==4.1\n").requirements[0].name == "daphne"


def test_continued_lines_and_includes() -> None:
    file = read(
        "requirements/prod.txt",
        "-r base.txt\n--constraint=../constraints.txt\n"
        "channels==4.0.0 \\\n    --hash=sha256:00 \\\n    --hash=sha256:11\ndaphne\n",
    )
    assert named(file) == {"channels": "==4.0.0", "daphne": ""}
    assert [requirement.span.line for requirement in file.requirements] == [3, 6]
    assert file.includes == ("base.txt", "../constraints.txt")


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "latin-1"])
@pytest.mark.parametrize("newline", ["\n", "\r\n", "\r"])
def test_encodings(encoding: str, newline: str) -> None:
    text = newline.join(["# café", "channels==4.0", "daphne"])
    file = read("requirements.txt", text.encode(encoding))
    assert [(one.name, one.span.line) for one in file.requirements] == [("channels", 2), ("daphne", 3)]


@pytest.mark.parametrize(
    ("path", "kind"),
    [
        ("requirements.txt", "requirements"),
        ("requirements-dev.in", "requirements"),
        ("dev_requirements.txt", "requirements"),
        ("requirements/base.txt", "requirements"),
        ("constraints.txt", "constraints"),
        ("requirements/constraints-3.12.txt", "constraints"),
        ("setup.cfg", "project"),
        ("notes.txt", None),
        ("setup.py", "project"),
        ("robots.txt", None),
    ],
)
def test_kinds(path: str, kind: str | None) -> None:
    file = read_requirements(path, b"")
    assert (file.kind if file else None) == kind


PYPROJECT = """
[project]
dependencies = [
    "channels[daphne]>=4.2",  # here
    "redis<8; python_version < \\"3.13\\"",
]
dynamic = ["version"]

[project.optional-dependencies]
async = ["uvicorn[standard]"]

[dependency-groups]
test = ["pytest", { include-group = "lint" }]
lint = ["ruff==0.8.0"]

[tool.pdm.dev-dependencies]
dev = ["black"]

[tool.hatch.envs.docs]
dependencies = ["sphinx>=8"]

[tool.uv]
constraint-dependencies = ["twisted<25"]

[tool.setuptools.dynamic]
dependencies = { file = ["requirements.txt"] }
"""

POETRY = """
[tool.poetry.dependencies]
python = "^3.12"
django = "^5.2"
channels = { version = "^4.2.0", extras = ["daphne"] }
channels-redis = "~4.2"
redis = ">=5,<8"
celery = "5.4.0"
daphne = "*"
zero = "^0.3.1"
two = "^1 || ^2"
many = [{ version = "1.0", python = "<3.12" }, { version = "2.0", python = ">=3.12" }]
fork = { git = "https://x.org/fork.git" }

[tool.poetry.group.dev.dependencies]
pytest = "^8.0"

[tool.poetry.dependencies.uvicorn]
version = "^0.30"
extras = ["standard"]
"""


def test_pyproject() -> None:
    file = read("pyproject.toml", PYPROJECT)
    assert named(file) == {
        "channels": ">=4.2",
        "redis": "<8",
        "uvicorn": "",
        "pytest": "",
        "ruff": "==0.8.0",
        "black": "",
        "sphinx": ">=8",
        "twisted": "<25",
    }
    lines = {one.name: one.span.line for one in file.requirements}
    assert (lines["channels"], lines["redis"], lines["ruff"]) == (4, 5, 14)
    assert file.includes == ("requirements.txt",)


def test_poetry() -> None:
    file = read("backend/pyproject.toml", POETRY)
    found = [(one.name, one.specifier) for one in file.requirements]
    assert found == [
        ("django", ">=5.2,<6"),
        ("channels", ">=4.2.0,<5"),
        ("channels-redis", ">=4.2,<4.3"),
        ("redis", ">=5,<8"),
        ("celery", "==5.4.0"),
        ("daphne", ""),
        ("zero", ">=0.3.1,<0.4"),
        ("two", ""),
        ("many", "==1.0"),
        ("many", "==2.0"),
        ("fork", ""),
        ("uvicorn", ">=0.30,<0.31"),
        ("pytest", ">=8.0,<9"),
    ]
    spans = {one.name: one.span.line for one in file.requirements}
    assert (spans["channels"], spans["pytest"], spans["uvicorn"]) == (5, 16, 18)
    assert next(one for one in file.requirements if one.name == "channels").extras == ("daphne",)


def test_pipfile() -> None:
    file = read(
        "Pipfile",
        '[packages]\nchannels = "*"\nredis = {version = "~=5.0", extras = ["hiredis"]}\n'
        '[requires]\npython_version = "3.12"\n',
    )
    assert named(file) == {"channels": "", "redis": "~=5.0"}
    assert file.requirements[1].span.line == 3


def test_locks() -> None:
    lock = json.dumps(
        {"_meta": {"hash": {}}, "default": {"channels": {"version": "==4.0.0"}, "x": {"git": "…"}}}, indent=4
    )
    file = read("Pipfile.lock", lock)
    assert [(one.name, one.specifier, one.locked, one.span.line) for one in file.requirements] == [
        ("channels", "==4.0.0", True, 6),
        ("x", "", True, 9),
    ]
    for name in ("poetry.lock", "uv.lock", "pdm.lock", "pylock.toml"):
        text = """version = 1

[[package]]
name = "channels"
version = "4.3.2"

[package.dependencies]
version = "9"

[[package]]
name = "Redis"
version = "7.4.1"
files = []

[metadata]
name = "no"
"""
        file = read(name, text.replace("[[package]]", "[[packages]]") if name == "pylock.toml" else text)
        assert [(one.name, one.specifier, one.span.line) for one in file.requirements] == [
            ("channels", "==4.3.2", 4),
            ("redis", "==7.4.1", 11),
        ]


def test_setup_cfg() -> None:
    text = """[metadata]
name = x
[options]
packages = find:
install_requires =
    channels>=3  # why
    redis
[options.extras_require]
daphne = daphne==4.1
"""
    file = read("setup.cfg", text)
    assert named(file) == {"channels": ">=3", "redis": "", "daphne": "==4.1"}
    assert [one.span.line for one in file.requirements] == [6, 7, 9]


def test_setup_py() -> None:
    text = """from setuptools import find_packages, setup
EXTRAS = {"daphne": ["daphne==4.1"], "all": everything()}
setup(
    name="x",
    packages=find_packages(),
    install_requires=["channels>=3", "redis", *more],
    extras_require=EXTRAS,
)
"""
    file = read("setup.py", text)
    assert named(file) == {"channels": ">=3", "redis": "", "daphne": "==4.1"}
    assert [one.span.line for one in file.requirements] == [6, 6, 2]


@pytest.mark.parametrize(
    "text", ["setup(install_requires=read('requirements.txt'))", "setup()", "x = 1", "install_requires = ['channels']"]
)
def test_a_setup_py_that_states_nothing(text: str) -> None:
    assert named(read("setup.py", text)) == {}


def test_conda() -> None:
    text = """name: web
channels:
  - conda-forge
dependencies:
  - python=3.12
  - conda-forge::channels=4.0
  - daphne=4.1.0=py_0
  - pip:
      - channels-redis==4.2.0  # why
      - "-r requirements.txt"
  - redis-py>=5
"""
    assert named(read("environment.yml", text)) == {
        "python": "==3.12.*",
        "channels": "==4.0.*",
        "daphne": "==4.1.0",
        "channels-redis": "==4.2.0",
        "redis": ">=5",
    }


@pytest.mark.parametrize(
    ("path", "source"),
    [
        ("pyproject.toml", b"[project\n"),
        ("pyproject.toml", b"a = " + b"[" * 100_000),
        ("pyproject.toml", b"\xff\xfe\x00"),
        ("Pipfile", b"\0"),
        ("Pipfile.lock", b"{"),
        ("Pipfile.lock", b"[" * 100_000),
    ],
)
def test_broken(path: str, source: bytes) -> None:
    file = read_requirements(path, source)
    assert file is not None
    assert file.problem is not None
    assert file.requirements == ()


@pytest.mark.parametrize(
    ("path", "source"),
    [
        ("pyproject.toml", b"project = 1\ntool = []\n"),
        ("pyproject.toml", b"[project]\ndependencies = 'channels'\n[tool.poetry]\ndependencies = [1]\ngroup = 3\n"),
        ("Pipfile", b"packages = 1\n"),
        ("Pipfile.lock", b"[]"),
        ("Pipfile.lock", b'{"default": [1]}'),
        ("uv.lock", b"[[package]]\n" * 1000),
        ("requirements.txt", bytes(range(256)) * 100),
        ("requirements.txt", b"a" * 200_000 + b"\n" + b"\\\n" * 10_000),
        ("requirements.txt", b"a [" * 20_000 + b"\n" + b"a" + b"<1 " * 20_000),
        ("requirements.txt", b"a<" + b" " * 50_000 + b"!\n" + b"a " * 50_000 + b"-"),
        ("setup.cfg", b"[options]\ninstall_requires =\n" + b" a" * 50_000),
        ("environment.yml", b"dependencies:\n" + b" - " * 50_000 + b"\n -" + b" " * 50_000),
    ],
)
def test_odd_but_harmless(path: str, source: bytes) -> None:
    file = read_requirements(path, source)
    assert file is not None
    assert file.problem is None


class TestPackages:
    def test_a_lock_decides(self) -> None:
        asked = Packages(
            [
                ("requirements.txt", read("requirements.txt", "redis\nchannels<4\n")),
                ("uv.lock", read("uv.lock", '[[package]]\nname = "redis"\nversion = "8.0.1"\n')),
            ]
        )
        assert asked.pinned("Redis") == {"8.0.1"}
        assert asked.surely_at_least("redis", "8")
        assert asked.admits("redis", "7.4") is False
        assert asked.surely_below("channels", "4.0")
        assert [path for path, _ in asked.named("redis")] == ["requirements.txt", "uv.lock"]

    def test_constraints_narrow(self) -> None:
        asked = packages(requirements="redis>=5\n", constraints="redis<8\nchannels==2\n")
        assert asked.surely_below("redis", "8")
        assert asked.surely_at_least("redis", "5.0")
        assert asked.admits("redis", "6.1") is True
        assert asked.admits("channels", "2") is None

    def test_requirements_are_alternatives(self) -> None:
        asked = packages(requirements="channels==4.0.0\n", requirements_old="channels==3.0.5\n")
        assert asked.pinned("channels") == {"4.0.0", "3.0.5"}
        assert not asked.surely_below("channels", "4")
        assert not asked.surely_at_least("channels", "4")
        assert asked.capped_below("channels", "4")
        assert asked.admits("channels", "3.0.5") is True
        assert asked.admits("channels", "4.1") is False

    @pytest.mark.parametrize(
        ("specifier", "below", "at_least"),
        [
            ("", None, None),
            ("==4.0.*", "4.1", "4.0"),
            ("~=4.2", "5", "4.2"),
            ("~=4.2.1", "4.3", "4.2.1"),
            (">=4,<5", "5", "4"),
            (">3", None, "3"),
            ("<=4", "4.0.1", None),
            ("!=4", None, None),
            ("===4.0", "4.0.1", "4.0"),
            ("==nonsense.x", None, None),
        ],
    )
    def test_bounds(self, specifier: str, below: str | None, at_least: str | None) -> None:
        asked = packages(requirements=f"channels{specifier}\n")
        assert asked.surely_below("channels", below or "9999") == (below is not None)
        assert asked.surely_at_least("channels", at_least or "0") == (at_least is not None)
        if below is not None:
            assert asked.surely_at_least("channels", below) is False

    def test_nothing_known(self) -> None:
        asked = Packages([])
        assert asked.known is False
        assert asked.admits("channels", "4") is None
        assert not asked.surely_below("channels", "4")
        assert not asked.surely_at_least("channels", "4")
        assert asked.pinned("channels") == frozenset()

    def test_what_comes_along(self) -> None:
        asked = packages(requirements="channels[daphne]\nuvicorn[standard]\nchannels_redis\n")
        assert all(asked.brought(name) for name in ("daphne", "twisted", "websockets", "redis", "channels"))
        assert not asked.brought("wsproto")
        assert not packages(requirements="uvicorn\n").brought("websockets")

    def test_of_a_tree(self, tmp_path: Path) -> None:
        (tmp_path / "requirements.txt").write_text("channels==4.3.2\n")
        (tmp_path / "chat.py").write_text("")
        asked = Packages.of(discover(tmp_path))
        assert asked.known
        assert asked.pinned("channels") == {"4.3.2"}
