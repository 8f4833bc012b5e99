"""`wslint stack`: the stack drawn as a tree."""

from __future__ import annotations

from stacks import stack_of

from wslint.report.tree import render

ASGI = """
from channels.auth import AuthMiddlewareStack
from channels.routing import ChannelNameRouter, ProtocolTypeRouter, URLRouter
from django.core.asgi import get_asgi_application
from django.urls import path
from chat.consumers import Mail, Room
application = ProtocolTypeRouter({
    "http": get_asgi_application(),
    "websocket": AuthMiddlewareStack(URLRouter([path("ws/<room>/", Room.as_asgi())] + EXTRA)),
    "channel": ChannelNameRouter({"mail": Mail.as_asgi()}),
})
"""

CONSUMERS = """
from channels.consumer import AsyncConsumer
from channels.generic.websocket import AsyncJsonWebsocketConsumer
class Room(AsyncJsonWebsocketConsumer):
    group = None
    async def connect(self):
        self.group = f"room.{self.scope['url_route']['kwargs']['room']}"
        await self.channel_layer.group_add(self.group, self.channel_name)
    async def chat_line(self, event): ...
class Mail(AsyncConsumer):
    async def mail_out(self, event): ...
"""

TASKS = """
from asgiref.sync import async_to_sync
from channels.layers import get_channel_layer
def tell(room, kind):
    async_to_sync(get_channel_layer().group_send)(f"room.{room}", {"type": kind})
def all():
    tell(1, "chat.line")
    async_to_sync(get_channel_layer().group_send)("lobby", {"type": "chat.line"})
"""

SETTINGS = """
ASGI_APPLICATION = "asgi.application"
CHANNEL_LAYERS = {"default": {"BACKEND": "channels.layers.InMemoryChannelLayer"}}
"""

FILES = {
    "asgi.py": ASGI,
    "chat/consumers.py": CONSUMERS,
    "chat/tasks.py": TASKS,
    "chat/tests/test_rooms.py": TASKS,
    "settings.py": SETTINGS,
    "Procfile": "web: daphne asgi:application\nrelease: python manage.py migrate\n",
    "requirements.txt": "channels==4.3.2\nrequests\n",
}

TREE = """\
Applications
  asgi:application  asgi.py:7
    named by a setting  settings.py:2
    named by a command  Procfile:1
    ProtocolTypeRouter  asgi.py:7
      http  asgi.py:8
        Django (asgi)  asgi.py:8
      websocket  asgi.py:9
        AuthMiddlewareStack  asgi.py:9
          URLRouter  asgi.py:9
            path 'ws/<room>/' → Room  asgi.py:9
            …
      channel  asgi.py:10
        ChannelNameRouter  asgi.py:10
          mail
            Mail  asgi.py:10

Consumers
  Room (async json)  chat/consumers.py:4
    handles chat_line  chat/consumers.py:9
    joins room.{…}  chat/consumers.py:8
  Mail (async raw)  chat/consumers.py:10
    handles mail_out  chat/consumers.py:11

Sends
  group_add room.{…}  chat/consumers.py:8
  group_send room.{…}  …  → Room  chat/tasks.py:5
  group_send room.1  'chat.line'  → Room  chat/tasks.py:7
    by  chat/tasks.py:5
  group_send lobby  'chat.line'  → nobody  chat/tasks.py:8

Settings
  settings  settings.py:1
    ASGI_APPLICATION asgi.application  settings.py:2
    layer default: channels.layers.InMemoryChannelLayer  settings.py:3

Processes
  daphne asgi:application (procfile)  Procfile:1

Versions
  channels ==4.3.2  requirements.txt:1
"""


def test_the_tree() -> None:
    assert "\n".join(render(stack_of(FILES))) == TREE


def test_routes_that_no_router_takes() -> None:
    routing = (
        "from django.urls import path\nfrom chat.consumers import Room\nfrom chat.views import page\n"
        "def get_routes():\n  return [path('ws/', Room.as_asgi()), path('page/', page)]\n"
    )
    lines = list(render(stack_of({"chat/routing.py": routing, "chat/consumers.py": CONSUMERS})))
    assert lines[:3] == ["Routes that no router takes, but for tests", "  path 'ws/' → Room  chat/routing.py:5", ""]


def test_routes_that_only_a_test_takes() -> None:
    routing = "from django.urls import path\nfrom chat.consumers import Room\nroutes = [path('ws/', Room.as_asgi())]"
    test = "from channels.routing import URLRouter\nfrom chat.routing import routes\nrouter = URLRouter(routes)"
    files = {"chat/routing.py": routing, "chat/consumers.py": CONSUMERS, "tests/test_ws.py": test}
    assert "  path 'ws/' → Room  chat/routing.py:3" in list(render(stack_of(files)))


def test_paths_are_written_as_the_caller_wants() -> None:
    lines = list(render(stack_of(FILES), lambda path: f"../{path}"))
    assert "  asgi:application  ../asgi.py:7" in lines


def test_without_channels_there_is_nothing() -> None:
    assert list(render(stack_of({"settings.py": "DEBUG = True", "views.py": "x = 1"}))) == []


def test_names_from_a_project_do_not_steer_the_terminal() -> None:
    files = {**FILES, "chat/tasks.py": TASKS.replace("lobby", "\\x1b[2J")}
    assert not any("\x1b" in line for line in render(stack_of(files)))
