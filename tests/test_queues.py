"""A queue whose tasks run where they are given to it is no other process (WS702)."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest
from conftest import ROOT

from wslint import api
from wslint.config import Config
from wslint.rule import Level


@pytest.mark.parametrize(
    ("cluster", "level"),
    [
        ("", Level.WARNING),
        ('Q_CLUSTER = {"name": "harbour"}', Level.WARNING),
        ('Q_CLUSTER = {"name": "harbour", "sync": False}', Level.WARNING),
        ('Q_CLUSTER = {"name": "harbour", "sync": True}', Level.INFO),
        ('import os\nQ_CLUSTER = {"sync": bool(os.environ.get("SYNC"))}', Level.INFO),
        ("CELERY_TASK_ALWAYS_EAGER = True", Level.INFO),
    ],
)
def test_a_queue_that_is_none(cluster: str, level: Level, tmp_path: Path) -> None:
    shutil.copytree(ROOT / "fixtures/ws702_in_memory_layer/bad_queue", tmp_path / "project")
    with (tmp_path / "project/config/settings.py").open("a", encoding="utf-8") as settings:
        settings.write(f"\n{cluster}\n")
    report = api.check([tmp_path / "project"], Config(extend_select=("WS702",)))
    assert [(finding.code, finding.level) for finding in report.findings] == [("WS702", level)]
