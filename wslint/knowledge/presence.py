"""Method names with which code says that somebody is here, and takes it back.

Sources: QuerySet and Model of Django 5.2, django.core.cache.backends.base.BaseCache (whose default timeout is 300
seconds), redis-py 7 (Redis commands of the same names).
"""

from __future__ import annotations

SAVES = frozenset({"save", "asave"})
UPDATES = frozenset({"update", "aupdate", "update_or_create", "aupdate_or_create", "get_or_create", "aget_or_create"})
QUERIES = frozenset({"objects", "filter", "all", "exclude", "get_queryset", "select_related"})
CREATES = frozenset({"create", "acreate", *UPDATES} - {"update", "aupdate"})
DELETES = frozenset({"delete", "adelete"})

COUNTS = {
    "incr": 1,
    "aincr": 1,
    "incrby": 1,
    "decr": -1,
    "adecr": -1,
    "decrby": -1,
}
MEMBERS = {
    "sadd": 1,
    "hset": 1,
    "lpush": 1,
    "rpush": 1,
    "srem": -1,
    "hdel": -1,
    "lrem": -1,
}
"""Members of sets, hashes and lists. A sorted set is most often ordered by time, so that old members can be told."""

MANY = {"add": 1, "aadd": 1, "remove": -1, "aremove": -1}
"""Methods of the manager of a many-to-many field."""

SETS = frozenset({"set", "aset"})

STORES = frozenset({"zadd", "hset", "hmset", "setex", "psetex", "set_many", "aset_many"})

EXPIRES = frozenset({"expire", "pexpire", "expireat", "pexpireat", "setex", "psetex", "touch", "atouch"})
LIFETIMES = frozenset({"timeout", "ex", "px", "exat", "pxat", "ttl"})

NOW = frozenset(
    {
        "django.utils.timezone.now",
        "datetime.datetime.now",
        "datetime.datetime.utcnow",
        "time.time",
    }
)
COMPARISONS = ("__lt", "__lte", "__gt", "__gte")
