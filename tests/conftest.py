"""What tests share: the fixtures' folder and one Redis server for a whole run."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path
from typing import NoReturn

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
