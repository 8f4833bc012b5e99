"""Where the configuration is found, what it may say, and how it says no."""

from __future__ import annotations

from pathlib import Path

import pytest

from wslint.config import Config, ConfigError, load, parse, read
from wslint.discover import tree_root

EVERYTHING = """
[tool.wslint]
select = ["WS3"]
extend-select = ["close-code-lost"]
ignore = ["WS303"]
exclude = ["legacy/"]
source-roots = ["backend"]
profile = "strict"
level = "warning"
public-routes = ["ws/status/"]

[tool.wslint.per-file-ignores]
"tests/*" = ["WS5"]

[tool.wslint.close-codes]
4001 = "not authenticated"
4003 = "origin"
"""


def write(path: Path, text: str) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text, encoding="utf-8")
    return path


def test_every_key_of_a_pyproject(tmp_path: Path) -> None:
    (tmp_path / "backend").mkdir()
    config = load(write(tmp_path / "pyproject.toml", EVERYTHING).parent)
    assert config == Config(
        select=("WS3",),
        extend_select=("close-code-lost",),
        ignore=("WS303",),
        exclude=("legacy/",),
        source_roots=("backend",),
        profile="strict",
        level="warning",
        public_routes=("ws/status/",),
        per_file_ignores=(("tests/*", ("WS5",)),),
        close_codes={4001: "not authenticated", 4003: "origin"},
        source=config.source,
    )
    assert config.source.endswith("pyproject.toml: [tool.wslint]")


def test_yaml_says_the_same(tmp_path: Path) -> None:
    write(tmp_path / "wslint.yaml", "ignore: [WS303]\nclose-codes:\n  4001: not authenticated\n")
    config = load(tmp_path)
    assert (config.ignore, config.close_codes) == (("WS303",), {4001: "not authenticated"})


@pytest.mark.parametrize("text", ["", "# nothing\n", "\ufeff"])
def test_an_empty_yaml_is_a_configuration(tmp_path: Path, text: str) -> None:
    write(tmp_path / "wslint.yaml", text)
    assert load(tmp_path).select == ()


def test_without_a_configuration(tmp_path: Path) -> None:
    write(tmp_path / "pyproject.toml", "[tool.black]\nline-length = 100\n")
    assert load(tmp_path) == Config()


def test_the_yaml_wins_and_says_so(tmp_path: Path) -> None:
    write(tmp_path / "wslint.yaml", "profile: strict\n")
    write(tmp_path / "pyproject.toml", '[tool.wslint]\nprofile = "default"\n')
    config = load(tmp_path)
    assert config.profile == "strict"
    assert [note.split("/")[-1] for note in config.notes] == ["pyproject.toml is not"]


def test_beside_a_manage_py_below_the_root(tmp_path: Path) -> None:
    write(tmp_path / "backend" / "manage.py", "")
    write(tmp_path / "backend" / "src" / "x.py", "")
    write(
        tmp_path / "backend" / "wslint.yaml",
        "exclude: [legacy/, /old.py, app/gone.py]\nsource-roots: [src]\nper-file-ignores: {'*.py': [WS303]}\n",
    )
    config = load(tmp_path)
    assert config.exclude == ("/backend/**/legacy/", "/backend/old.py", "/backend/app/gone.py")
    assert config.source_roots == ("backend/src",)
    assert config.per_file_ignores == (("/backend/**/*.py", ("WS303",)),)


def test_of_two_projects_below_the_root_the_first_is_used_and_says_so(tmp_path: Path) -> None:
    for name, profile in (("a", "strict"), ("b", "default")):
        write(tmp_path / name / "manage.py", "")
        write(tmp_path / name / "wslint.yaml", f"profile: {profile}\n")
    config = load(tmp_path)
    assert config.profile == "strict"
    assert len(config.notes) == 1
    assert config.notes[0].endswith("/b is not")


@pytest.mark.parametrize("text", ["profile: strict\n", "nonsense: 1\n"])
def test_a_yaml_without_a_manage_py_beside_it_is_somebody_elses(tmp_path: Path, text: str) -> None:
    write(tmp_path / "examples" / "wslint.yaml", text)
    assert load(tmp_path) == Config()


def test_the_root_is_where_the_configuration_is(tmp_path: Path) -> None:
    write(tmp_path / ".git" / "HEAD", "")
    write(tmp_path / "backend" / "wslint.yaml", "")
    write(tmp_path / "backend" / "chat" / "consumers.py", "")
    assert tree_root(tmp_path / "backend" / "chat" / "consumers.py") == tmp_path / "backend"
    assert tree_root(tmp_path) == tmp_path


@pytest.mark.parametrize(
    ("table", "said"),
    [
        ({"selct": []}, 'unknown key "selct"; did you mean "select"?'),
        ({"per_file_ignores": {}}, 'unknown key "per_file_ignores"; did you mean "per-file-ignores"?'),
        ({"colour": True}, "the keys are select, extend-select"),
        ({1: []}, 'unknown key "1"'),
        ({"select": "WS303"}, 'select: expected a list of strings, got the string "WS303"'),
        ({"select": [303]}, "select: expected strings in the list, got a number"),
        ({"ignore": None}, "ignore: expected a list of strings, got nothing"),
        ({"ignore": {"WS303": True}}, "ignore: expected a list of strings, got a table"),
        ({"profile": "strickt"}, 'profile: expected "default" or "strict", got "strickt"'),
        ({"profile": 1}, "got a number"),
        ({"level": "fatal"}, 'expected "error" or "warning" or "info", got "fatal"'),
        ({"per-file-ignores": ["WS303"]}, "expected a table of pattern = [codes], got a list"),
        ({"per-file-ignores": {"tests/*": "WS303"}}, 'per-file-ignores "tests/*": expected a list of strings'),
        ({"exclude": ["a\\"]}, "is no pattern"),
        ({"exclude": ["[z-a]"]}, '"[z-a]" is no pattern in gitignore syntax'),
        ({"per-file-ignores": {"!": []}}, '"!" is no pattern'),
        ({"source-roots": ["../x"]}, "must lie inside"),
        ({"close-codes": ["4001"]}, "expected a table such as"),
        ({"close-codes": {"401": "x"}}, 'expected a close code from 1000 to 4999, got "401"'),
        ({"close-codes": {"40o1": "x"}}, 'got "40o1"'),
        ({"close-codes": {True: "x"}}, 'got "True"'),
        ({"close-codes": {5000: "x"}}, 'got "5000"'),
        ({"close-codes": {4001: ["x"]}}, "close-codes 4001: expected its meaning as a string, got a list"),
        (["select"], "expected a table of keys, got a list"),
        ("select", "expected a table of keys, got the string"),
    ],
)
def test_what_is_wrong_is_said(table: object, said: str) -> None:
    with pytest.raises(ConfigError) as error:
        parse(table, "pyproject.toml: [tool.wslint]")
    assert said in str(error.value)
    assert str(error.value).startswith("pyproject.toml: [tool.wslint]")


@pytest.mark.parametrize(
    ("name", "text", "said"),
    [
        ("pyproject.toml", "[tool.wslint\nselect = 1\n", "not valid TOML: "),
        ("pyproject.toml", "[tool.wslint]\nselect = [ = ]\n", "(at line 2, column 12)"),
        ("pyproject.toml", "[tool]\nwslint = 3\n", "expected a table of keys, got a number"),
        ("wslint.yaml", "select: [WS303\n", "not valid YAML"),
        ("wslint.yaml", "- select\n", "expected a table of keys, got a list"),
        ("wslint.yaml", "!!python/object/apply:os.system [exit 3]\n", "not valid YAML"),
        ("wslint.yaml", "[" * 3000, "not valid YAML"),
        ("wslint.yaml", "source-roots: [nowhere]\n", 'there is no folder "nowhere"'),
        ("wslint.yaml", "select: [" + "WS303, " * 200_000 + "]", "larger than 1 MB"),
    ],
)
def test_broken_files(tmp_path: Path, name: str, text: str, said: str) -> None:
    write(tmp_path / name, text)
    with pytest.raises(ConfigError) as error:
        load(tmp_path)
    assert said in str(error.value)
    assert str(error.value).startswith(f"{(tmp_path / name).as_posix()}: ")


def test_an_undecodable_file(tmp_path: Path) -> None:
    (tmp_path / "wslint.yaml").write_bytes(b"profile: \xff\n")
    with pytest.raises(ConfigError, match="expected UTF-8 text"):
        load(tmp_path)


def test_a_misnamed_file(tmp_path: Path) -> None:
    write(tmp_path / "wslint.yml", "profile: strict\n")
    with pytest.raises(ConfigError, match=r"wslint.yml: is not read under this name; call it wslint.yaml"):
        load(tmp_path)


def test_a_named_file(tmp_path: Path) -> None:
    assert read(write(tmp_path / "ci.yaml", "profile: strict\n")).profile == "strict"
    assert read(write(tmp_path / "ci.toml", 'profile = "strict"\n')).profile == "strict"
    assert read(write(tmp_path / "pyproject.toml", '[tool.wslint]\nprofile = "strict"\n')).profile == "strict"


@pytest.mark.parametrize(
    ("name", "text", "said"),
    [
        ("missing.toml", None, "cannot be read: No such file"),
        ("pyproject.toml", "", r"it has no table \[tool.wslint\]"),
        ("setup.cfg", "", "expected a .toml, .yaml or .yml file"),
    ],
)
def test_a_named_file_that_cannot_be_used(tmp_path: Path, name: str, text: str | None, said: str) -> None:
    if text is not None:
        write(tmp_path / name, text)
    with pytest.raises(ConfigError, match=said):
        read(tmp_path / name)
