"""What runs beside the process that holds a socket: further workers, tasks of a queue and commands that send (L14)."""

from __future__ import annotations

from collections.abc import Iterator

from wslint.facts.names import last_name
from wslint.location import Location
from wslint.stack.code.callees import called
from wslint.stack.code.values import FunctionValue, Literal
from wslint.stack.layers.layers import dict_entries
from wslint.stack.model import FunctionUse, NameRouter, Process, Send, Settings, SettingsModule, Stack

TASK_PACKAGES = ("celery.", "dramatiq.", "django_rq.", "huey.")
TASK_DECORATORS = frozenset({"shared_task", "task", "periodic_task", "actor", "job", "db_task", "db_periodic_task"})
QUEUED = frozenset({"django_q.tasks.async_task", "django_q.tasks.schedule", "django_rq.enqueue"})
"""What hands a plain function, or its dotted name, to the workers of a queue."""
COMMANDS = "/management/commands/"
ASGI_SERVERS = frozenset({"daphne", "uvicorn", "hypercorn", "granian"})


def others(settings: Settings, module: SettingsModule) -> Iterator[tuple[str, Location]]:
    """What needs to reach the sockets of another process under a settings module: what it is, and where it stands."""
    stack = settings.stack
    for process in settings.processes:
        if _speaks_asgi(process) and (process.command.workers or 1) > 1:
            count = process.command.workers
            yield f"`{process.command.program}` is started with {count} workers", process.location
        elif process.command.subcommand == "runworker" and _has_workers(stack):
            yield "`runworker` handles messages", process.location
    eager = _is_eager(stack, module)
    queued = _queued(stack)
    for send in stack.sends:
        if send.in_tests or send.vendored or send.consumer is not None or stack.settings_for(send.path) is not settings:
            continue
        if send.method not in ("group_send", "send"):
            continue
        if f"/{send.path}".find(COMMANDS) >= 0:
            yield f"the command `{send.path.rpartition('/')[2].removesuffix('.py')}` sends", send.location
        elif not eager and (task := _task(stack, send)) is not None:
            yield f"the task `{task.name}` sends", send.location
        elif not eager and send.inside is not None and _names(send.inside, settings.root) & queued:
            yield f"the task `{send.inside.name}` sends", send.location


def _speaks_asgi(process: Process) -> bool:
    if process.command.program == "gunicorn":
        return any("uvicorn" in word.lower() or word == "asgi" for word in process.command.words)
    return process.command.program in ASGI_SERVERS


def _has_workers(stack: Stack) -> bool:
    """Does an application name consumers for `runworker`?"""
    return any(isinstance(node, NameRouter) for application in stack.applications for node in application.walk())


def _queued(stack: Stack) -> frozenset[int | str]:
    """What code hands to a queue: functions by the identity of their nodes, and dotted names."""
    found: set[int | str] = set()
    for function in stack.functions:
        for use in function.calls:
            if not use.node.args or stack.values.dotted(use.node.func, function.frame) not in QUEUED:
                continue
            for value in stack.values.of(use.node.args[0].value, function.frame):
                if isinstance(value, FunctionValue):
                    found.add(id(value.node))
                elif isinstance(value, Literal) and isinstance(value.value, str):
                    found.add(value.value)
    return frozenset(found)


def _names(function: FunctionUse, root: str) -> frozenset[int | str]:
    """What a queue may know a function of the project in `root` by."""
    module = function.path.removeprefix(f"{root}/").removesuffix(".py").replace("/", ".")
    return frozenset((id(function.node), f"{module}.{function.name}"))


def _is_eager(stack: Stack, module: SettingsModule) -> bool:
    """Do tasks run where they are called (CELERY_TASK_ALWAYS_EAGER, `sync` of django-q's Q_CLUSTER)?"""
    said = [
        (setting.expr, setting.frame)
        for name in ("CELERY_TASK_ALWAYS_EAGER", "CELERY_ALWAYS_EAGER")
        for setting in module.get(name)
    ]
    for setting in module.get("Q_CLUSTER"):
        entries, _ = dict_entries(stack, setting.expr, setting.frame)
        said += [(option.expr, option.frame) for option in entries.get("sync", ())]
    values = [value for expr, frame in said for value in stack.values.of(expr, frame)]
    return any(not isinstance(value, Literal) or bool(value.value) for value in values)


def _task(stack: Stack, send: Send) -> FunctionUse | None:
    """The Celery (or other queue's) task that a send runs in."""
    function = send.inside
    if function is None:
        return None
    for decorator in function.node.decorators:
        func = called(decorator)
        dotted = stack.values.dotted(func, function.frame)
        last = last_name(func)
        last = dotted.rpartition(".")[2] if dotted is not None else last
        if last in TASK_DECORATORS and (f"{dotted}.".startswith(TASK_PACKAGES) if dotted else last == "task"):
            return function
    return None
