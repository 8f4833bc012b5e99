"""What tests share: the fixtures' folder and one Redis server for a whole run."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NoReturn

import pytest

from wslint.testing.redis_server import RedisServer, redis_server

ROOT = Path(__file__).resolve().parent.parent


def not_run(reason: str) -> NoReturn:
    """A tool is missing: that fails in CI, and is said aloud on a developer's machine."""
    if os.environ.get("CI"):
        pytest.fail(f"not run: {reason}", pytrace=False)
    pytest.skip(f"not run: {reason}")


@pytest.fixture(scope="session")
def redis() -> Iterator[RedisServer]:
    with redis_server() as server:
        yield server


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config: pytest.Config, log: Any) -> Any:
    """Proofs take seconds, stand side by side and would else all go to one worker."""
    from xdist.scheduler import WorkStealingScheduling

    return WorkStealingScheduling(config, log)
