"""Every rule against its fixtures and its own examples, and every fixture in the variations users produce."""

from __future__ import annotations

import ast
import functools
import io
import os
import random
import re
import shutil
import tokenize
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path, PurePosixPath

import msgspec
import pytest
from conftest import ROOT

from wslint import api, explain, fix
from wslint.cache import Cache
from wslint.config import Config, load
from wslint.flake8 import Plugin
from wslint.registry import registry
from wslint.rule import Finding, Rule
from wslint.stack import build
from wslint.testing import examples
from wslint.testing.fixtures import EXPECT, Case, Expectations, fixtures, text_files

FIXTURES = fixtures(ROOT / "fixtures")
CASES = [case for fixture in FIXTURES for case in fixture.cases()]
RULES = [rule for rule in registry().rules if type(rule).__module__.startswith("wslint.rules.")]
DEMO = ROOT / "fixtures" / "demo"

all_cases = pytest.mark.parametrize("case", [pytest.param(case, id=case.id) for case in CASES])
bad_cases = pytest.mark.parametrize("case", [pytest.param(case, id=case.id) for case in CASES if case.kind == "bad"])
all_rules = pytest.mark.parametrize("rule", [pytest.param(rule, id=rule.code) for rule in RULES])

# --- what a case must give ----------------------------------------------------------------------------------------


@all_cases
def test_findings_are_the_expected_ones(case: Case) -> None:
    assert_found(found(case), case.expected())


@bad_cases
def test_a_bad_case_expects_its_rule(case: Case) -> None:
    assert case.code in {code for _, _, code in case.expected()}


@pytest.mark.parametrize("twin", ["broken", "healthy"])
def test_demo(twin: str, tmp_path: Path) -> None:
    expected = Case("", DEMO / twin).expected()
    assert (len({code for _, _, code in expected}) >= 12) is (twin == "broken")
    assert_found(check(copied(DEMO / twin, tmp_path)), expected)


def test_healthy_demo_is_silent_under_the_strict_profile(tmp_path: Path) -> None:
    root = copied(DEMO / "healthy", tmp_path)
    assert api.check([root], msgspec.structs.replace(load(root), profile="strict")).findings == ()


# --- the same project in other clothes ------------------------------------------------------------------------------


@bad_cases
def test_suppressed(case: Case, tmp_path: Path) -> None:
    root = copied(case.path, tmp_path)
    silenced: dict[tuple[str, int], set[str]] = {}
    for finding in found(case):
        if can_hold_comments(finding.location.path):
            silenced.setdefault((finding.location.path, finding.location.span.line), set()).add(finding.code)
    for (path, line), codes in silenced.items():
        append_comment(root / path, line, f"wslint: ignore[{', '.join(sorted(codes))}]")
    left = [finding for finding in found(case) if not can_hold_comments(finding.location.path)]
    assert_found(check(root, case.code), counted(left))


@all_cases
def test_windows_line_ends(case: Case, tmp_path: Path) -> None:
    root = copied(case.path, tmp_path)
    for path, text in text_files(root):
        (root / path).write_bytes(re.sub(r"\r?\n", "\r\n", text).encode())
    assert [placed(finding) for finding in check(root, case.code)] == [placed(finding) for finding in found(case)]


@all_cases
@pytest.mark.parametrize("seed", [1, 2])
def test_file_order(case: Case, seed: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    wanted = found(case)
    monkeypatch.setattr(os, "scandir", Shuffled(seed))
    assert list(check(copied(case.path, tmp_path), case.code)) == list(wanted)


@all_cases
def test_without_the_prefilter(case: Case, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    wanted = found(case)
    monkeypatch.setattr(build, "SEEDS", (b"",))
    assert list(check(copied(case.path, tmp_path), case.code)) == list(wanted)


@bad_cases
def test_from_the_cache(case: Case, tmp_path: Path) -> None:
    root = copied(case.path, tmp_path)
    cache = Cache(tmp_path / "cache")
    assert list(check(root, case.code, cache=cache)) == list(found(case))
    assert any((tmp_path / "cache").iterdir())
    assert list(check(root, case.code, cache=cache)) == list(found(case))


@bad_cases
@pytest.mark.parametrize("unsafe", [False, True], ids=["safe", "unsafe"])
def test_fixed(case: Case, unsafe: bool, tmp_path: Path) -> None:
    root = copied(case.path, tmp_path)
    before = dict(text_files(root))

    def checked(sources: Mapping[str, str]) -> Sequence[Finding]:
        for path, text in sources.items():
            (root / path).write_bytes(text.encode())
        return check(root, case.code)

    changed = fix.settle(before, checked, unsafe=unsafe)
    for path, text in changed.items():
        if path.endswith(".py"):
            ast.parse(text, path)
            assert comments(before[path]) <= comments(text)
    after = {**before, **changed}
    unfixable = [one for one in found(case) if one.fix is None or not (one.fix.safe or unsafe)]
    left = checked(after)
    assert by_file(left) == by_file(unfixable)
    assert fix.apply(after, left, unsafe=unsafe) == {}


@bad_cases
def test_fixed_where_tabs_indent(case: Case, tmp_path: Path) -> None:
    root = copied(case.path, tmp_path)
    for path, text in text_files(root):
        if path.endswith(".py"):
            tabs = re.sub(r"^(?: {4})+", lambda blanks: "\t" * (len(blanks[0]) // 4), text, flags=re.MULTILINE)
            (root / path).write_bytes(tabs.encode())
    before = dict(text_files(root))
    for path, text in fix.apply(before, check(root, case.code), unsafe=True).items():
        if path.endswith(".py"):
            ast.parse(text, path)


@all_cases
def test_flake8(case: Case, tmp_path: Path) -> None:
    root = copied(case.path, tmp_path)
    findings = found(case)
    if load(root) == Config():
        (root / "wslint.yaml").write_text(f"extend-select: [{case.code}]\n", encoding="utf-8")
    elif case.code not in load(root).extend_select:
        findings = api.check([root], load(root)).findings
    for path, text in text_files(root):
        if path.endswith(".py"):
            tree = ast.parse(text)
            told = Plugin(tree, str(root / path), text.splitlines(keepends=True)).run()
            here = Counter((line, message.partition(" ")[0]) for line, _, message, _ in told)
            there = Counter((one.location.span.line, one.code) for one in findings if one.location.path == path)
            assert here == there, path


# --- the rules themselves -------------------------------------------------------------------------------------------


@all_rules
@pytest.mark.parametrize("bad", [True, False], ids=["bad", "good"])
def test_example_in_the_docstring(rule: Rule, bad: bool, tmp_path: Path) -> None:
    page = explain.page(rule)
    examples.write(page.bad if bad else page.good, tmp_path)
    findings = check(tmp_path, only=rule.code)
    assert {finding.code for finding in findings} == ({rule.code} if bad else set())


@all_rules
def test_rule_is_complete(rule: Rule) -> None:
    words = f"{rule.code.lower()}_{rule.name.replace('-', '_')}"
    assert type(rule).__module__ == f"wslint.rules.{words}"
    folder = ROOT / "fixtures" / words
    kinds = {kind for kind in ("bad", "good", "traps") if any(folder.glob(f"{kind}*/"))}
    assert kinds == {"bad", "good", "traps"}
    assert (folder / "proof.py").is_file() or re.search(r"^\s*Reference: \S", type(rule).__doc__ or "", re.MULTILINE)


@pytest.mark.parametrize("fixture", [pytest.param(fixture, id=fixture.path.name) for fixture in FIXTURES])
def test_fixture_has_its_rule(fixture: object) -> None:
    known = {(rule.code, rule.name) for rule in RULES}
    assert (getattr(fixture, "code"), getattr(fixture, "name")) in known  # noqa: B009


def test_codes_and_names_are_unique() -> None:
    rules = registry().rules
    assert not registry().broken
    assert len({rule.code for rule in rules}) == len(rules) == len({rule.name for rule in rules})


# --- helpers --------------------------------------------------------------------------------------------------------


def check(root: Path, code: str = "", *, only: str = "", cache: Cache | None = None) -> tuple[Finding, ...]:
    config = load(root)
    if only:
        config = msgspec.structs.replace(config, select=(only,))
    elif code:
        config = msgspec.structs.replace(config, extend_select=(*config.extend_select, code))
    return tuple(api.check([root], config, cache=cache).findings)


@functools.cache
def found(case: Case) -> tuple[Finding, ...]:
    """The findings of a case as it lies in fixtures/."""
    import tempfile

    with tempfile.TemporaryDirectory() as folder:
        return check(copied(case.path, Path(folder)), case.code)


def copied(case: Path, parent: Path) -> Path:
    """A copy outside the checkout, whose configuration and .git would make it part of a larger tree."""
    return shutil.copytree(case, parent / case.name, ignore=shutil.ignore_patterns("__pycache__"))


def counted(findings: Iterable[Finding]) -> Expectations:
    return Counter((one.location.path, one.location.span.line, one.code) for one in findings)


def by_file(findings: Iterable[Finding]) -> Counter[tuple[str, str]]:
    return Counter((one.location.path, one.code) for one in findings)


def placed(finding: Finding) -> tuple[object, ...]:
    return finding.location, finding.code, finding.level, finding.message


def assert_found(findings: Sequence[Finding], wanted: Expectations) -> None:
    """The findings stand where they are wanted; the failure shows what is too much and what is missing."""
    got = counted(findings)
    said = {key: one.message for one in findings for key in counted([one])}
    wrong = ["too much: {}:{} {} {}".format(*key, said[key]) for key in (got - wanted).elements()]
    wrong += ["missing: {}:{} {}".format(*key) for key in (wanted - got).elements()]
    if wrong:
        pytest.fail("\n".join(sorted(wrong)), pytrace=False)


def comments(source: str) -> Counter[str]:
    tokens = tokenize.generate_tokens(io.StringIO(source).readline)
    return Counter(token.string for token in tokens if token.type == tokenize.COMMENT)


def can_hold_comments(path: str) -> bool:
    return PurePosixPath(path).suffix not in (".json", ".lock")


def append_comment(path: Path, number: int, text: str) -> None:
    """Put a comment at the end of a line, in place of the expectation that may stand there."""
    lines = path.read_bytes().decode().splitlines(keepends=True)
    line = lines[number - 1].rstrip("\r\n")
    if match := EXPECT.search(line):
        line = line[: match.start()].rstrip()
    opening, closing = {
        ".html": ("<!--", " -->"),
        ".vue": ("//", ""),
        ".md": ("<!--", " -->"),
        **dict.fromkeys((".js", ".jsx", ".ts", ".tsx", ".mjs"), ("//", "")),
    }.get(path.suffix, ("#", ""))
    lines[number - 1] = f"{line}  {opening} {text}{closing}\n"
    path.write_bytes("".join(lines).encode())


class Shuffled:
    """os.scandir in another order."""

    def __init__(self, seed: int) -> None:
        self.random = random.Random(seed)
        self.scandir = os.scandir

    def __call__(self, path: str = ".") -> Shuffled.Entries:
        with self.scandir(path) as scan:
            entries = sorted(scan, key=lambda entry: entry.name)
        self.random.shuffle(entries)
        return self.Entries(entries)

    class Entries:
        def __init__(self, entries: list[os.DirEntry[str]]) -> None:
            self.entries = iter(entries)

        def __enter__(self) -> Iterator[os.DirEntry[str]]:
            return self.entries

        def __exit__(self, *failure: object) -> None:
            pass

        def __iter__(self) -> Iterator[os.DirEntry[str]]:
            return self.entries
