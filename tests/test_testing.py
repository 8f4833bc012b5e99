"""How fixtures and docstring examples are read."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

import pytest

from wslint.testing.examples import files_of
from wslint.testing.fixtures import Case, expectations, fixtures


def test_expectations_in_comments_of_any_language(tmp_path: Path) -> None:
    (tmp_path / "chat").mkdir()
    code = "a\nb  # noqa: E402  # expect: WS303 WS302\n\nc # expect: WS401, WS401"
    (tmp_path / "chat" / "consumers.py").write_text(code)
    (tmp_path / "a.ts").write_text("const a = 1; // expect: WS905\n")
    (tmp_path / "page.html").write_text("<p>\n<i> <!-- expect: WS908 -->\n")
    (tmp_path / "noise.bin").write_bytes(b"\xff\xfe# expect: WS101")
    assert expectations(tmp_path) == {
        ("chat/consumers.py", 2, "WS303"): 1,
        ("chat/consumers.py", 2, "WS302"): 1,
        ("chat/consumers.py", 4, "WS401"): 2,
        ("a.ts", 1, "WS905"): 1,
        ("page.html", 2, "WS908"): 1,
    }


def test_expectations_in_a_list(tmp_path: Path) -> None:
    (tmp_path / "expect.toml").write_text('[[expect]]\npath = "package.json"\nline = 3\ncode = "WS910"\n')
    assert expectations(tmp_path) == Counter({("package.json", 3, "WS910"): 1})


@pytest.mark.parametrize("text", ['expect = "WS910"', '[[expect]]\npath = "a.json"\ncode = "WS910"'])
def test_a_malformed_list_is_an_error(tmp_path: Path, text: str) -> None:
    (tmp_path / "expect.toml").write_text(text)
    with pytest.raises(ValueError, match=r"expect\.toml"):
        expectations(tmp_path)


def test_fixtures_and_their_cases(tmp_path: Path) -> None:
    for folder in ("ws303_close_code_lost/bad_alias", "ws303_close_code_lost/good", "ws101_a_b/traps", "demo/bad"):
        (tmp_path / folder).mkdir(parents=True)
    (tmp_path / "ws303_close_code_lost" / "proof.py").touch()
    found = fixtures(tmp_path)
    assert [(fixture.code, fixture.name) for fixture in found] == [("WS101", "a-b"), ("WS303", "close-code-lost")]
    cases: list[Case] = found[1].cases()
    assert [(case.id, case.kind) for case in cases] == [
        ("ws303_close_code_lost/bad_alias", "bad"),
        ("ws303_close_code_lost/good", "good"),
    ]


def test_an_example_may_hold_several_files() -> None:
    python = "import a\n\n# chat/routing.py\n# more than a path: a/b.py\nx = 1\n\n"
    example = python + "// web/a.ts\nlet a;\n# Dockerfile\nFROM a"
    assert files_of(example) == {
        "consumers.py": "import a\n",
        "chat/routing.py": "# more than a path: a/b.py\nx = 1\n",
        "web/a.ts": "let a;\n",
        "Dockerfile": "FROM a\n",
    }
