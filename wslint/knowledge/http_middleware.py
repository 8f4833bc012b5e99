"""Middleware for Django's MIDDLEWARE setting: called with a request, and no ASGI application."""

from __future__ import annotations

import re

MIDDLEWARE_MIXIN = "django.utils.deprecation.MiddlewareMixin"

_OF_DJANGO = re.compile(r"django\.(?:middleware|contrib\.\w+\.middleware)\.(?:\w+\.)?\w+Middleware\w*")

_OTHERS = frozenset(
    {
        "allauth.account.middleware.AccountMiddleware",
        "corsheaders.middleware.CorsMiddleware",
        "debug_toolbar.middleware.DebugToolbarMiddleware",
        "django_otp.middleware.OTPMiddleware",
        "simple_history.middleware.HistoryRequestMiddleware",
        "whitenoise.middleware.WhiteNoiseMiddleware",
    }
)
"""Entries that the packages' own installation pages put into MIDDLEWARE."""


def is_http_middleware(dotted: str) -> bool:
    """Is a dotted name such a middleware (or their base), of Django or of a well-known package?"""
    return dotted == MIDDLEWARE_MIXIN or dotted in _OTHERS or _OF_DJANGO.fullmatch(dotted) is not None
