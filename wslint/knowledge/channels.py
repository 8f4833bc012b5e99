"""Names of Django Channels and its neighbours: consumers, wrappers, layers, and how each behaves."""

from __future__ import annotations

WEBSOCKET = "channels.generic.websocket."
SYNC_WEBSOCKET = (WEBSOCKET + "WebsocketConsumer", WEBSOCKET + "JsonWebsocketConsumer")
ASYNC_WEBSOCKET = (WEBSOCKET + "AsyncWebsocketConsumer", WEBSOCKET + "AsyncJsonWebsocketConsumer")
JSON_WEBSOCKET = (WEBSOCKET + "JsonWebsocketConsumer", WEBSOCKET + "AsyncJsonWebsocketConsumer")
GENERIC_WEBSOCKET = SYNC_WEBSOCKET + ASYNC_WEBSOCKET
HTTP_CONSUMERS = ("channels.generic.http.AsyncHttpConsumer",)
RAW_CONSUMERS = ("channels.consumer.AsyncConsumer", "channels.consumer.SyncConsumer")
CHANNELS_CONSUMERS = GENERIC_WEBSOCKET + HTTP_CONSUMERS + RAW_CONSUMERS

OTHER_FRAMEWORKS = ("otree.", "fast_channels.", "starlette.", "fastapi.")
"""Packages whose classes may have a `channel_layer` that is none of Channels'."""

LIBRARY_CONSUMER_PACKAGES = (
    "djangochannelsrestframework.",
    "channels_graphql_ws.",
    "graphene_subscriptions.",
    "strawberry.channels.",
    "ariadne_django.",
    "django_loci.channels.",
    "channels_presence.",
)
"""Packages whose consumer classes people subclass; their methods are not known here."""

PROTOCOL_TYPE_ROUTER = "channels.routing.ProtocolTypeRouter"
URL_ROUTER = "channels.routing.URLRouter"
CHANNEL_NAME_ROUTER = "channels.routing.ChannelNameRouter"
PROTOCOLS = frozenset({"http", "websocket", "channel", "lifespan"})

GET_ASGI_APPLICATION = frozenset(
    {
        "django.core.asgi.get_asgi_application",
        "configurations.asgi.get_asgi_application",
        "channels.asgi.get_asgi_application",
    }
)
GET_DEFAULT_APPLICATION = "channels.routing.get_default_application"
"""Gives the application that the setting ASGI_APPLICATION names."""

GET_WSGI_APPLICATION = frozenset({"django.core.wsgi.get_wsgi_application", "configurations.wsgi.get_wsgi_application"})
DJANGO_HANDLERS = frozenset({"django.core.handlers.asgi.ASGIHandler", "channels.http.AsgiHandler"})

PATH_FUNCTIONS = {
    "django.urls.path": "path",
    "django.urls.conf.path": "path",
    "django.urls.re_path": "re_path",
    "django.urls.conf.re_path": "re_path",
    "django.conf.urls.url": "url",
    "django.conf.urls.re_path": "re_path",
}
"""Functions that make a route for URLRouter; `url` is the regular expression form that Django 4 removed."""

INCLUDE = frozenset({"django.urls.include", "django.urls.conf.include", "django.conf.urls.include"})

AUTH_MIDDLEWARE = "channels.auth.AuthMiddleware"
SESSION_MIDDLEWARE = "channels.sessions.SessionMiddleware"
COOKIE_MIDDLEWARE = "channels.sessions.CookieMiddleware"
AUTH_STACK = "channels.auth.AuthMiddlewareStack"
SESSION_STACK = "channels.sessions.SessionMiddlewareStack"
ORIGIN_VALIDATOR = "channels.security.websocket.OriginValidator"
ALLOWED_HOSTS_VALIDATOR = "channels.security.websocket.AllowedHostsOriginValidator"
BASE_MIDDLEWARE = "channels.middleware.BaseMiddleware"

SCOPE_KEYS = {
    AUTH_STACK: frozenset({"cookies", "session", "user"}),
    SESSION_STACK: frozenset({"cookies", "session"}),
    AUTH_MIDDLEWARE: frozenset({"user"}),
    SESSION_MIDDLEWARE: frozenset({"session"}),
    COOKIE_MIDDLEWARE: frozenset({"cookies"}),
    ORIGIN_VALIDATOR: frozenset(),
    ALLOWED_HOSTS_VALIDATOR: frozenset(),
}
"""Scope keys that each wrapper of Channels sets for what is inside it."""

ASGI_SCOPE_KEYS = frozenset(
    "type asgi http_version scheme path raw_path query_string root_path headers client server subprotocols state "
    "extensions method path_remaining url_route".split()
)
"""Scope keys that servers and URLRouter set."""

GET_CHANNEL_LAYER = "channels.layers.get_channel_layer"
LAYER_METHODS = ("group_send", "group_add", "group_discard", "send")
CORE_LAYER = "channels_redis.core.RedisChannelLayer"
PUBSUB_LAYER = "channels_redis.pubsub.RedisPubSubChannelLayer"
MEMORY_LAYER = "channels.layers.InMemoryChannelLayer"

ASYNC_TO_SYNC = "asgiref.sync.async_to_sync"
SYNC_TO_ASYNC = frozenset({"asgiref.sync.sync_to_async", "channels.db.database_sync_to_async"})
THREAD_RUNNERS = SYNC_TO_ASYNC | frozenset(
    {"asyncio.to_thread", "anyio.to_thread.run_sync", "starlette.concurrency.run_in_threadpool"}
)

CONSUMER_API = frozenset(
    "connect disconnect receive receive_json send send_json accept close websocket_connect websocket_receive "
    "websocket_disconnect dispatch decode_json encode_json http_request http_disconnect handle send_headers send_body "
    "send_response body as_asgi".split()
)
"""Methods with which Channels or the consumer itself speak; any other may be an event handler."""

_RAW = frozenset("dispatch send as_asgi".split())
_WEBSOCKET = _RAW | frozenset(
    "__init__ websocket_connect connect accept websocket_receive receive close websocket_disconnect disconnect".split()
)
_JSON = _WEBSOCKET | frozenset("receive_json send_json encode_json decode_json".split())
_HTTP = _RAW | frozenset(
    "__init__ send_headers send_body send_response handle disconnect http_request http_disconnect".split()
)
DEFINES: dict[str, frozenset[str]] = {
    **dict.fromkeys(RAW_CONSUMERS, _RAW),
    **dict.fromkeys(HTTP_CONSUMERS, _HTTP),
    **dict.fromkeys(GENERIC_WEBSOCKET, _WEBSOCKET),
    **dict.fromkeys(JSON_WEBSOCKET, _JSON),
}
"""The methods that each consumer of Channels defines: a base behind it defines them in vain."""

CONSUMER_COROUTINES = frozenset("accept close send send_json".split())
"""Methods of generic websocket consumers that are coroutines on the async ones."""

STAR_EXPORTS = {
    "channels.generic.websocket": frozenset(
        {"WebsocketConsumer", "JsonWebsocketConsumer", "AsyncWebsocketConsumer", "AsyncJsonWebsocketConsumer"}
    ),
    "channels.consumer": frozenset({"AsyncConsumer", "SyncConsumer"}),
    "channels.routing": frozenset({"ProtocolTypeRouter", "URLRouter", "ChannelNameRouter"}),
    "channels.layers": frozenset({"get_channel_layer", "InMemoryChannelLayer"}),
    "channels.auth": frozenset({"AuthMiddlewareStack", "AuthMiddleware", "login", "logout", "get_user"}),
    "channels.security.websocket": frozenset({"OriginValidator", "AllowedHostsOriginValidator"}),
    "channels.db": frozenset({"database_sync_to_async"}),
    "asgiref.sync": frozenset({"async_to_sync", "sync_to_async"}),
    "django.urls": frozenset({"path", "re_path", "include", "reverse", "reverse_lazy"}),
}
"""What a star import from a package outside the project brings, where it matters."""

JSON_LOADS = frozenset({"json.loads", "orjson.loads", "ujson.loads", "simplejson.loads", "rapidjson.loads"})
"""Functions that decode JSON text; each raises a ValueError when it is none."""

CLIENT_SUBPROTOCOLS = frozenset(
    "graphql-ws graphql-transport-ws mqtt mqttv3.1 stomp v10.stomp v11.stomp v12.stomp wamp wamp.2.json wamp.2.msgpack "
    "ocpp1.2 ocpp1.5 ocpp1.6 ocpp2.0 ocpp2.0.1 ocpp2.1 soap sip xmpp janus-protocol guacamole v4.channel.k8s.io "
    "v5.channel.k8s.io actioncable-v1-json actioncable-unsupported binary".split()
)
"""Subprotocols that client libraries offer by themselves (IANA's registry of WebSocket subprotocols, and these
libraries' own documentation)."""
