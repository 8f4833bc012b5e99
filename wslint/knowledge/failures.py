"""Exceptions whose text tells about the inside of a server: SQL, hosts, paths, answers of other services."""

from __future__ import annotations

CLIENT_ERRORS = (
    "django.db.Error",
    "django.db.DatabaseError",
    "django.db.IntegrityError",
    "django.db.OperationalError",
    "django.db.ProgrammingError",
    "django.db.InterfaceError",
    "django.db.InternalError",
    "django.db.DataError",
    "django.db.utils.",
    "psycopg2.",
    "psycopg.",
    "sqlite3.",
    "MySQLdb.",
    "pymongo.errors.",
    "redis.exceptions.",
    "redis.RedisError",
    "redis.ConnectionError",
    "requests.RequestException",
    "requests.HTTPError",
    "requests.ConnectionError",
    "requests.exceptions.",
    "httpx.HTTPError",
    "httpx.HTTPStatusError",
    "httpx.RequestError",
    "httpx.ConnectError",
    "aiohttp.ClientError",
    "aiohttp.ClientConnectorError",
    "aiohttp.ClientResponseError",
    "urllib.error.",
    "botocore.exceptions.",
)
"""Errors of databases and of clients of other services; a name that ends in a dot stands for all of its module."""

TRACEBACKS = frozenset(
    {
        "traceback.format_exc",
        "traceback.format_exception",
        "traceback.format_exception_only",
        "traceback.format_tb",
        "traceback.format_stack",
        "sys.exc_info",
    }
)
"""Functions that give the exception being handled, or where it was raised."""


def is_client_error(dotted: str) -> bool:
    return any(dotted.startswith(name) if name.endswith(".") else dotted == name for name in CLIENT_ERRORS)
