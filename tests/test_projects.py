"""Projects side by side in one tree: those that never speak of Channels are read only where another leads into them."""

from __future__ import annotations

from pathlib import Path

import pytest

from wslint.cache import Cache
from wslint.config import Config
from wslint.discover import discover
from wslint.stack.build import build
from wslint.stack.project.projects import Projects

ASGI = """\
from channels.routing import ProtocolTypeRouter

application = ProtocolTypeRouter({})
"""
CONSUMER = """\
from channels.generic.websocket import WebsocketConsumer
from shared.bases import Quiet


class Tower(Quiet, WebsocketConsumer):
    pass
"""
SETTINGS = "INSTALLED_APPS = []\nALLOWED_HOSTS = []\n"


@pytest.mark.parametrize(
    ("path", "project"),
    [
        ("shop/manage.py", "shop"),
        ("shop/apps/cart/models.py", "shop"),
        ("libs/auth/tests/demo/urls.py", "libs/auth"),  # its example project belongs to it
        ("shopping/models.py", ""),
        ("deploy.py", ""),
    ],
)
def test_a_file_belongs_to_the_outermost_marked_folder(path: str, project: str) -> None:
    paths = ["shop/manage.py", "shop/pyproject.toml", "libs/auth/setup.py", "libs/auth/tests/demo/manage.py"]
    assert Projects(paths).of(path) == project


def test_a_mark_at_the_root_makes_one_project() -> None:
    projects = Projects(["pyproject.toml", "backend/manage.py"])
    assert projects.of("backend/app/models.py") == ""


def lowered(tree: Path, files: dict[str, str]) -> set[str]:
    for name, text in files.items():
        path = tree / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    return set(build(discover(tree), Cache(None), Config()).modules.files)


def test_a_project_without_channels_beside_is_not_read(tmp_path: Path) -> None:
    files = {
        "live/manage.py": "",
        "live/config/asgi.py": ASGI,
        "live/config/settings.py": SETTINGS,
        "blog/manage.py": "",
        "blog/config/settings.py": SETTINGS,
        "loose/settings.py": SETTINGS,
    }
    assert lowered(tmp_path, files) == {"live/config/asgi.py", "live/config/settings.py", "loose/settings.py"}


def test_a_project_beside_is_read_where_another_imports_it(tmp_path: Path) -> None:
    files = {
        "live/pyproject.toml": "",
        "live/config/asgi.py": ASGI,
        "live/config/consumers.py": CONSUMER,
        "common/manage.py": "",
        "common/shared/bases.py": "class Quiet:\n    pass\n",
        "common/other/settings.py": SETTINGS,
    }
    found = lowered(tmp_path, files)
    assert "common/shared/bases.py" in found
    assert "common/other/settings.py" not in found


def test_a_project_beside_that_sends_is_read(tmp_path: Path) -> None:
    files = {
        "live/manage.py": "",
        "live/config/asgi.py": ASGI,
        "worker/pyproject.toml": "",
        "worker/jobs/send.py": "async def tell(layer):\n    await layer.group_send('a', {'type': 'b'})\n",
    }
    assert "worker/jobs/send.py" in lowered(tmp_path, files)
