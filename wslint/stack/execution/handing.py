"""How a function is given to a worker thread: by a call, or by a decorator, and to which thread."""

from __future__ import annotations

from dataclasses import dataclass, replace

from wslint.facts import model as m
from wslint.knowledge import channels as known
from wslint.stack.code.callees import Body, decorators
from wslint.stack.code.values import CallValue, Frame, Values, argument
from wslint.stack.model import CallUse

LOOP, SHARED, UNMANAGED = "loop", "shared", "unmanaged"

TAKES_FUNCTION = {
    "asyncio.to_thread": 0,
    "anyio.to_thread.run_sync": 0,
    "starlette.concurrency.run_in_threadpool": 0,
    "fastapi.concurrency.run_in_threadpool": 0,
}
"""Calls that run a function in a thread of its own, and where it stands among the arguments."""

THREADS = frozenset({"threading.Thread", "threading.Timer"})
POOLS = frozenset({"concurrent.futures.ThreadPoolExecutor", "concurrent.futures.thread.ThreadPoolExecutor"})
OTHER_POOLS = frozenset({"concurrent.futures.ProcessPoolExecutor", "concurrent.futures.process.ProcessPoolExecutor"})
PARTIAL = frozenset({"functools.partial"})


@dataclass(eq=False, frozen=True)
class Handed:
    """A function given to a thread: `given` in `call`, both standing in `frame`.

    `given` may be a lambda, `partial(f, …)` (then `f` is given), a project function or something outside the project;
    `run` is the call with the arguments when it follows at once, `sync_to_async(f)(x)`.
    """

    thread: str
    given: m.Expr
    call: m.Call
    frame: Frame
    run: m.Call | None = None


class Handing:
    """Tells what hands a function to a thread."""

    def __init__(self, values: Values) -> None:
        self.values = values

    def of(self, call: m.Call, frame: Frame) -> Handed | None:
        """The function that a call gives to a worker thread."""
        thread, given = self._given(call, frame)
        if thread is None or given is None:
            return None
        while isinstance(given, m.Call) and given.args and self.values.dotted(given.func, frame) in PARTIAL:
            given = given.args[0].value
        return Handed(thread, given, call, frame)

    def of_use(self, use: CallUse, frame: Frame) -> Handed | None:
        """The same, with the call that runs what was wrapped."""
        handed = self.of(use.node, frame)
        follows = use.outer is not None and use.outer.func is use.node
        return replace(handed, run=use.outer) if handed is not None and follows else handed

    def decorated(self, body: Body) -> str | None:
        """The thread that a decorator takes a function to."""
        if isinstance(body.node, m.Lambda):
            return None
        outside = body.frame.parent or body.frame
        for decorator, dotted in zip(body.node.decorators, decorators(body, self.values), strict=True):
            if dotted in known.SYNC_TO_ASYNC:
                return self._sensitive(decorator, outside)
        return None

    def _given(self, call: m.Call, frame: Frame) -> tuple[str | None, m.Expr | None]:
        """(thread, function) of a call that runs a function on one."""
        func = call.func
        if isinstance(func, m.Attribute) and func.attr == "run_in_executor":
            pool = argument(call, 0, "executor")
            return (None if self._is_pool(pool, frame, OTHER_POOLS) else UNMANAGED), argument(call, 1, "func")
        if isinstance(func, m.Attribute) and func.attr in ("submit", "map"):
            return (UNMANAGED if self._is_pool(func.value, frame, POOLS) else None), argument(call, 0, "fn")
        if not isinstance(func, (m.Name, m.Attribute)):
            return None, None
        dotted = self.values.dotted(func, frame)
        if dotted in known.SYNC_TO_ASYNC:
            return self._sensitive(call, frame), argument(call, 0, "func")
        if dotted in THREADS:
            target = argument(call, 1, "target" if dotted == "threading.Thread" else "function")
            return UNMANAGED, target
        if dotted in TAKES_FUNCTION:
            return UNMANAGED, argument(call, TAKES_FUNCTION[dotted], "func")
        return None, None

    def _is_pool(self, expr: m.Expr | None, frame: Frame, pools: frozenset[str]) -> bool:
        value = self.values.one(expr, frame) if expr is not None else None
        return isinstance(value, CallValue) and value.dotted in pools

    def _sensitive(self, wrapper: m.Expr, frame: Frame) -> str | None:
        """The thread of `sync_to_async(…, thread_sensitive=…)`; None when the option is not plain."""
        for arg in wrapper.args if isinstance(wrapper, m.Call) else ():
            if arg.star or arg.keyword == "executor":
                return None
            if arg.keyword == "thread_sensitive":
                value = self.values.constant(arg.value, frame)
                return SHARED if value is True else UNMANAGED if value is False else None
        return SHARED
