"""APIs that know tokens only: whoever logs in there has no session."""

from __future__ import annotations

import re

from wslint.discover import mentions
from wslint.knowledge.tokens import API_TOKENS, SESSION_LOGIN
from wslint.location import Location
from wslint.stack.code.lists import Lists
from wslint.stack.layers.layers import dict_entries
from wslint.stack.model import Settings, Stack, is_test_path, is_vendored_path
from wslint.stack.settings.environment import Option

_LOGIN = re.compile(SESSION_LOGIN)
_NEEDLES = tuple(
    b"login auth.urls LoginView SessionAuthentication rest_framework.urls allauth rest_auth social_ oidc djangosaml "
    b"cas two_factor RemoteUser SESSION_KEY .session".split()
)


def token_classes(stack: Stack, settings: Settings) -> Location | None:
    """Where a project says that its API takes tokens and nothing else; None when there may be another way."""
    found: Location | None = None
    for setting in settings.get("REST_FRAMEWORK"):
        entries, _ = dict_entries(stack, setting.expr, setting.frame)
        options = entries.get("DEFAULT_AUTHENTICATION_CLASSES", ())
        if not options or setting.parents or not all(_are_tokens(stack, option) for option in options):
            return None
        found = found or options[0].key_location
    return found


def _are_tokens(stack: Stack, option: Option) -> bool:
    items = Lists(stack.values).of(option.expr, option.frame)
    names = [stack.values.constant(expr, frame) for expr, frame in items.items]
    return items.complete and bool(names) and all(name in API_TOKENS for name in names)


def has_session_login(stack: Stack) -> bool:
    """Does anything in the project log people in by session, or speak of sessions? The admin's login left out."""
    return any(
        _LOGIN.search(source)
        for path, source in mentions(stack.tree, _NEEDLES).items()
        if not is_test_path(path) and not is_vendored_path(path)
    )
