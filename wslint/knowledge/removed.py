"""Names of Channels and Django that a release removed: which one, and what to write instead.

Channels: found by comparing the wheels of 1.1.8, 2.4.0, 3.0.5, 4.0.0 and 4.3.2 name by name. Django: what routing,
ASGI modules and consumers of older projects hold, checked against the wheels of 1.11.29, 2.0, 3.2, 4.0, 4.2 and 5.0.
"""

from __future__ import annotations

from typing import NamedTuple


class Removed(NamedTuple):
    """A name that is gone since `version` of `package`; `same` is an importable name that does what it did."""

    package: str
    version: str
    instead: str
    same: str | None = None


def _channels(version: str, instead: str, *names: str) -> dict[str, Removed]:
    return {f"channels.{name}": Removed("channels", version, instead) for name in names}


def _django(version: str, same: str, *names: str) -> dict[str, Removed]:
    return {f"django.{name}": Removed("django", version, f"`{same}`", same) for name in names}


REMOVED: dict[str, Removed] = {
    # Channels 1 → 2: consumers are classes, routing is ASGI, sends go through the layer
    **_channels("2.0", "`get_channel_layer().group_add/group_send/group_discard`", "Group", "channel.Group"),
    **_channels("2.0", "`get_channel_layer().send(name, event)`", "Channel", "channel.Channel"),
    **_channels("2.0", "`channels.layers.get_channel_layer`", "asgi", "channel_layers"),
    **_channels(
        "2.0",
        "`ProtocolTypeRouter` and `URLRouter([path(…, Consumer.as_asgi())])`",
        *("route", "route_class", "include", "routing.route", "routing.route_class", "routing.include"),
    ),
    **_channels("2.0", "`channels.generic.websocket` (no final s)", "generic.websockets"),
    **_channels("2.0", "the classes of `channels.generic.websocket`", "generic.BaseConsumer", "generic.base"),
    **_channels(
        "2.0",
        '`AuthMiddlewareStack`, and `self.scope["user"]` in the consumer',
        *("auth.channel_session", "auth.channel_session_user", "auth.channel_session_user_from_http"),
        *("auth.http_session", "auth.http_session_user", "auth.channel_and_http_session_user_from_http"),
        *("auth.channel_and_http_session", "auth.transfer_user"),
    ),
    **_channels(
        "2.0",
        '`SessionMiddlewareStack`, and `self.scope["session"]` in the consumer',
        *("sessions.channel_session", "sessions.http_session", "sessions.channel_and_http_session"),
    ),
    **_channels("2.0", "the methods of a consumer", "message"),
    **_channels("2.0", "nothing: a consumer gets its frames in order", "sessions.enforce_ordering"),
    **_channels("2.0", "signals of Django and the channel layer", "binding"),
    **_channels("2.0", "a task queue", "delay"),
    **_channels("2.0", "`get_asgi_application()`", "handler"),
    **_channels("2.0.1", "`channels.security.websocket` (no final s)", "security.websockets"),
    **_channels("2.0", "`channels.testing`", "test", "tests"),
    # Channels 3 → 4: HTTP is Django's own, runserver went to daphne
    **_channels("4.0", "`django.core.asgi.get_asgi_application()`", "http"),
    **_channels("4.0", "`django.contrib.staticfiles.handlers.ASGIStaticFilesHandler`", "staticfiles"),
    **_channels("4.0", "daphne's runserver", "management.commands.runserver"),
    **_channels("4.0", "nothing: it is done without", "hacks"),
    **_channels("4.0", "`connect()` and `disconnect()` of the consumer", "signals"),
    # Django
    **_django("2.0", "django.urls", "core.urlresolvers"),
    **_django("4.0", "django.urls.re_path", "conf.urls.url"),
    **_django("4.0", "django.utils.encoding.force_str", "utils.encoding.force_text"),
    **_django("4.0", "django.utils.encoding.smart_str", "utils.encoding.smart_text"),
    **_django("4.0", "django.utils.translation.gettext", "utils.translation.ugettext"),
    **_django("4.0", "django.utils.translation.gettext_lazy", "utils.translation.ugettext_lazy"),
    **_django("4.0", "django.utils.translation.ngettext", "utils.translation.ungettext"),
    **_django("4.0", "django.utils.http.url_has_allowed_host_and_scheme", "utils.http.is_safe_url"),
    **_django("4.0", "django.utils.translation.gettext_noop", "utils.translation.ugettext_noop"),
    **_django("4.0", "django.utils.translation.ngettext_lazy", "utils.translation.ungettext_lazy"),
    **_django("4.0", "urllib.parse.quote", "utils.http.urlquote"),
    **_django("4.0", "urllib.parse.unquote", "utils.http.urlunquote"),
    "django.utils.timezone.utc": Removed("django", "5.0", "`datetime.timezone.utc`"),
}


def removed(dotted: str) -> tuple[str, Removed] | None:
    """The entry of a dotted name, or of a module that it lies in."""
    while dotted:
        if dotted in REMOVED:
            return dotted, REMOVED[dotted]
        dotted = dotted.rpartition(".")[0]
    return None
