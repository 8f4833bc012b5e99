"""What decodes a token, and what it raises for one that is wrong (read in the packages' own sources)."""

from __future__ import annotations

from typing import NamedTuple

BROAD = frozenset({"builtins.Exception", "builtins.BaseException"})


class Failure(NamedTuple):
    """The exception of a wrong token as users write it, and the dotted names of the handlers that take it."""

    error: str
    caught_by: frozenset[str]


def _failure(error: str, *names: str) -> Failure:
    return Failure(error, BROAD.union(names))


def _both(package: str, *names: str) -> list[str]:
    """Names that a package has at its top and in its module `exceptions`."""
    return [f"{package}.{module}{name}" for name in names for module in ("", "exceptions.")]


DRF = "rest_framework.exceptions."
SIMPLE = "rest_framework_simplejwt."

PYJWT = _failure("jwt.DecodeError", *_both("jwt", "DecodeError", "InvalidTokenError", "PyJWTError"))
JOSE = _failure("jose.JWTError", *_both("jose", "JWTError", "JOSEError"))
SIMPLE_TOKEN = _failure("TokenError", SIMPLE + "exceptions.TokenError")
SIMPLE_BACKEND = _failure("TokenBackendError", SIMPLE + "exceptions.TokenBackendError")
SIMPLE_INVALID = _failure(
    "InvalidToken",
    *(SIMPLE + "exceptions." + name for name in ("InvalidToken", "AuthenticationFailed")),
    *(DRF + name for name in ("AuthenticationFailed", "APIException")),
)
FAILED = _failure("AuthenticationFailed", DRF + "AuthenticationFailed", DRF + "APIException")
SIGNATURE = _failure("BadSignature", "django.core.signing.BadSignature")

DECODERS: dict[str, Failure] = {
    "jwt.decode": PYJWT,
    "jwt.api_jwt.decode": PYJWT,
    "jwt.get_unverified_header": PYJWT,
    "jose.jwt.decode": JOSE,
    "django.core.signing.loads": SIGNATURE,
    SIMPLE + "tokens.AccessToken": SIMPLE_TOKEN,
    SIMPLE + "tokens.RefreshToken": SIMPLE_TOKEN,
    SIMPLE + "tokens.SlidingToken": SIMPLE_TOKEN,
    SIMPLE + "tokens.UntypedToken": SIMPLE_TOKEN,
    SIMPLE + "state.token_backend.decode": SIMPLE_BACKEND,
}
"""Calls that are given a token and raise for a wrong one.

SimpleJWT: the token classes raise TokenError; InvalidToken, which is no TokenError, comes from JWTAuthentication.
"""

JUDGES: dict[tuple[str, str], Failure] = {
    (SIMPLE + "authentication.JWTAuthentication", "get_validated_token"): SIMPLE_INVALID,
    (SIMPLE + "authentication.JWTStatelessUserAuthentication", "get_validated_token"): SIMPLE_INVALID,
    (SIMPLE + "authentication.JWTTokenUserAuthentication", "get_validated_token"): SIMPLE_INVALID,
    ("rest_framework.authentication.TokenAuthentication", "authenticate_credentials"): FAILED,
    ("django.core.signing.Signer", "unsign"): SIGNATURE,
    ("django.core.signing.TimestampSigner", "unsign"): SIGNATURE,
}
"""Methods of external classes that do the same: (class, method)."""

PARSERS = frozenset({"urllib.parse.parse_qs", "django.http.QueryDict", "django.http.request.QueryDict"})
"""Calls that make a mapping of a query string; it has the parameters that the client sent."""

API_TOKENS = frozenset(
    {
        "rest_framework.authentication.TokenAuthentication",
        "rest_framework_jwt.authentication.JSONWebTokenAuthentication",
        "knox.auth.TokenAuthentication",
        "oauth2_provider.contrib.rest_framework.OAuth2Authentication",
        *(SIMPLE + "authentication.JWT" + name for name in ("Authentication", "StatelessUserAuthentication")),
        SIMPLE + "authentication.JWTTokenUserAuthentication",
    }
)
"""Authentication classes of Django REST framework that read an Authorization header and know no session."""

SESSION_LOGIN = (
    rb"contrib\.auth\s+import\s*(\([^)]*|[^\n]*)\ba?login\b|\b(auth\.|auth_)a?login\b|\ba?login\(\s*(self\.)?_?request\b"
    rb"|LoginView|contrib\.auth\.urls|SessionAuthentication|rest_framework\.urls|allauth|rest_auth|social_(django|core)"
    rb"|mozilla_django_oidc|djangosaml|cas_ng|django_cas|two_factor|RemoteUserMiddleware|SESSION_KEY|\.session\b"
)
"""How a project logs people in by session (the admin's own login left out)."""
