"""What json.dumps() refuses: the calls and model fields whose values are of such a type.

Source: the conversion table of the `json` module's documentation (a value of any other type is a TypeError), the
constructors of `datetime`, `uuid` and `decimal`, and the Python types that Django's field reference names.
"""

from __future__ import annotations

REFUSED_CALLS = {
    **{f"datetime.datetime.{name}": "datetime" for name in ("now", "utcnow", "today", "fromtimestamp", "fromisoformat",
        "strptime", "combine")},
    "datetime.datetime": "datetime",
    "datetime.date": "date",
    "datetime.date.today": "date",
    "datetime.date.fromisoformat": "date",
    "datetime.time": "time",
    "datetime.timedelta": "timedelta",
    "django.utils.timezone.now": "datetime",
    "django.utils.timezone.localtime": "datetime",
    "django.utils.timezone.localdate": "date",
    "django.utils.timezone.timedelta": "timedelta",
    "django.utils.timezone.make_aware": "datetime",
    "uuid.UUID": "UUID",
    "uuid.uuid1": "UUID",
    "uuid.uuid4": "UUID",
    "uuid.uuid5": "UUID",
    "decimal.Decimal": "Decimal",
    "builtins.set": "set",
    "builtins.frozenset": "frozenset",
    "builtins.bytes": "bytes",
    "django.utils.translation.gettext_lazy": "__proxy__",
    "django.utils.translation.ugettext_lazy": "__proxy__",
}  # fmt: skip
"""Calls by dotted name, with the type that the TypeError names."""

KEPT_TYPES = {"astimezone": "datetime", "replace": "datetime", "date": "date", "time": "time"}
"""Methods of a datetime that give one again, or a part that is refused too."""

REFUSED_FIELDS = {
    "DateTimeField": "datetime",
    "DateField": "date",
    "TimeField": "time",
    "DurationField": "timedelta",
    "UUIDField": "UUID",
    "DecimalField": "Decimal",
    "FileField": "FieldFile",
    "ImageField": "ImageFieldFile",
    "BinaryField": "bytes",
}
"""Fields of django.db.models."""
