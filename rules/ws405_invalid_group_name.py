from __future__ import annotations

import re
from collections.abc import Iterator

from wslint.rule import Edit, Finding, Fix, Level, Location, Related, Rule
from wslint.stack import Consumer, Send, Stack, facts
from wslint.stack.client.untrusted import Source, Sources, captures_of, odd_character
from wslint.stack.groups.groups import Groups, Name
from wslint.stack.layers.layers import checks_names

MAX_LENGTH = 99
UUID_LENGTH = 36
_ILLEGAL = re.compile(r"[^a-zA-Z0-9_.\-]")
_ODD = "é @:"
_TAME_NAME = re.compile(r"(^|_)(id|pk|u?uid|guid|key|slug|hash|token|code|number|num|no|index)$|(Id|Key|Uuid)$")


class InvalidGroupName(Rule):
    """A group has a name that the channel layer refuses.

    Why: group names are ASCII letters, digits, hyphens, underscores and periods, at least one and fewer than 100 of
    them. The core Redis layer and the in-memory layer check this in group_add, group_discard and group_send (the
    pub/sub layer does not). As a warning: a part of the name comes from outside and can hold other characters; `\\w+`
    and `<str:…>` in a route match letters like é, the latter spaces too.

    See: `TypeError: Group name must be a valid unicode string with length < 100 containing only ASCII alphanumerics,
    hyphens, underscores, or periods.` In connect() that is HTTP 500, later the connection is lost (1011 from daphne,
    1006 from uvicorn); a view or task that sends fails.

    Mend: use `_`, `-` or `.` to separate parts; use a primary key, `slugify()` or a hash of free text; restrict the
    route: `<slug:room>`, `(?P<room>[a-zA-Z0-9_-]+)`.

    Bad:
        from channels.generic.websocket import AsyncWebsocketConsumer

        class ChatConsumer(AsyncWebsocketConsumer):
            groups = ["chat:lobby"]

    Good:
        from channels.generic.websocket import AsyncWebsocketConsumer

        class ChatConsumer(AsyncWebsocketConsumer):
            groups = ["chat_lobby"]
    """

    code = "WS405"
    name = "invalid-group-name"
    level = Level.ERROR

    def stack(self, stack: Stack) -> Iterator[Finding]:
        groups, sources = Groups(stack), Sources(stack)
        spellings: dict[str, list[Name]] = {}
        uses: dict[str, Location] = {}
        for name, use, send in _named(stack, groups):
            wrong = _wrong(name, sources)
            text = wrong if wrong is not None else _possibly_wrong(name, send, sources)
            if text is not None:
                key = f"{'certain' if wrong is not None else 'possible'}: the group name `{name.pattern}` {text}"
                spellings.setdefault(key, []).append(name)
                uses.setdefault(key, use)
        for key, names in spellings.items():
            yield self._finding(key, names, uses[key])

    def _finding(self, key: str, names: list[Name], use: Location) -> Finding:
        """One for all the places that spell the name."""
        certainty, _, message = key.partition(": ")
        certain = certainty == "certain"
        free_text = "use a primary key, `slugify()` or a hash, or restrict the route (`<slug:…>`, `[a-zA-Z0-9_-]+`)"
        first = names[0].location
        related = [Related(place, "the same name") for place in dict.fromkeys(name.location for name in names[1:])]
        if not _same_line(use, first):
            related.insert(0, Related(use, "refused here"))
        return self.finding(
            first,
            message,
            level=Level.ERROR if certain else Level.WARNING,
            hint="1 to 99 ASCII letters, digits, `-`, `_` and `.`" if certain else free_text,
            symptom="TypeError: Group name must be a valid unicode string …; HTTP 500 in connect(), later the "
            "connection is lost; a view or task that sends fails",
            related=[each for each in related if each.location != first],
            fix=_fix(names) if certain else None,
        )


def _named(stack: Stack, groups: Groups) -> Iterator[tuple[Name, Location, Send | None]]:
    """Every group name of code that only layers with checks run, with the place that uses it; joins come first."""
    order = ("group_add", "group_send", "group_discard")
    sends = [send for send in stack.sends if send.method in order and not send.in_tests and not send.vendored]
    checked = {path: checks_names(stack, path) for path in {send.path for send in sends}}
    for send in sorted(sends, key=lambda send: order.index(send.method)):
        names = groups.names(send) if checked[send.path] else ()
        for name in names:
            if name.pattern.literal != "" or len(names) == 1:  # else a default that is replaced before it is used
                yield name, send.location, send
    for consumer in stack.consumers:
        if not consumer.in_tests and not consumer.vendored and checks_names(stack, consumer.path):
            for name in groups.attribute_names(consumer):
                yield name, name.location, None


def _same_line(place: Location, other: Location) -> bool:
    return place.path == other.path and place.span.line == other.span.line


def _wrong(name: Name, sources: Sources) -> str | None:
    """What is surely wrong with a name."""
    illegal = [char for text in name.pattern.texts for char in _ILLEGAL.findall(text)]
    if illegal:
        shown = " ".join("space" if char == " " else f"`{char}`" for char in dict.fromkeys(illegal))
        return f"holds characters that are not allowed: {shown}"
    if name.pattern.literal == "":
        return "is empty"
    length = sum(map(len, name.pattern.texts))
    length += UUID_LENGTH * sum(_is_uuid(sources.of(hole, name.consumer), name.consumer) for hole in name.pattern.holes)
    return f"is too long: {length} characters or more" if length > MAX_LENGTH else None


def _is_uuid(source: Source | None, consumer: Consumer | None) -> bool:
    if source is None or source.kind != "kwarg" or consumer is None:
        return False
    captures = [capture for _, capture in captures_of(consumer, source.name)]
    return bool(captures) and all(capture == "<uuid>" for capture in captures)


def _possibly_wrong(name: Name, send: Send | None, sources: Sources) -> str | None:
    """What can be wrong with a name that holds text from outside."""
    for hole in name.pattern.holes:
        source = sources.of(hole, name.consumer)
        doubt = None if source is None else _doubt(source, name.consumer)
        if source is None or doubt is None or (send is not None and sources.is_caught(send.call, send.frame)):
            continue
        if not sources.is_checked(source, *([] if hole.frame is None else [hole.frame])):
            return f"has {doubt}"
    return None


def _doubt(source: Source, consumer: Consumer | None) -> str | None:
    """What a part of the name that comes from there can bring."""
    match source.kind:
        case "email":
            return "an e-mail address in it: `@` is not allowed"
        case "username":
            return "a user name in it: Django allows `@` and `+` there, and letters like é"
        case "path":
            return "the path of the URL in it: `/` is not allowed, and nothing is left of the path `/`"
    if _TAME_NAME.search(source.name):
        return None
    if source.kind == "client":
        return f"`{source.name}` of the client's message in it, which can be any text"
    for route, capture in captures_of(consumer, source.name) if consumer is not None else ():
        odd = odd_character(capture, _ODD)
        if odd is not None:
            shown = "a space" if odd == " " else f"`{odd}`"
            return f"the URL's `{source.name}` in it, and `{route.pattern}` lets {shown} through"
    return None


def _fix(names: list[Name]) -> Fix | None:
    """Underscores for the illegal characters, when every place spells the name as one literal."""
    edits: dict[Location, Edit] = {}
    for name in names:
        node = getattr(name.value, "node", None)
        if not isinstance(node, facts.Constant) or not isinstance(node.value, str):
            return None
        edits[name.location] = Edit(name.location, '"' + _ILLEGAL.sub("_", node.value) + '"')
    mended = _ILLEGAL.sub("_", names[0].pattern.literal or "")
    if not 0 < len(mended) <= MAX_LENGTH:
        return None
    return Fix(tuple(edits.values()), safe=False, title=f"call it `{mended}`")
