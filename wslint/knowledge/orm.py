"""Names of Django's ORM: what builds a query, what runs one, what runs it asynchronously and since when.

Sources: django.db.models.query.QuerySet, .manager, .base.Model and .fields.related_descriptors of Django 3.2 to 5.2;
the "asynchronous" lists of the QuerySet API reference and the release notes of 4.1, 4.2, 5.0, 5.1 and 5.2;
the proofs of WS506, WS507, WS508, WS510 and WS514 for what is seen of it.
"""

from __future__ import annotations

MODEL_BASES = frozenset({"django.db.models.Model", "django.db.models.base.Model"})

USER = "django.contrib.auth.models.User"
USER_BASES = frozenset(
    {
        USER,
        "django.contrib.auth.models.AbstractUser",
        "django.contrib.auth.models.AbstractBaseUser",
        "django.contrib.auth.models.PermissionsMixin",
        "django.contrib.auth.base_user.AbstractBaseUser",
    }
)

OTHER_MODELS = frozenset({"keras", "mongoengine", "odoo", "ormar", "peewee", "pydantic", "tensorflow", "tortoise"})
"""Packages whose `models` modules hold something else than Django models."""

GET_USER_MODEL = "django.contrib.auth.get_user_model"
GET_MODEL = frozenset({"django.apps.apps.get_model"})
AUTH_USER_MODEL = "django.conf.settings.AUTH_USER_MODEL"

MANAGER_BASES = frozenset(
    {
        "django.db.models.Manager",
        "django.db.models.manager.Manager",
        "django.db.models.manager.BaseManager",
        "django.contrib.auth.models.UserManager",
        "django.contrib.auth.models.BaseUserManager",
        "django.contrib.auth.base_user.BaseUserManager",
    }
)
QUERYSET_BASES = frozenset({"django.db.models.QuerySet", "django.db.models.query.QuerySet"})

FOREIGN_KEYS = ("ForeignKey", "OneToOneField", "ParentalKey", "OneToOneRel")
"""How the names of field classes end that lead to one object (mptt's TreeForeignKey, modelcluster's ParentalKey …)."""

MANY_FIELDS = ("ManyToManyField", "GenericRelation", "TaggableManager")
"""How the names of field classes end whose attribute is a manager."""

MODEL_COLUMNS = frozenset(
    {"id", "pk", "_state", "_meta", "DoesNotExist", "MultipleObjectsReturned", "__class__", "__dict__"}
)

KNOWN_COLUMNS = {
    USER: frozenset(
        "backend date_joined email first_name is_active is_anonymous is_authenticated is_staff is_superuser last_login "
        "last_name password username".split()
    ),
    "rest_framework.authtoken.models.Token": frozenset({"created", "key", "user_id"}),
}
"""Attributes of installed models that are at hand once the object is."""

KNOWN_RELATIONS: dict[str, dict[str, tuple[str, str | None]]] = {
    USER: {
        "groups": ("many", "django.contrib.auth.models.Group"),
        "user_permissions": ("many", "django.contrib.auth.models.Permission"),
    },
    "rest_framework.authtoken.models.Token": {"user": ("one", None)},
    "django.contrib.contenttypes.models.ContentType": {},
    "django.contrib.auth.models.Group": {
        "permissions": ("many", "django.contrib.auth.models.Permission"),
        "user_set": ("many", None),
    },
}
"""Relations of installed models: (to one or to many, the model; None is the user model)."""

BUILDS = frozenset(
    "alias all annotate complex_filter defer difference distinct exclude extra filter intersection none only order_by "
    "prefetch_related reverse select_for_update select_related union using".split()
)
"""Methods that only build a queryset of instances."""

BUILDS_ROWS = frozenset({"dates", "datetimes", "values", "values_list"})
"""Methods that only build a queryset of something else."""

ONE = frozenset("create earliest first get last latest".split())
"""Methods that run a query and give an instance."""

PAIR = frozenset({"get_or_create", "update_or_create"})
"""Methods that run a query and give (instance, whether it was made)."""

PLAIN = frozenset("aggregate bulk_create bulk_update contains count delete exists explain in_bulk update".split())
"""Methods that run a query and give something else."""

QUERIES = ONE | PAIR | PLAIN

USER_MANAGER = {"create_user": (5, 2), "create_superuser": (5, 2), "get_by_natural_key": (5, 2)}
"""Methods of the user manager that run a query, with the version that brought their `a` form."""

RELATED_QUERIES = frozenset({"add", "remove", "clear", "set"})
"""Methods of a related manager that run a query."""

ASYNC_QUERYSET = (4, 1)
"""The version that brought `aget()`, `acreate()`, `aiterator()` …, and `async for` over a queryset."""

ASYNC_MODEL = (4, 2)
"""The version that brought `asave()`, `adelete()`, `arefresh_from_db()`, and `aadd()` … of related managers."""

INSTANCE_QUERIES = {"save": ASYNC_MODEL, "delete": ASYNC_MODEL, "refresh_from_db": ASYNC_MODEL}
"""Methods of an instance that run a query."""

PERMISSION_QUERIES = frozenset(
    "get_all_permissions get_group_permissions get_user_permissions has_module_perms has_perm has_perms".split()
)
"""Methods of a user that run a query the first time; their `a` forms came with 5.2."""

SESSION_QUERIES = frozenset("create cycle_key delete flush save".split())
"""Methods of a session that run a query when it is kept in the database."""

ASYNC_SESSION = (5, 1)
"""The version that brought `asave()`, `aflush()` … of sessions."""

SESSION_ENGINES = frozenset({"django.contrib.sessions.backends.db", "django.contrib.sessions.backends.cached_db"})
"""Where sessions are kept in the database; the first is Django's default."""

FUNCTIONS = {
    "django.shortcuts.get_object_or_404": (5, 0),
    "django.shortcuts.get_list_or_404": (5, 0),
    "django.contrib.auth.authenticate": (5, 0),
    "django.db.models.prefetch_related_objects": (5, 0),
}
"""Functions that run a query, with the version that brought their `a` form."""

GIVES_USER = frozenset(
    {"django.contrib.auth.authenticate", "django.contrib.auth.aauthenticate", "channels.auth.get_user"}
)

CURSORS = frozenset({"django.db.connection.cursor", "django.db.connection.ensure_connection"})
ATOMIC = frozenset({"django.db.transaction.atomic"})

TOKEN_AUTHENTICATORS = {
    "rest_framework.authentication.TokenAuthentication": frozenset({"authenticate_credentials"}),
    "rest_framework_simplejwt.authentication.JWTAuthentication": frozenset({"get_user"}),
    "rest_framework_simplejwt.authentication.JWTTokenUserAuthentication": frozenset(),
    "knox.auth.TokenAuthentication": frozenset({"authenticate_credentials"}),
}
"""Methods of authenticators that look something up in the database."""

MODEL_SERIALIZERS = frozenset(
    {
        "rest_framework.serializers.ModelSerializer",
        "rest_framework.serializers.HyperlinkedModelSerializer",
    }
)
SERIALIZERS = MODEL_SERIALIZERS | {"rest_framework.serializers.Serializer"}

LAZY_SERIALIZER_FIELDS = ("StringRelatedField", "SlugRelatedField", "ManyRelatedField")
"""Serializer fields that read the related object (a PrimaryKeyRelatedField to one object does not)."""

CONSUMING = frozenset(
    f"builtins.{name}"
    for name in "all any bool dict enumerate frozenset len list max min next print repr reversed set "
    "sorted str sum tuple zip".split()
)
"""Builtins that read a queryset given to them."""

THREAD_WRAPPERS = frozenset(
    {"asgiref.sync.sync_to_async", "channels.db.database_sync_to_async", "asgiref.sync.SyncToAsync"}
)
"""Wrappers that give a coroutine function which runs the wrapped one in a thread."""

THREAD_CALLS = frozenset({"asyncio.to_thread", "anyio.to_thread.run_sync"})
"""Functions that run their first argument in a thread, with the rest as its arguments."""

CLOSES = frozenset(
    {
        "django.db.close_old_connections",
        "django.db.connection.close",
        "django.db.connections.close_all",
        "django.db.close_connection",
    }
)
"""What gives a thread's database connections back."""

REFUSAL = (
    "django.core.exceptions.SynchronousOnlyOperation: You cannot call this from an async context - use a thread or "
    "sync_to_async."
)
"""What a query on the event loop raises."""

UNSAFE_SWITCH = "DJANGO_ALLOW_ASYNC_UNSAFE"
