from __future__ import annotations

from collections.abc import Iterator

from wslint.rule import Edit, Finding, Fix, Level, Location, Rule, Span
from wslint.stack import AttributeValue, CallValue, Display, Literal, NameRouter, SelfValue, Send, Stack, facts
from wslint.stack.code.places import after, before, between
from wslint.stack.groups.groups import Groups
from wslint.stack.layers.layers import checks_names

SIGNATURES = {
    "group_add": ("group", "channel"),
    "group_discard": ("group", "channel"),
    "group_send": ("group", "message"),
    "send": ("channel", "message"),
}
"""The parameters of a channel layer's methods."""

Problem = tuple[Location, str, str, str, Fix | None]
"""(where, what is wrong, hint, what is seen, mend)."""


class WrongLayerArguments(Rule):
    """A method of the channel layer is given the wrong arguments.

    Why: `group_add` and `group_discard` take the group and then the channel; `group_send` takes a group and an event,
    `send` a channel and an event, and the event is one dict.

    See: the channel's name in place of the group raises `TypeError: Group name must be a valid unicode string …`
    (channel names hold a `!`), so connect() ends in HTTP 500; a wrong number of arguments or keywords beside the dict
    raise TypeError too, and a str in place of the dict raises `AttributeError: 'str' object has no attribute 'items'`
    (AssertionError with the in-memory layer). `send` with a group's name raises nothing: nobody gets the event.

    Mend: `group_add(group, self.channel_name)`, `group_send(group, {"type": …})`, `send(self.channel_name, {…})`.

    Bad:
        from channels.generic.websocket import AsyncWebsocketConsumer

        class ChatConsumer(AsyncWebsocketConsumer):
            async def connect(self):
                await self.channel_layer.group_add(self.channel_name, "chat")
                await self.accept()

            async def disconnect(self, code):
                await self.channel_layer.group_discard("chat", self.channel_name)

    Good:
        from channels.generic.websocket import AsyncWebsocketConsumer

        class ChatConsumer(AsyncWebsocketConsumer):
            async def connect(self):
                await self.channel_layer.group_add("chat", self.channel_name)
                await self.accept()

            async def disconnect(self, code):
                await self.channel_layer.group_discard("chat", self.channel_name)
    """

    code = "WS408"
    name = "wrong-layer-arguments"
    level = Level.ERROR

    def stack(self, stack: Stack) -> Iterator[Finding]:
        groups = Groups(stack)
        told: set[int] = set()
        for send in stack.sends:
            if send.in_tests or send.vendored or id(send.call) in told:
                continue
            problem = self._problem(stack, groups, send)
            if problem is not None:
                told.add(id(send.call))
                location, message, hint, symptom, fix = problem
                yield self.finding(location, message, hint=hint, symptom=symptom, fix=fix)

    def _problem(self, stack: Stack, groups: Groups, send: Send) -> Problem | None:
        return (
            _misfit(send)
            or _channel_as_group(stack, send)
            or _text_as_event(stack, send)
            or _group_as_channel(stack, groups, send)
        )


def _misfit(send: Send) -> Problem | None:
    """Too many or too few arguments, or keywords that the method does not have."""
    names = SIGNATURES[send.method]
    args = send.call.args
    if any(arg.star for arg in args):
        return None
    keywords = [arg.keyword for arg in args if arg.keyword is not None]
    given = [*names[: len(args) - len(keywords)], *keywords]
    if len(args) - len(keywords) <= 2 and sorted(given) == sorted(names):
        return None
    takes = f"{send.method}({', '.join(names)})"
    strange = next((keyword for keyword in keywords if keyword not in names), None)
    missing = [name for name in names if name not in given]
    if strange is not None:
        wrong, seen = f"has no parameter `{strange}`", f"got an unexpected keyword argument '{strange}'"
    elif missing:
        wrong = f"lacks its {' and '.join(missing)}"
        seen = f"missing {len(missing)} required positional argument{'s' * (len(missing) > 1)}"
    else:
        wrong, seen = "has too many arguments", "takes 3 positional arguments"
    hint = 'put everything into one dict: `{"type": …, …}`' if "message" in names and strange else f"call {takes}"
    return send.frame.at(send.call), f"{takes} {wrong}", hint, f"TypeError: {send.method}() {seen}", None


def _channel_as_group(stack: Stack, send: Send) -> Problem | None:
    """`group_add(self.channel_name, group)`, `group_send(self.channel_name, event)`."""
    if send.method == "send" or not _is_channel_name(stack, send, send.group_node):
        return None
    assert send.group_node is not None
    other = send.call.args[1].value
    swapped = send.method != "group_send" and not _is_channel_name(stack, send, other)
    if not swapped and not checks_names(stack, send.frame.module.path):
        return None  # the pub/sub layer takes any name
    fix = _swapped(send, send.group_node, other) if swapped else None
    message = "the name of the channel stands where the group belongs"
    hint = "swap the arguments: the group first" if swapped else "`send(self.channel_name, …)` reaches one channel"
    if send.method != "group_send" and not swapped:
        hint = "give the name of a group"
    symptom = (
        "TypeError: Group name must be a valid unicode string …: HTTP 500 in connect(), later the connection is lost"
    )
    return send.frame.at(send.group_node), message, hint, symptom, fix


def _swapped(send: Send, channel: facts.Expr, group: facts.Expr) -> Fix | None:
    """`(self.channel_name, group)` → `(group, self.channel_name)`."""
    spelled = _spelled(channel)
    if spelled is None or any(arg.keyword is not None for arg in send.call.args):
        return None
    first = between(before(channel, send.frame), before(group, send.frame))
    edits = Edit(first, ""), Edit(after(group, send.frame), f", {spelled}")
    return Fix(edits, safe=True, title="swap the arguments")


def _spelled(expr: facts.Expr) -> str | None:
    if isinstance(expr, facts.Attribute) and isinstance(expr.value, facts.Name):
        return f"{expr.value.id}.{expr.attr}"
    return expr.id if isinstance(expr, facts.Name) else None


def _is_channel_name(stack: Stack, send: Send, expr: facts.Expr | None) -> bool:
    if expr is None:
        return False
    value = stack.values.one(expr, send.frame)
    return isinstance(value, AttributeValue) and value.attr == "channel_name" and isinstance(value.value, SelfValue)


def _text_as_event(stack: Stack, send: Send) -> Problem | None:
    """`group_send(group, json.dumps(…))`."""
    if send.event is None:
        return None
    values = stack.values.of(send.event.node, send.event.frame)
    if not values or not all(_is_no_dict(value) for value in values):
        return None
    return (
        send.event.location,
        "the event is no dict",
        'give a dict with a "type"; the layer serialises it by itself',
        "AttributeError: 'str' object has no attribute 'items' (in-memory layer: AssertionError) for the sender",
        None,
    )


def _is_no_dict(value: object) -> bool:
    match value:
        case Literal(value=found):
            return found is not None
        case Display(node=facts.FString() | facts.Sequence()):
            return True
        case CallValue(dotted="json.dumps" | "builtins.str" | "builtins.list" | "builtins.tuple"):
            return True
        case _:
            return False


def _group_as_channel(stack: Stack, groups: Groups, send: Send) -> Problem | None:
    """`send(group, event)` where consumers join a group of that name and no worker listens under it."""
    if send.method != "send" or groups.has_listeners:
        return None
    names = groups.names(send)
    nodes = [node for application in stack.applications for node in application.walk()]
    workers = {key for node in nodes if isinstance(node, NameRouter) for key in node.entries}
    for name in names:
        alike = [member for member in groups.members(name.pattern) if str(member.pattern) == str(name.pattern)]
        if not name.pattern.texts or not alike or name.pattern.literal in workers:
            return None
    if not names or send.group_node is None:
        return None
    return (
        send.frame.at(send.group_node),
        f"`{names[0].pattern}` is a group, and send() takes the name of one channel",
        "use group_send()",
        "nothing is raised, and nobody gets the event",
        _renamed(send),
    )


def _renamed(send: Send) -> Fix | None:
    func = send.call.func
    method = func.args[0].value if isinstance(func, facts.Call) and func.args else func
    if not isinstance(method, facts.Attribute) or method.attr != "send":
        return None
    span = method.span
    place = send.frame.at(Span(span.end_line, span.end_column - len("send"), span.end_line, span.end_column))
    return Fix((Edit(place, "group_send"),), safe=True, title="use group_send()")
