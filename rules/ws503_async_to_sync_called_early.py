from __future__ import annotations

from collections.abc import Iterator

from wslint.knowledge.channels import ASYNC_TO_SYNC, CONSUMER_COROUTINES, SYNC_TO_ASYNC
from wslint.rule import Edit, Finding, Fix, Level, Rule
from wslint.stack import (
    AttributeValue,
    CallUse,
    CallValue,
    Display,
    ExternalValue,
    FunctionUse,
    FunctionValue,
    Literal,
    SelfValue,
    Stack,
    facts,
    within,
)
from wslint.stack.code.places import after, before, between

COROUTINES = frozenset(
    {"asyncio.gather", "asyncio.sleep", "asyncio.wait_for"}
    | {"channels.auth.get_user", "channels.auth.login", "channels.auth.logout"}
)
"""Coroutine functions of packages."""

PLAIN = frozenset(
    {f"builtins.{name}" for name in "all any bool dict int len list print set sorted str sum tuple".split()}
    | {f"requests.{name}" for name in "delete get patch post put request".split()}
    | {"django.contrib.auth.authenticate", "django.core.mail.send_mail", "json.dumps", "json.loads", "time.sleep"}
    | {"django.shortcuts.get_list_or_404", "django.shortcuts.get_object_or_404"}
)
"""Functions of packages whose result is nothing to call."""

QUERIES = frozenset(
    "aggregate bulk_create bulk_update count create delete earliest exists first get get_or_create in_bulk last latest "
    "update update_or_create".split()
)
"""Methods of a manager or queryset that run a query."""

LAZY = frozenset(
    "all annotate distinct exclude filter none only order_by prefetch_related select_related values values_list".split()
)
"""Methods of a manager or queryset that only build a query."""

KEEPS = frozenset({"builtins.staticmethod", "builtins.classmethod", "typing.override", "abc.abstractmethod"})

MAKES, GIVES, BUILDS = "makes a coroutine", "runs here, on this thread", "builds a query"


class AsyncToSyncCalledEarly(Rule):
    """A function is called inside the parentheses of async_to_sync() or sync_to_async().

    Why: the wrappers take a function and give a function. `wrapper(f(x))` runs f (or makes its coroutine) at once and
    wraps the result; the right order is `wrapper(f)(x)`.

    See: `async_to_sync(layer.group_send(…))` sends nothing and raises nothing; with one more `()` it raises
    `TypeError: 'coroutine' object is not callable`. `sync_to_async(f(x))` raises `TypeError: sync_to_async can only be
    applied to sync functions.`, and around a query `SynchronousOnlyOperation` comes before that.

    Mend: close the parentheses before the arguments: `async_to_sync(layer.group_send)(group, message)`.

    Bad:
        # shop/signals.py
        from asgiref.sync import async_to_sync
        from channels.layers import get_channel_layer

        def ordered(sender, instance, **kwargs):
            async_to_sync(get_channel_layer().group_send("shop", {"type": "shop.ordered"}))

    Good:
        # shop/signals.py
        from asgiref.sync import async_to_sync
        from channels.layers import get_channel_layer

        def ordered(sender, instance, **kwargs):
            async_to_sync(get_channel_layer().group_send)("shop", {"type": "shop.ordered"})
    """

    code = "WS503"
    name = "async-to-sync-called-early"
    level = Level.ERROR
    in_tests = True

    def stack(self, stack: Stack) -> Iterator[Finding]:
        sends = frozenset(id(send.call) for send in stack.sends)
        for function in stack.functions:
            if function.vendored:
                continue
            for use in function.calls:
                wrapper = _wrapper(stack, use.node, function)
                if wrapper is None or (wrapper == "async_to_sync" and function.is_async and _is_called(use)):
                    continue  # the latter is async_to_sync-in-async
                inner = use.node.args[0].value
                if not isinstance(inner, facts.Call):
                    continue
                does = MAKES if id(inner) in sends else _does(stack, inner, function)
                if does is not None:
                    yield self._finding(function, use, inner, wrapper, does)

    def _finding(self, function: FunctionUse, use: CallUse, inner: facts.Call, wrapper: str, does: str) -> Finding:
        called = _shown(inner.func)
        if wrapper == "async_to_sync" and function.is_async:
            hint = f"`await {called}(…)`: this is async code"
        elif does is MAKES and wrapper != "async_to_sync":
            hint = f"`await {called}(…)`: a coroutine needs no {wrapper}()"
        elif does is BUILDS:
            hint = f"evaluate it inside: `{wrapper}(lambda: list({called}(…)))()`"
        else:
            hint = f"`{wrapper}({called})(…)`"
        return self.finding(
            function.at(inner),
            f"{called}() is called inside the parentheses of {wrapper}(): it {does}, and {wrapper}() gets the result",
            hint=hint,
            symptom=_symptom(wrapper, does, _is_called(use)),
            symbol=function.name if function.owner is None else f"{function.owner.name}.{function.name}",
            fix=_fix(function, use, inner, wrapper, does),
        )


def _wrapper(stack: Stack, call: facts.Call, function: FunctionUse) -> str | None:
    """The short name of the wrapper that a call with a first argument is."""
    if not call.args or call.args[0].star or call.args[0].keyword:
        return None
    dotted = stack.values.dotted(call.func, function.frame)
    return dotted.rpartition(".")[2] if dotted == ASYNC_TO_SYNC or dotted in SYNC_TO_ASYNC else None


def _does(stack: Stack, call: facts.Call, function: FunctionUse) -> str | None:
    """What a call surely does; None when its result may be something to call."""
    func = call.func
    value = stack.values.one(func, function.frame)
    match value:
        case ExternalValue(dotted=dotted) if dotted in COROUTINES | PLAIN:
            return MAKES if dotted in COROUTINES else GIVES
        case FunctionValue(node=facts.FunctionDef()):
            return _does_own(stack, value, call, function)
        case AttributeValue(value=CallValue() as owner) if (owner.dotted or "").startswith("channels.testing."):
            return MAKES
        case FunctionValue():
            return None
    if not isinstance(func, facts.Attribute):
        return None
    if _of_consumer(stack, func, function):
        return MAKES
    if func.attr in ("save", "refresh_from_db") and not isinstance(value, AttributeValue | SelfValue):
        return GIVES if _is_object(stack, func.value, function) else None
    if not _of_manager(func.value):
        return None
    if func.attr.startswith("a") and func.attr[1:] in QUERIES:
        return MAKES
    return GIVES if func.attr in QUERIES else BUILDS if func.attr in LAZY else None


def _does_own(stack: Stack, value: FunctionValue, call: facts.Call, function: FunctionUse) -> str | None:
    """The same for a function of the project."""
    node = value.node
    assert isinstance(node, facts.FunctionDef)
    decorators = {stack.values.dotted(decorator, value.frame) for decorator in node.decorators}
    if not decorators <= KEEPS | SYNC_TO_ASYNC or any(isinstance(found, facts.Yield) for found in within(node.body)):
        return None
    if node.is_async or decorators & SYNC_TO_ASYNC:
        return MAKES
    results = [found.value for found in within(node.body) if isinstance(found, facts.Return) and found.value]
    if not results:
        return None if isinstance(node.body[-1], facts.Raise) else GIVES
    given = stack.values.of(call, function.frame)
    return GIVES if all(isinstance(one, (Literal, Display)) for one in given) else None


def _of_consumer(stack: Stack, func: facts.Attribute, function: FunctionUse) -> bool:
    """Is it accept(), send() … of the async consumer that it stands in?"""
    consumer = function.consumer
    return (
        consumer is not None
        and consumer.is_async is True
        and consumer.is_websocket
        and consumer.complete
        and func.attr in CONSUMER_COROUTINES
        and not consumer.cls.defines(func.attr)
        and isinstance(stack.values.one(func.value, function.frame), SelfValue)
    )


def _of_manager(node: facts.Expr) -> bool:
    """Is it `Model.objects` with calls of queryset methods behind it?"""
    while isinstance(node, facts.Call) and isinstance(node.func, facts.Attribute) and node.func.attr in LAZY:
        node = node.func.value
    return isinstance(node, facts.Attribute) and node.attr == "objects"


def _is_object(stack: Stack, node: facts.Expr, function: FunctionUse) -> bool:
    """Is it what a query of a manager gave?"""
    found = stack.values.one(node, function.frame)
    if not isinstance(found, CallValue) or not isinstance(found.node.func, facts.Attribute):
        return False
    return found.node.func.attr in ("create", "first", "get", "last") and _of_manager(found.node.func.value)


def _is_called(use: CallUse) -> bool:
    return use.outer is not None and use.outer.func is use.node


def _shown(node: facts.Expr) -> str:
    match node:
        case facts.Name():
            return node.id
        case facts.Attribute(value=facts.Name() as owner):
            return f"{owner.id}.{node.attr}"
        case facts.Attribute(value=facts.Attribute() as owner):
            return f"{owner.attr}.{node.attr}"
        case facts.Attribute():
            return f"….{node.attr}"
    return "…"


def _symptom(wrapper: str, does: str, called: bool) -> str:
    if wrapper == "async_to_sync":
        return "TypeError: 'coroutine' object is not callable" if called else "nothing runs, and no error is raised"
    return "TypeError: sync_to_async can only be applied to sync functions." + (
        " (SynchronousOnlyOperation before it when this runs a query in async code)" if does is GIVES else ""
    )


def _fix(function: FunctionUse, use: CallUse, inner: facts.Call, wrapper: str, does: str) -> Fix | None:
    """`wrapper(f(x))` → `wrapper(f)(x)`, or `await f(x)` where no wrapper is needed."""
    called = _is_called(use)
    if len(use.node.args) != 1 or does is BUILDS:
        return None
    last = use.node
    above = use.parents[-1]
    if called:
        assert use.outer is not None
        if use.outer.args:
            return None
        last = use.outer
        above = next(node for node in reversed(use.parents) if node is not last)
    awaited, dropped = isinstance(above, facts.Await), isinstance(above, facts.ExpressionStatement)
    frame = function.frame
    end = Edit(between(after(inner, frame), after(last, frame)), "")
    to_async = wrapper != "async_to_sync"
    if function.is_async and does is MAKES:
        if not (awaited or dropped):
            return None
        start = between(before(use.node, frame), before(inner, frame))
        return Fix((Edit(start, "" if awaited else "await "), end), safe=True, title="await it")
    if (does is MAKES) is to_async or not (awaited or dropped or (called and not to_async)):
        return None
    edits = [Edit(after(inner.func, frame), ")"), end]
    if to_async and dropped:
        if not function.is_async:
            return None
        edits.insert(0, Edit(before(use.node, frame), "await "))
    return Fix(tuple(edits), safe=True, title="close the parentheses before the arguments")
