"""Whose code is it: test code and copies of others' code, by file and folder names."""

from __future__ import annotations

import pytest

from wslint.stack.project.placed import is_test_path, is_vendored_path


@pytest.mark.parametrize(
    "path",
    [
        "chat/tests.py",
        "chat/test_consumers.py",
        "chat/consumers_test.py",
        "chat/test2.py",
        "conftest.py",
        "chat/tests/helpers.py",
        "testproject/asgi.py",
        "e2e/socket.py",
        "frontend/socket.spec.ts",
        "frontend/__tests__/socket.js",
        "load_test_client.py",
    ],
)
def test_test_code(path: str) -> None:
    assert is_test_path(path)


@pytest.mark.parametrize(
    "path",
    ["chat/testimonials.py", "chat/testaments.py", "contest/consumers.py", "chat/latest.py", "attest.py", "protest.py"],
)
def test_names_that_only_begin_or_end_like_tests(path: str) -> None:
    assert not is_test_path(path)


def test_copies_of_others_code() -> None:
    assert is_vendored_path("project/vendor/channels/consumer.py")
    assert not is_vendored_path("vendor.py")
