"""What a function can be called with."""

from __future__ import annotations

from wslint.facts import model as m

_NAMED = ("positional-only", "positional", "keyword-only")


def takes(node: m.FunctionDef, positional: int, keywords: tuple[str, ...] = ()) -> bool:
    """Can a method be called with so many positional arguments besides self and these keywords?"""
    params = list(node.params)
    places = [param for param in params if param.kind.startswith("positional")]
    stars = {param.kind for param in params}
    if not places and "*" not in stars:
        return False
    places = places[1:]
    if len(places) < positional and "*" not in stars:
        return False
    given = {param.name for param in places[:positional]}
    by_name = {param.name for param in params if param.kind in ("positional", "keyword-only")}
    for keyword in keywords:
        if keyword in by_name and keyword not in given:
            given.add(keyword)
        elif "**" not in stars:
            return False
    required = [param for param in (*places, *params) if param.default is None and param.kind in _NAMED]
    own = node.params[0].name if node.params else ""
    return all(param.name in given or param.name == own for param in required)


def shown(node: m.FunctionDef) -> str:
    """The parameters as they are written, defaults left out."""
    words: list[str] = []
    starred = False
    for param in node.params:
        if param.kind == "keyword-only" and not starred:
            words.append("*")
        starred = starred or param.kind in ("*", "keyword-only")
        sign = param.kind if param.kind in ("*", "**") else ""
        words.append(sign + param.name + ("=…" if param.default is not None else ""))
    return ", ".join(words)
