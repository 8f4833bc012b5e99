"""Application trees, however they are built."""

from __future__ import annotations

import pytest
from stacks import stack_of

from wslint.stack import model as d

HEAD = """
from channels.auth import AuthMiddlewareStack
from channels.routing import ChannelNameRouter, ProtocolTypeRouter, URLRouter
from channels.security.websocket import AllowedHostsOriginValidator
from django.core.asgi import get_asgi_application
from django.urls import include, path, re_path
from chat import A, B
"""

CHAT = """
from channels.generic.websocket import AsyncWebsocketConsumer
class A(AsyncWebsocketConsumer): ...
class B(AsyncWebsocketConsumer): ...
"""


def application(body: str, **files: str) -> tuple[d.Stack, d.Application]:
    """The application of an asgi.py with the usual imports."""
    more = {path.replace("__", "/") + ".py": HEAD + source for path, source in files.items()}
    stack = stack_of({"asgi.py": HEAD + body, "chat.py": CHAT, **more})
    (found,) = [one for one in stack.applications if one.name == "application" and one.path == "asgi.py"]
    return stack, found


def tree(app: d.App) -> str:
    """An application as a short text: `websocket: Auth(/a A, /b B)`."""
    match app:
        case d.ProtocolRouter():
            inner = [f"{key}: {'|'.join(map(tree, apps))}" for key, apps in app.entries.items()]
            return "{" + ", ".join(inner) + ("}" if app.complete else ", …}")
        case d.NameRouter():
            return (
                "names{" + ", ".join(f"{key}: {'|'.join(map(tree, apps))}" for key, apps in app.entries.items()) + "}"
            )
        case d.Wrapper():
            return f"{app.name}({'|'.join(map(tree, app.inner))})"
        case d.Router():
            routes = [f"{route.pattern} {'|'.join(map(tree, route.targets))}" for route in app.routes]
            return "[" + ", ".join(routes + ([] if app.complete else ["…"])) + "]"
        case d.Mounted():
            return app.cls.name if app.cls is not None else app.dotted or "?"
        case d.Bare():
            return f"{app.form} {app.cls.name if app.cls is not None else app.dotted}"
        case d.DjangoApp():
            return "django" if app.called else "django uncalled"
        case d.FunctionApp():
            return f"function {app.function.name}"
        case _:
            return type(app).__name__


ROUTES = {
    "a display": ("routes = [path('a', A.as_asgi()), path('b', B.as_asgi())]", "[a A, b B]"),
    "a tuple": ("routes = (path('a', A.as_asgi()),)", "[a A]"),
    "+": ("routes = [path('a', A.as_asgi())] + [path('b', B.as_asgi())]", "[a A, b B]"),
    "+=": ("routes = [path('a', A.as_asgi())]\nroutes += [path('b', B.as_asgi())]", "[a A, b B]"),
    "+= under if": ("routes = [path('a', A.as_asgi())]\nif X:\n  routes += [path('b', B.as_asgi())]", "[a A, b B]"),
    "+= in a loop": (
        "routes = [path('a', A.as_asgi())]\nfor x in y:\n  routes += [path('b', B.as_asgi())]",
        "[a A, b B, …]",
    ),
    "append": ("routes = []\nroutes.append(path('a', A.as_asgi()))", "[a A]"),
    "append in a function": ("routes = []\ndef add():\n  routes.append(path('a', A.as_asgi()))\nadd()", "[a A]"),
    "extend": ("routes = []\nroutes.extend([path('a', A.as_asgi())])", "[a A]"),
    "insert": ("routes = [path('a', A.as_asgi())]\nroutes.insert(0, path('b', B.as_asgi()))", "[b B, a A]"),
    "pop": ("routes = [path('a', A.as_asgi())]\nroutes.pop()", "[a A, …]"),
    "*": ("more = [path('b', B.as_asgi())]\nroutes = [path('a', A.as_asgi()), *more]", "[a A, b B]"),
    "list()": ("routes = list([path('a', A.as_asgi())])", "[a A]"),
    "a comprehension": ("routes = [path(x, A.as_asgi()) for x in y]", "[…]"),
    "a function": ("def f():\n  return [path('a', A.as_asgi())]\nroutes = f()", "[a A]"),
    "a function that appends": (
        "def f():\n  r = []\n  r.append(path('a', A.as_asgi()))\n  return r\nroutes = f()",
        "[a A]",
    ),
    "a class attribute": ("class R:\n  x = [path('a', A.as_asgi())]\nroutes = R.x", "[a A]"),
    "another module's": ("from routing import routes", "[a A]"),
    "another module's attribute": ("import routing\nroutes = routing.routes", "[a A]"),
    "two modules'": ("import routing, other\nroutes = routing.routes + other.routes", "[a A, b B]"),
    "another module's and more": ("from routing import routes\nroutes.append(path('b', B.as_asgi()))", "[a A, b B]"),
    "another module's, grown there": ("from grown import routes", "[a A]"),
    "try, except ImportError": (
        "try:\n  from routing import routes\nexcept ImportError:\n  routes = []",
        "[a A]",
    ),
    "try, from a missing module": ("try:\n  from gone import routes\nexcept ImportError:\n  routes = []", "[…]"),
    "suppress": ("routes = []\nwith suppress(ImportError):\n  from routing import routes", "[a A]"),
    "a constant pattern": ("P = 'a'\nroutes = [path(P, A.as_asgi())]", "[a A]"),
    "an f-string": ("P = 'a'\nroutes = [path(f'{P}/b', A.as_asgi())]", "[a/b A]"),
    "keywords": ("routes = [path(route='a', view=A.as_asgi())]", "[a A]"),
    "a route in a variable": ("r = path('a', A.as_asgi())\nroutes = [r]", "[a A]"),
    "a function makes the route": (
        "def r(p, c):\n  return path(p, c.as_asgi())\nroutes = [r('a', A), r('b', B)]",
        "[a A, b B]",
    ),
    "nested routers": ("routes = [path('a/', URLRouter([path('b', B.as_asgi())]))]", "[a/ [b B]]"),
    "a wrapped route": ("routes = [path('a', AuthMiddlewareStack(A.as_asgi()))]", "[a AuthMiddlewareStack(A)]"),
    "one of two": ("routes = [path('a', A.as_asgi() if OLD else A)]", "[a A|class A]"),
    "not called": ("routes = [path('a', A.as_asgi)]", "[a uncalled A]"),
    "an instance": ("routes = [path('a', A())]", "[a instance A]"),
    "a lambda's": ("make = lambda c: c.as_asgi()\nroutes = [path('a', make(A))]", "[a A]"),
    "another URL": ("from django.conf.urls import url\nroutes = [url('a', A.as_asgi())]", "[a A]"),
}

OTHERS = {
    "routing": "routes = [path('a', A.as_asgi())]",
    "other": "routes = [path('b', B.as_asgi())]",
    "grown": "routes = []\nroutes.append(path('a', A.as_asgi()))",
}


@pytest.mark.parametrize("case", ROUTES)
def test_routes(case: str) -> None:
    body, expected = ROUTES[case]
    _, found = application(body + "\napplication = ProtocolTypeRouter({'websocket': URLRouter(routes)})", **OTHERS)
    assert [tree(app) for app in found.apps] == [f"{{websocket: {expected}}}"]


R = "R = URLRouter([path('a', A.as_asgi())])\n"
X = "ProtocolTypeRouter({'websocket': R})"

APPLICATIONS = {
    "wrapped": (
        R + "application = ProtocolTypeRouter({'http': get_asgi_application(), 'websocket': AuthMiddlewareStack(R)})",
        "{http: django, websocket: AuthMiddlewareStack([a A])}",
    ),
    "the mapping in a variable": (
        R + "m = {'websocket': R}\napplication = ProtocolTypeRouter(m)",
        "{websocket: [a A]}",
    ),
    "step by step": (R + "m = {}\nm['websocket'] = R\napplication = ProtocolTypeRouter(m)", "{websocket: [a A]}"),
    "update": (
        R + "m = {'http': get_asgi_application()}\nm.update({'websocket': R})\napplication = ProtocolTypeRouter(m)",
        "{http: django, websocket: [a A]}",
    ),
    "update by keyword": (
        R + "m = {}\nm.update(websocket=R)\napplication = ProtocolTypeRouter(m)",
        "{websocket: [a A]}",
    ),
    "|=": (
        R + "m = {'http': get_asgi_application()}\nm |= {'websocket': R}\napplication = ProtocolTypeRouter(m)",
        "{http: django, websocket: [a A]}",
    ),
    "|": (
        R + "application = ProtocolTypeRouter({'http': get_asgi_application()} | {'websocket': R})",
        "{http: django, websocket: [a A]}",
    ),
    "**": (R + "m = {'websocket': R}\napplication = ProtocolTypeRouter({**m})", "{websocket: [a A]}"),
    "** of something": (R + "application = ProtocolTypeRouter({'websocket': R, **x})", "{websocket: [a A], …}"),
    "dict()": (R + "application = ProtocolTypeRouter(dict(websocket=R))", "{websocket: [a A]}"),
    "a key that is removed": (
        R + "m = {'websocket': R}\nm.pop('x')\napplication = ProtocolTypeRouter(m)",
        "{websocket: [a A], …}",
    ),
    "a mapping from a function": (
        R + "def f():\n  m = {}\n  for p in q:\n    m[p] = R\n  return m\napplication = ProtocolTypeRouter(f())",
        "{, …}",
    ),
    "wrapped afterwards": (
        R + f"from sentry import Sentry\napplication = {X}\napplication = Sentry(application)",
        "Sentry({websocket: [a A]})",
    ),
    "under if": (
        R + f"from sentry import Sentry\napplication = {X}\nif P:\n  application = Sentry(application)",
        "Sentry({websocket: [a A]})|{websocket: [a A]}",
    ),
    "a factory": (R + f"def make():\n  return {X}\napplication = make()", "{websocket: [a A]}"),
    "a factory with an argument": (
        R + "def make(r):\n  return ProtocolTypeRouter({'websocket': r})\napplication = make(R)",
        "{websocket: [a A]}",
    ),
    "a project stack": (
        R + "def Stack(inner):\n  return AllowedHostsOriginValidator(AuthMiddlewareStack(inner))\n"
        "application = ProtocolTypeRouter({'websocket': Stack(R)})",
        "{websocket: AllowedHostsOriginValidator(AuthMiddlewareStack([a A]))}",
    ),
    "a lambda stack": (
        R + "Stack = lambda inner: AuthMiddlewareStack(inner)\n"
        "application = ProtocolTypeRouter({'websocket': Stack(R)})",
        "{websocket: AuthMiddlewareStack([a A])}",
    ),
    "function middleware": (
        R + "def mw(inner):\n  async def app(scope, receive, send):\n    await inner(scope, receive, send)\n"
        "  return app\napplication = ProtocolTypeRouter({'websocket': mw(R)})",
        "{websocket: mw([a A])}",
    ),
    "class middleware": (
        R + "class M:\n  def __init__(self, app): ...\n  async def __call__(self, scope, receive, send): ...\n"
        "application = ProtocolTypeRouter({'websocket': M(app=R)})",
        "{websocket: M([a A])}",
    ),
    "a subclass": (R + "class P(ProtocolTypeRouter): ...\napplication = P({'websocket': R})", "{websocket: [a A]}"),
    "a subclass that knows its mapping": (
        R
        + "class P(ProtocolTypeRouter):\n  def __init__(self):\n    super().__init__({'websocket': R})\n"
        + "application = P()",
        "{websocket: [a A]}",
    ),
    "a class method": (
        R + "class P(ProtocolTypeRouter):\n  @classmethod\n  def make(cls):\n    return cls({'websocket': R})\n"
        "application = P.make()",
        "{websocket: [a A]}",
    ),
    "imported": ("from routing import application", "{websocket: [a A]}"),
    "star-imported": ("from routing import *", "{websocket: [a A]}"),
    "names": (
        "application = ProtocolTypeRouter({'channel': ChannelNameRouter({'mail': A.as_asgi()})})",
        "{channel: names{mail: A}}",
    ),
    "a function": ("async def application(scope, receive, send): ...", "function application"),
    "a list": ("application = ProtocolTypeRouter({'websocket': [path('a', A.as_asgi())]})", "{websocket: ListApp}"),
    "django alone": ("application = get_asgi_application()", "django"),
    "itself": ("application = ProtocolTypeRouter({'websocket': application})", "{websocket: UnknownApp}"),
}


@pytest.mark.parametrize("case", APPLICATIONS)
def test_applications(case: str) -> None:
    body, expected = APPLICATIONS[case]
    _, found = application(body, routing=R + f"application = {X}")
    assert "|".join(tree(app) for app in found.apps) == expected


def test_a_mount_knows_what_stands_on_the_way() -> None:
    stack, found = application(
        "inner = URLRouter([path('b/<int:pk>', A.as_asgi())])\n"
        "application = ProtocolTypeRouter({'websocket': AuthMiddlewareStack(URLRouter([path('a/', inner)]))})"
    )
    (mount,) = found.mounts
    assert mount.protocol == "websocket"
    assert [wrapper.name for wrapper in mount.wrappers] == ["AuthMiddlewareStack"]
    assert [route.pattern for route in mount.routes] == ["a/", "b/<int:pk>"]
    assert mount.routes[-1].captures == {"pk"}
    assert mount.consumer is not None
    assert [consumer.mounts for consumer in stack.consumers if consumer.name == "A"] == [(mount,)]


DEFAULT = "from channels.routing import get_default_application\napplication = get_default_application()"

NAMED = {
    "one": (f"application = {X}", "{websocket: [a A]}"),
    "alternatives": (
        f"application = {X}\nif DEBUG:\n  application = AuthMiddlewareStack(application)",
        "AuthMiddlewareStack({websocket: [a A]})|{websocket: [a A]}",
    ),
    "itself": (DEFAULT, "UnknownApp"),
}


@pytest.mark.parametrize("case", NAMED)
def test_the_default_application_is_what_the_settings_name(case: str) -> None:
    routing, expected = NAMED[case]
    files = {"routing.py": HEAD + R + routing, "chat.py": CHAT, "settings.py": "ASGI_APPLICATION='routing.application'"}
    stack = stack_of({"server.py": DEFAULT, "Procfile": "web: daphne server:application", **files})
    found = {one.path: "|".join(tree(app) for app in one.apps) for one in stack.applications}
    assert found["server.py"] == expected


PATHS = {
    "os.path.join": "sys.path.insert(0, os.path.join(BASE_DIR, 'apps'))",
    "pathlib": "sys.path.append(str(BASE_DIR / 'apps'))",
    "upwards": "sys.path.insert(0, os.path.join(HERE, '../apps'))",
}


@pytest.mark.parametrize("case", PATHS)
def test_a_folder_that_settings_put_on_the_path(case: str) -> None:
    stack = stack_of(
        {
            "site/settings.py": f"import os, sys\n{PATHS[case]}\nASGI_APPLICATION = 'site.asgi.application'",
            "site/asgi.py": HEAD.replace("from chat import", "from rooms.live import") + R + f"application = {X}",
            "apps/rooms/live.py": CHAT,
        },
        packages=False,
    )
    assert [tree(app) for one in stack.applications for app in one.apps] == ["{websocket: [a A]}"]


def test_a_router_by_another_name_outside_an_application() -> None:
    body = "from channels.routing import URLRouter as Routes\nchat = Routes([path('a', A.as_asgi())])"
    stack = stack_of({"routing.py": HEAD + body, "chat.py": CHAT})
    assert [tree(router) for router in stack.routers] == ["[a A]"]
    assert [mount.application for mount in stack.mounts] == [None]


HUNGRY = {
    "a stack that wraps itself twice": "def S(x):\n  return AuthMiddlewareStack(S(x), S(x))\n"
    "application = S(A.as_asgi())",
    "lists that double": "r0 = [path('a', A.as_asgi())]\n"
    + "".join(f"r{n} = r{n - 1} + r{n - 1}\n" for n in range(1, 30))
    + "application = ProtocolTypeRouter({'websocket': URLRouter(r29)})",
}


@pytest.mark.parametrize("case", HUNGRY)
def test_no_blow_up(case: str) -> None:
    _, found = application(HUNGRY[case])
    assert found.apps
