"""Who calls a plain function: Django for a request, Celery for a task."""

from __future__ import annotations

from wslint.stack.code.callees import called
from wslint.stack.code.values import Values
from wslint.stack.model import FunctionUse

_VERBS = frozenset({"get", "post", "put", "patch", "delete"})
_TASKS = frozenset({"celery.shared_task", "celery.app.shared_task", "celery.task", "celery.decorators.task"})


def is_task(function: FunctionUse, values: Values) -> bool:
    """Is it a Celery task?"""
    return any(dotted in _TASKS for dotted in _decorators(function, values))


def is_plain_view(function: FunctionUse, values: Values) -> bool:
    """Is it surely a view that is no coroutine function: the method of an HTTP verb, or decorated as one?"""
    names = [param.name for param in function.node.params if param.name != "self"]
    if function.is_async or function.consumer is not None or names[:1] != ["request"]:
        return False
    if function.owner is not None and function.name in _VERBS:
        return True
    return any(dotted.startswith(("django.", "rest_framework.")) for dotted in _decorators(function, values))


def _decorators(function: FunctionUse, values: Values) -> list[str]:
    return [values.dotted(called(decorator), function.frame) or "" for decorator in function.node.decorators]
