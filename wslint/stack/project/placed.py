"""Where a thing of the domain stands: its file, and whether that is test code or somebody else's."""

from __future__ import annotations

import re

from wslint.location import Location

_TEST_NAME = re.compile(
    r"(^|_)tests?(_|\d*\.py$)|^test(ing|utils?|cases?|client|app)\.py$|^conftest\.py$|\.(spec|test)\.\w+$",
    re.IGNORECASE,
)
_TEST_FOLDERS = frozenset({"tests", "test", "testing", "__tests__", "e2e", "testproject", "test_project"})
_EXAMPLE = re.compile(r"(^|[/.-])(examples?|demo|sandbox|samples?|docs?)\w*/", re.IGNORECASE)
_VENDOR_FOLDERS = frozenset(
    {"vendor", "vendored", "_vendor", "third_party", "thirdparty", "site-packages", "dist-packages"}
)


def is_test_path(path: str) -> bool:
    """Is a file test code, by its name or folder?"""
    *folders, name = path.split("/")
    return bool(_TEST_NAME.search(name)) or any(folder.lower() in _TEST_FOLDERS for folder in folders)


def is_example_path(path: str) -> bool:
    """Is a file part of an example or a demonstration?"""
    return bool(_EXAMPLE.search(path))


def is_vendored_path(path: str) -> bool:
    """Is a file a copy of somebody else's code?"""
    return any(folder.lower() in _VENDOR_FOLDERS for folder in path.split("/")[:-1])


class Placed:
    """Anything that stands in a file."""

    location: Location

    @property
    def path(self) -> str:
        return self.location.path

    @property
    def in_tests(self) -> bool:
        return is_test_path(self.path)

    @property
    def vendored(self) -> bool:
        return is_vendored_path(self.path)
