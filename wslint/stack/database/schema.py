"""The project's Django models: which classes they are, and which attributes of an object lead to other objects.

Nothing is imported: a field is the call in the class body, a related model is found by class, by "app.Model", or by
AUTH_USER_MODEL. What an accessor of the other side is called (`room.message_set`) is read from the models around it.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property

from wslint.discover import mentions
from wslint.facts import model as m
from wslint.knowledge import orm as known
from wslint.stack.code.classes import Class
from wslint.stack.code.functions import classes
from wslint.stack.code.link import Module
from wslint.stack.code.values import CallValue, ClassValue, ExternalValue, Frame, Literal, Value, argument
from wslint.stack.model import Stack, is_test_path

_FIELDS: tuple[bytes, ...] = (b"ForeignKey", b"OneToOneField", b"ManyToManyField")
MAX_FILES = 400
"""How many model files are read for the accessors of the other side."""


@dataclass(eq=False, frozen=True)
class Model:
    """A model; `cls` when it is the project's, `dotted` when it is a known one of a package."""

    name: str
    cls: Class | None = None
    dotted: str | None = None

    @property
    def is_user(self) -> bool:
        """Is it the user model, as far as that can be seen?"""
        return self.dotted == known.USER or (self.cls is not None and self.cls.derives_from(*known.USER_BASES))


@dataclass(eq=False, frozen=True)
class Relation:
    """An attribute that leads to another model: to one object or, through a manager, to many.

    `back` is the field on the other side that holds this object once it is followed.
    """

    name: str
    many: bool
    target: Model | None
    back: str | None = None


class Schema:
    """The models of one stack."""

    def __init__(self, stack: Stack) -> None:
        self.stack = stack
        self.values = stack.values
        self._models: dict[int | str, Model] = {}
        self._fields: dict[tuple[int, str], Relation | str | None] = {}

    # --- which class is a model ---

    def of_class(self, cls: Class) -> Model | None:
        """The model that a project class is."""
        if id(cls) not in self._models:
            if not any(_is_model_base(base) for base in cls.externals):
                return None
            self._models[id(cls)] = Model(cls.name, cls=cls)
        return self._models[id(cls)]

    def of_name(self, dotted: str) -> Model | None:
        """The model that a name of a package is."""
        if dotted not in self._models:
            head, _, name = dotted.rpartition(".")
            module = head.rpartition(".")[2]
            if not name[:1].isupper() or module != "models" or dotted.partition(".")[0] in known.OTHER_MODELS:
                return None
            if dotted in known.MODEL_BASES or dotted.startswith("django.db."):
                return None
            self._models[dotted] = Model(name, dotted=dotted)
        return self._models[dotted]

    def of_value(self, value: Value, path: str) -> Model | None:
        """The model that a value is (the class, not an object)."""
        match value:
            case ClassValue():
                return self.of_class(value.cls)
            case ExternalValue(dotted=known.AUTH_USER_MODEL):
                return self.user(path)
            case ExternalValue():
                return self.of_name(value.dotted)
            case CallValue(dotted=known.GET_USER_MODEL):
                return self.user(path)
            case CallValue(dotted=dotted) if dotted in known.GET_MODEL:
                return self._got(value, path)
        return None

    def _got(self, value: CallValue, path: str) -> Model | None:
        """`apps.get_model("app.Model")` or `apps.get_model("app", "Model")`."""
        words = [self.values.constant(arg.value, value.frame) for arg in value.node.args]
        text = ".".join(word for word in words if isinstance(word, str))
        return self.named(text, path) if text.count(".") == 1 else None

    def user(self, path: str) -> Model:
        """The user model of the project that a file belongs to."""
        unknown = self._models.setdefault("user", Model("User"))
        settings = self.stack.settings_for(path)
        if settings is None:
            return unknown
        names = {
            value.value if isinstance(value, Literal) else None
            for setting in settings.get("AUTH_USER_MODEL")
            for value in self.values.of(setting.expr, setting.frame)
        }
        if not names:
            return (
                self._models.setdefault(known.USER, Model("User", dotted=known.USER)) if settings.complete else unknown
            )
        name = names.pop()
        found = self.named(name, path) if not names and isinstance(name, str) else None
        return found or unknown

    def named(self, text: str, path: str, near: Class | None = None) -> Model | None:
        """The model that a text names: "app.Model", or "Model" beside a class."""
        label, _, name = text.rpartition(".")
        if not label and near is not None:
            found = self._in_module(near.module, name)
            if found is not None:
                return found
            label = _label(near.path)
        if not label:
            return None
        for other in self._files_by_label.get(label, ()):
            module = self.stack.modules.at(other)
            found = self._in_module(module, name) if module is not None else None
            if found is not None:
                return found
        return None

    @cached_property
    def _files_by_label(self) -> dict[str, list[str]]:
        found: dict[str, list[str]] = {}
        for path in self.stack.modules.tree.python:
            if _is_model_file(path.split("/")):
                found.setdefault(_label(path), []).append(path)
        return found

    def _in_module(self, module: Module, name: str) -> Model | None:
        for binding in module.scope.bindings.get(name, ()):
            if isinstance(binding.source, m.ClassDef):
                return self.of_class(self.values.cls(binding.source, module.scope))
        return None

    # --- attributes ---

    def relation(self, model: Model, name: str) -> Relation | None:
        """The relation that an attribute of an object is."""
        found = self._member(model, name)
        return found if isinstance(found, Relation) else None

    def has(self, model: Model, name: str) -> bool:
        """Is an attribute surely at hand once the object is?"""
        return self._member(model, name) == "column"

    def _member(self, model: Model, name: str) -> Relation | str | None:
        key = (id(model), name)
        if key not in self._fields:
            self._fields[key] = self._find(model, name)
        return self._fields[key]

    def _find(self, model: Model, name: str) -> Relation | str | None:
        if name in known.MODEL_COLUMNS:
            return "column"
        if model.cls is not None:
            for cls in model.cls.ancestry:
                if name in cls.scope_inside.bindings:
                    return self._field(cls, name)
            for attr in [*model.cls.instance_assignments]:
                if attr == name:
                    return "column"
            if name.endswith("_id") and isinstance(self._own(model.cls, name[:-3]), Relation):
                return "column"
        dotted = known.USER if model.is_user else model.dotted or ""
        if name in known.KNOWN_COLUMNS.get(dotted, ()):
            return "column"
        kept = known.KNOWN_RELATIONS.get(dotted, {}).get(name)
        if kept is not None:
            target = self.of_name(kept[1]) if kept[1] else self.user(model.cls.path if model.cls else "")
            return Relation(name, kept[0] == "many", target)
        return self._backward(model, name)

    def _own(self, cls: Class, name: str) -> Relation | str | None:
        for base in cls.ancestry:
            if name in base.scope_inside.bindings:
                return self._field(base, name)
        return None

    def _field(self, cls: Class, name: str) -> Relation | str | None:
        """What a name in a model's body is: a relation, a column (or constant), or None (methods and others)."""
        binding = cls.scope_inside.bindings[name][-1]
        call = binding.value
        if isinstance(binding.source, m.FunctionDef) or binding.path != ():
            return None
        if not isinstance(call, m.Call):
            return "column"
        kind = self._field_class(call, cls.frame)
        if kind.endswith("GenericForeignKey"):
            return Relation(name, False, None)
        if kind.endswith(known.FOREIGN_KEYS):
            return Relation(name, False, self._target(call, cls))
        if kind.endswith(known.MANY_FIELDS):
            return Relation(name, True, self._target(call, cls))
        return "column" if kind.endswith("Field") else None

    def _field_class(self, call: m.Call, frame: Frame) -> str:
        value = self.values.one(call.func, frame)
        if isinstance(value, ClassValue):
            return next((base for base in value.cls.externals), "")
        return value.dotted if isinstance(value, ExternalValue) else ""

    def _target(self, call: m.Call, cls: Class) -> Model | None:
        expr = argument(call, 0, "to")
        if expr is None:
            return None
        for value in self.values.of(expr, cls.frame):
            if isinstance(value, Literal) and isinstance(value.value, str):
                text = value.value
                return self.of_class(cls) if text == "self" else self.named(text, cls.path, cls)
            found = self.of_value(value, cls.path)
            if found is not None:
                return found
        return None

    # --- accessors of the other side ---

    def _backward(self, model: Model, name: str) -> Relation | None:
        lines = {id(line) for line in self._line(model)}
        for accessor, many, target, source, back in self._accessors:
            if accessor == name and id(target) in lines:
                return Relation(name, many, source, back)
        return None

    def _line(self, model: Model) -> Iterator[Model]:
        """A model and those it derives from."""
        yield model
        for base in model.cls.ancestry[1:] if model.cls is not None else ():
            found = self.of_class(base)
            if found is not None:
                yield found

    @cached_property
    def _accessors(self) -> tuple[tuple[str, bool, Model, Model, str], ...]:
        return tuple(self._find_accessors())

    @cached_property
    def of_users(self) -> frozenset[str]:
        """The names of the models whose objects belong to users: they have a relation to the user model."""
        return frozenset(source.name for _, _, target, source, _ in self._accessors if target.is_user)

    def _find_accessors(self) -> Iterator[tuple[str, bool, Model, Model, str]]:
        """(accessor, whether it leads to many, the model that has it, the other model, the field over there)."""
        modules = self.stack.modules
        paths = [
            path
            for path in self.stack.concerned
            if "model" in path.lower() and "/migrations/" not in path and not is_test_path(path)
        ]
        for path in sorted(mentions(modules.tree, _FIELDS, paths))[:MAX_FILES]:
            module = modules.at(path)
            for cls in classes(module, self.values) if module is not None else ():
                model = self.of_class(cls)
                if model is None or _is_abstract(cls):
                    continue
                for base in cls.ancestry:
                    for name in base.scope_inside.bindings:
                        yield from self._accessor(model, cls, base, name)

    def _accessor(
        self, model: Model, cls: Class, base: Class, name: str
    ) -> Iterator[tuple[str, bool, Model, Model, str]]:
        relation = self._field(base, name)
        if not isinstance(relation, Relation) or relation.target is None:
            return
        call = base.scope_inside.bindings[name][-1].value
        assert isinstance(call, m.Call)
        single = self._field_class(call, base.frame).endswith(("OneToOneField", "OneToOneRel"))
        given = argument(call, 99, "related_name")
        accessor: object = cls.name.lower() + ("" if single else "_set")
        if given is not None:
            accessor = self.values.constant(given, base.frame)
            if not isinstance(accessor, str) or accessor.endswith("+"):
                return
            accessor = accessor.replace("%(class)s", cls.name.lower()).replace("%(app_label)s", _label(cls.path))
        back = name if not relation.many else None
        yield str(accessor), not single, relation.target, model, back or ""


def schema_of(stack: Stack) -> Schema:
    """The models of a stack, found once."""
    found: Schema | None = stack.__dict__.get("_schema")
    if found is None:
        found = stack.__dict__["_schema"] = Schema(stack)
    return found


def _is_model_base(dotted: str) -> bool:
    if dotted in known.MODEL_BASES or dotted in known.USER_BASES:
        return True
    head, _, name = dotted.rpartition(".")
    return (
        name[:1].isupper()
        and head.rpartition(".")[2] in ("models", "base_models", "abstract_models", "base_user")
        and dotted.partition(".")[0] not in known.OTHER_MODELS
        and not dotted.startswith("django.db.")
    )


def _is_model_file(folders: list[str]) -> bool:
    return folders[-1] == "models.py" or "models" in folders[:-1]


def _label(path: str) -> str:
    """The app label of a models file: the package around it."""
    folders = path.split("/")[:-1]
    if "models" in folders:
        folders = folders[: len(folders) - 1 - folders[::-1].index("models")]
    return folders[-1] if folders else ""


def _is_abstract(cls: Class) -> bool:
    for binding in cls.scope_inside.bindings.get("Meta", ()):
        if isinstance(binding.source, m.ClassDef):
            for statement in binding.source.body:
                match statement:
                    case m.Assign(targets=(m.Name(id="abstract"),), value=m.Constant(value=True)):
                        return True
    return False
