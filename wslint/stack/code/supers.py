"""`super()`: where it begins to look for a method."""

from __future__ import annotations

from typing import TypeGuard

from wslint.facts import model as m
from wslint.stack.code.classes import Class, Method
from wslint.stack.code.values import ClassValue, Frame


def is_super(expr: m.Expr) -> TypeGuard[m.Call]:
    """Is an expression `super()` or `super(Class, self)`?"""
    return isinstance(expr, m.Call) and isinstance(expr.func, m.Name) and expr.func.id == "super"


def super_owner(call: m.Call, owner: Class | None, frame: Frame) -> Class | None:
    """The class behind which `super()` looks: `owner`, in whose body it stands, or the one it names, when known."""
    if not call.args:
        return owner
    value = owner.values.one(call.args[0].value, frame) if owner is not None else None
    return value.cls if isinstance(value, ClassValue) else None


def super_method(cls: Class, name: str, call: m.Call, owner: Class | None, frame: Frame) -> Method | None:
    """The project's method that `super().name` means for an instance of `cls`."""
    after = super_owner(call, owner, frame)
    return None if after is None else cls.method_after(after, name)
