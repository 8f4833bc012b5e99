"""What may know what: the engine's layers, and what a rule may use."""

import ast
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
RULES = sorted((ROOT / "rules").glob("ws*.py"))
OPEN_TO_RULES = ("wslint.rule", "wslint.flow", "wslint.stack", "wslint.knowledge")


@pytest.mark.parametrize("path", RULES, ids=lambda path: path.stem)
def test_a_rule_imports_only_what_is_open_to_rules(path: Path) -> None:
    for node in ast.walk(ast.parse(path.read_bytes())):
        if isinstance(node, ast.Import):
            names = [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            names = [node.module or "."]
        else:
            continue
        for name in names:
            top = name.partition(".")[0]
            assert top in sys.stdlib_module_names or name.startswith(OPEN_TO_RULES), f"line {node.lineno}: {name}"


def test_nothing_imports_the_rules_statically() -> None:
    for path in (ROOT / "wslint").rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_bytes())):
            if isinstance(node, ast.ImportFrom):
                assert not (node.module or "").startswith("wslint.rules"), path
            elif isinstance(node, ast.Import):
                assert not any(alias.name.startswith("wslint.rules") for alias in node.names), path
