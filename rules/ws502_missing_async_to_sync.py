from __future__ import annotations

from collections.abc import Iterator

from wslint.flow import is_handler
from wslint.knowledge.channels import CONSUMER_API
from wslint.rule import Finding, Fix, Level, Rule
from wslint.stack import FunctionUse, Method, Send, Stack, facts
from wslint.stack.code.edits import import_edit, import_line, wrap_edits


class MissingAsyncToSync(Rule):
    """Sync code calls a method of the channel layer as if it were sync.

    Why: group_send(), group_add(), group_discard() and send() of a layer are coroutine functions. Called from a view, a
    signal, a task or a sync consumer they make a coroutine that nobody runs.

    See: no message arrives, no group is joined, and there is no error. Python's warning `coroutine … was never awaited`
    goes to stderr at best; under daphne nowhere.

    Mend: `async_to_sync(layer.group_send)(group, message)`.

    Bad:
        # shop/views.py
        from channels.layers import get_channel_layer
        from django.http import HttpResponse

        def order(request):
            layer = get_channel_layer()
            layer.group_send("shop", {"type": "shop.ordered"})
            return HttpResponse("ordered")

    Good:
        # shop/views.py
        from asgiref.sync import async_to_sync
        from channels.layers import get_channel_layer
        from django.http import HttpResponse

        def order(request):
            layer = get_channel_layer()
            async_to_sync(layer.group_send)("shop", {"type": "shop.ordered"})
            return HttpResponse("ordered")
    """

    code = "WS502"
    name = "missing-async-to-sync"
    level = Level.ERROR
    in_tests = True

    def stack(self, stack: Stack) -> Iterator[Finding]:
        for send in stack.sends:
            function = send.inside
            if send.via != "dropped" or function is None or function.is_async or send.vendored:
                continue
            on_loop = function.consumer is not None and function.consumer.is_async is True
            if not (on_loop and _is_api(function)):  # Channels awaits those: that they are not async is the mistake
                yield self._finding(stack, send, function, on_loop)

    def _finding(self, stack: Stack, send: Send, function: FunctionUse, on_loop: bool) -> Finding:
        return self.finding(
            send.location,
            f"{send.method}() is a coroutine function: called from sync code it does nothing",
            hint=f"make {function.name}() async and await it"
            if on_loop
            else f"`async_to_sync({_shown(send.call)})(…)`",
            symptom="nothing is sent or joined, and no error is raised; under daphne not even a warning is logged",
            symbol=function.name if function.owner is None else f"{function.owner.name}.{function.name}",
            fix=None if on_loop else _fix(stack, send),
        )


def _is_api(function: FunctionUse) -> bool:
    if function.owner is None or function.nested_in is not function.owner.node:
        return False
    return function.name in CONSUMER_API or is_handler(Method(function.node, function.owner))


def _shown(call: facts.Call) -> str:
    func = call.func
    assert isinstance(func, facts.Attribute)
    owner = func.value
    name = owner.id if isinstance(owner, facts.Name) else owner.attr if isinstance(owner, facts.Attribute) else "layer"
    return f"{name}.{func.attr}"


def _fix(stack: Stack, send: Send) -> Fix:
    edits = wrap_edits(send.path, send.call.func.span, "async_to_sync")
    line = import_line(stack, send.path, "asgiref.sync", "async_to_sync")
    imported = None if line is None else import_edit(stack, send.path, [line], of_project=False)
    if imported is not None:
        edits.append(imported)
    return Fix(tuple(edits), safe=True, title="run it with async_to_sync")
