from __future__ import annotations

import re
from collections.abc import Iterator

from wslint.rule import Edit, Finding, Fix, Level, Location, Rule
from wslint.stack import Class, Consumer, Lists, Literal, Method, Pattern, Stack, facts, within
from wslint.stack.code.callers import own_calls, place_of
from wslint.stack.code.edits import import_edit, import_line
from wslint.stack.code.places import after, before
from wslint.stack.groups.groups import Groups


class GroupsAttribute(Rule):
    """The attribute `groups` of a websocket consumer does not join what it names.

    Why: before connect() Channels joins every item of `groups`. A str has characters for items; a list that connect()
    makes comes too late to be joined (disconnect discards it all the same).

    See: no error. Events to the group never reach this consumer; `groups = "abc"` joins "a", "b" and "c". A character
    that is not allowed in a group name ends every handshake in HTTP 500.

    Mend: `groups = ["abc"]` on the class or in `__init__`; for names that connect() finds out, `group_add` there.

    Bad:
        from channels.generic.websocket import AsyncWebsocketConsumer

        class NewsConsumer(AsyncWebsocketConsumer):
            groups = "news"

            async def news_item(self, event):
                await self.send(text_data=event["text"])

    Good:
        from channels.generic.websocket import AsyncWebsocketConsumer

        class NewsConsumer(AsyncWebsocketConsumer):
            groups = ["news"]

            async def news_item(self, event):
                await self.send(text_data=event["text"])
    """

    code = "WS328"
    name = "groups-attribute"
    level = Level.ERROR

    def stack(self, stack: Stack) -> Iterator[Finding]:
        groups = Groups(stack)
        told: set[Location] = set()
        for consumer in stack.consumers:
            if consumer.in_tests or consumer.vendored or not consumer.complete or consumer.is_abstract:
                continue
            if not consumer.is_websocket or consumer.cls.defines("websocket_connect"):
                continue
            for finding in (*self._texts(stack, consumer), *self._late(groups, consumer)):
                if finding.location not in told:
                    told.add(finding.location)
                    yield finding

    def _texts(self, stack: Stack, consumer: Consumer) -> Iterator[Finding]:
        """Strings where a list is expected."""
        for expr, home in _early(consumer):
            value = stack.values.one(expr, home.frame)
            if isinstance(value, Literal) and isinstance(value.value, str) and len(value.value) > 1:
                first, second = value.value[0], value.value[1]
                yield self.finding(
                    home.frame.at(expr),
                    f'`groups` of {consumer.name} is a str: it joins "{first}", "{second}" …, not "{value.value}"',
                    hint=f'a list: `groups = ["{value.value}"]`',
                    symptom=f'no error; events to "{value.value}" do not reach this consumer'
                    if re.fullmatch(r"[\w.\-]+", value.value, re.ASCII)
                    else "TypeError: Group name must be a valid unicode string …; every handshake ends in HTTP 500",
                    symbol=f"{consumer.name}.groups",
                    fix=Fix(
                        (Edit(before(expr, home.frame), "["), Edit(after(expr, home.frame), "]")),
                        safe=False,
                        title="make it a list",
                    ),
                )

    def _late(self, groups: Groups, consumer: Consumer) -> Iterator[Finding]:
        """Lists that connect() makes, when no group_add joins what is in them."""
        for node, value, method in _set_in_connect(consumer):
            names = _names(groups.stack, value, method)
            if not names or any(_may_join(groups, consumer, name) for name in names):
                continue
            yield self.finding(
                method.at(node),
                f"{method.owner.name}.{method.name}() fills self.groups too late: `{names[0]}` is not joined",
                hint="`await self.channel_layer.group_add(name, self.channel_name)`, or `groups` on the class",
                symptom="no error; events to the group do not reach this consumer",
                symbol=f"{consumer.name}.groups",
                fix=_join(groups.stack, consumer, node, method),
            )


def _early(consumer: Consumer) -> Iterator[tuple[facts.Expr, Class | Method]]:
    """What `groups` is when Channels reads it: set by the class, or by `__init__`."""
    cls = next((cls for cls in consumer.cls.ancestry if "groups" in cls.scope_inside.bindings), None)
    for binding in cls.scope_inside.reaching("groups") if cls is not None else ():
        if isinstance(binding.source, facts.Assign) and binding.value is not None and cls is not None:
            yield binding.value, cls
    for statement, value, method in consumer.cls.instance_assignments.get("groups", ()):
        if method.name == "__init__" and isinstance(statement, facts.Assign) and value is not None:
            yield value, method


def _set_in_connect(consumer: Consumer) -> Iterator[tuple[facts.Node, facts.Expr, Method]]:
    """`self.groups = […]`, `self.groups += […]` and `self.groups.append(…)` that run with connect()."""
    is_shared = consumer.cls.defines("groups")  # what changes the list of the class is WS318's
    work = [method for method in (consumer.method("connect"),) if method is not None]
    seen: list[Method] = []
    while work:
        method = work.pop()
        if any(method.node is other.node for other in seen):
            continue
        seen.append(method)
        work += [reached for _, reached in own_calls(consumer.cls, method)]
    for method in seen:
        for node in within(method.node.body):
            match node:
                case facts.Assign(targets=targets, value=value) if value is not None:
                    if any(_is_groups(target, method) for target in targets):
                        yield value, value, method
                case facts.AugmentedAssign(target=target, op="+", value=value):
                    if _is_groups(target, method) and not is_shared:
                        yield node, value, method
                case facts.Call(func=facts.Attribute(value=target, attr="append"), args=(argument,)):
                    if _is_groups(target, method) and not is_shared:
                        yield node, argument.value, method


def _is_groups(node: facts.Expr, method: Method) -> bool:
    """`self.groups`"""
    own = method.node.params[0].name if method.node.params else None
    return (
        isinstance(node, facts.Attribute)
        and node.attr == "groups"
        and isinstance(node.value, facts.Name)
        and node.value.id == own
    )


def _names(stack: Stack, value: facts.Expr, method: Method) -> list[Pattern]:
    """The group names in a list, or the one that is appended; none when they cannot be read."""
    if isinstance(value, facts.Sequence):
        items = Lists(stack.values).of(value, method.frame)
        found = [name for expr, frame in items.items for name in stack.texts.of(expr, frame)] if items.complete else []
    else:
        found = list(stack.texts.of(value, method.frame))
    return [] if any(name.unknown for name in found) else found


def _may_join(groups: Groups, consumer: Consumer, wanted: Pattern) -> bool:
    """Does a group_add that can be for this consumer join a group of that name, or one of unknown name?"""
    for join in groups.stack.joins:
        runs_it = groups.consumers_at(join.frame)
        if runs_it and all(other is not consumer for other in runs_it):
            continue
        if any(name.pattern.unknown or name.pattern.could_equal(wanted) for name in groups.names(join)):
            return True
    return False


def _join(stack: Stack, consumer: Consumer, node: facts.Node, method: Method) -> Fix | None:
    """`group_add` for each of them, just after."""
    place = place_of(method.node.body, node)
    if place is None or not place.outermost or method.node.is_async is not consumer.is_async:
        return None
    indent = " " * (place.statement.span.column - 1)
    adding = "await self.channel_layer.group_add"
    edits: list[Edit] = []
    if not method.node.is_async:
        adding = "async_to_sync(self.channel_layer.group_add)"
        line = import_line(stack, method.path, "asgiref.sync", "async_to_sync")
        edit = None if line is None else import_edit(stack, method.path, [line], of_project=False)
        if line is not None and edit is None:
            return None
        edits += [edit] if edit is not None else []
    text = f"\n{indent}for group in self.groups:\n{indent}    {adding}(group, self.channel_name)"
    edits.append(Edit(after(place.statement, method.frame), text))
    return Fix(tuple(edits), safe=False, title="join the groups")
