"""What a serializer of Django REST framework reads of an object that is not loaded with it."""

from __future__ import annotations

from collections.abc import Iterator

from wslint.facts import model as m
from wslint.knowledge import orm as known
from wslint.stack.code.classes import Class
from wslint.stack.code.values import ClassValue, ExternalValue, argument
from wslint.stack.database.orm import Orm
from wslint.stack.database.orm_kinds import Instance


def unloaded(orm: Orm, cls: Class, source: Instance) -> str | None:
    """The first field for which `.data` queries the database; None when none surely does."""
    if source.model is None or source.joined is None or cls.defines("to_representation"):
        return None
    heads = {path.partition("__")[0] for path in source.joined}
    shown = _shown(cls)
    for name, attribute, reads_one in _fields(orm, cls):
        relation = orm.schema.relation(source.model, attribute)
        if relation is None or attribute in heads or (shown is not None and name not in shown):
            continue
        if relation.many or reads_one:
            return name
    for name in shown or ():
        relation = orm.schema.relation(source.model, name)
        if relation is not None and relation.many and name not in heads and not _declares(cls, name):
            return name
    return None


def _fields(orm: Orm, cls: Class) -> Iterator[tuple[str, str, bool]]:
    """(name, attribute of the object, whether it reads more of a related object than its key) of declared fields."""
    for base in cls.ancestry:
        for name, bindings in base.scope_inside.bindings.items():
            call = bindings[-1].value
            if not isinstance(call, m.Call):
                continue
            source = argument(call, 99, "source")
            path = source.value if isinstance(source, m.Constant) else name
            if not isinstance(path, str) or (source is not None and not isinstance(source, m.Constant)):
                continue
            first, _, rest = path.partition(".")
            yield name, first, bool(rest) or _reads_object(orm, call, base)


def _reads_object(orm: Orm, call: m.Call, cls: Class) -> bool:
    match orm.values.one(call.func, cls.frame):
        case ClassValue(cls=nested):
            return nested.derives_from(*known.SERIALIZERS)
        case ExternalValue(dotted=dotted):
            return dotted.endswith(known.LAZY_SERIALIZER_FIELDS)
        case _:
            return False


def _shown(cls: Class) -> tuple[str, ...] | None:
    """The names in `Meta.fields`; None when they are not a plain list."""
    for base in cls.ancestry:
        for binding in base.scope_inside.bindings.get("Meta", ()):
            if not isinstance(binding.source, m.ClassDef):
                continue
            for statement in binding.source.body:
                match statement:
                    case m.Assign(targets=(m.Name(id="fields"),), value=m.Sequence(items=items)):
                        names = [item.value for item in items if isinstance(item, m.Constant)]
                        return tuple(name for name in names if isinstance(name, str))
                    case _:
                        pass
            return None
    return None


def _declares(cls: Class, name: str) -> bool:
    return any(name in base.scope_inside.bindings for base in cls.ancestry)
