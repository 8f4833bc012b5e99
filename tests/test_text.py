"""What strings can be."""

from __future__ import annotations

import pytest
from stacks import patterns, stack_of, use

from wslint.stack.code.text import Pattern

CASES = {
    "a literal": ("use('chat')", ["chat"]),
    "a constant": ("G = 'chat'\nuse(G)", ["chat"]),
    "an f-string": ("use(f'chat_{a}')", ["chat_{…}"]),
    "with a constant in it": ("P = 'chat'\nuse(f'{P}_{a}')", ["chat_{…}"]),
    "with a number in it": ("N = 3\nuse(f'chat_{N}')", ["chat_3"]),
    "with a format": ("N = 3\nuse(f'chat_{N:02d}')", ["chat_{…}"]),
    "with two choices": ("P = 'a' if x else 'b'\nuse(f'{P}_{y}')", ["a_{…}", "b_{…}"]),
    "+": ("use('chat_' + str(a))", ["chat_{…}"]),
    "+ and constants": ("P = 'chat'\nuse(P + '_' + 'all')", ["chat_all"]),
    "+=": ("g = 'chat'\ng += '_all'\nuse(g)", ["chat_all"]),
    "+= in a loop": ("g = 'a'\nfor x in y:\n  g += 'b'\nuse(g)", ["a", "ab", "{…}b"]),
    "%": ("use('chat_%s' % a)", ["chat_{…}"]),
    "% with a tuple": ("use('%s_%d_%%' % ('chat', a))", ["chat_{…}_%"]),
    "% with a dict": ("use('chat_%(id)s' % {'id': 1})", ["chat_{…}"]),
    "format": ("use('chat_{}'.format(a))", ["chat_{…}"]),
    "format by number": ("use('{1}_{0}'.format('a', 'b'))", ["b_a"]),
    "format by name": ("T = 'chat_{id}'\nuse(T.format(id='all'))", ["chat_all"]),
    "format with braces": ("use('{{{}}}'.format('a'))", ["{a}"]),
    "format of what is not given": ("use('chat_{}'.format(*a))", ["chat_{…}"]),
    "join": ("use('_'.join(['chat', a]))", ["chat_{…}"]),
    "join of something": ("use('_'.join(a))", ["{…}"]),
    "a function": ("def g(room):\n  return f'chat_{room}'\nuse(g('all'))", ["chat_all"]),
    "None beside a text": ("g = None\nif a:\n  g = 'chat'\nuse(g)", ["chat"]),
    "None alone": ("use(None)", ["{…}"]),
    "no text": ("use([])", ["{…}"]),
}


@pytest.mark.parametrize("case", CASES)
def test_patterns(case: str) -> None:
    source, expected = CASES[case]
    assert patterns(source) == expected


def test_too_many_choices_leave_room_for_others() -> None:
    choices = "".join(f"x{n} = 'a' if y else 'b'\n" for n in range(6))
    found = patterns(choices + "use(x0 + x1 + x2 + x3 + x4 + x5)")
    assert len(found) <= 18
    assert "{…}" in found


EQUAL = [
    ("'chat'", "'chat'", True),
    ("'chat'", "'chats'", False),
    ("f'chat_{a}'", "'chat_1'", True),
    ("f'chat_{a}'", "'room_1'", False),
    ("f'chat_{a}'", "f'{b}_1'", True),
    ("f'chat_{a}_x'", "f'chat_{b}_y'", False),
    ("f'{a}'", "'anything'", True),
    ("f'a{b}c'", "f'ab{c}'", True),
    ("''", "f'{a}'", True),
    ("''", "f'{a}x'", False),
]


@pytest.mark.parametrize(("left", "right", "could"), EQUAL)
def test_could_equal(left: str, right: str, could: bool) -> None:
    one, other = only(left), only(right)
    assert one.could_equal(other) is could
    assert other.could_equal(one) is could


def test_long_patterns_are_compared_in_time() -> None:
    holes = "".join(f"{{a{n}}}x" for n in range(300))
    assert only(f"f'{holes}'").could_equal(only(f"f'{holes}y'")) is False


def only(expr: str) -> Pattern:
    stack = stack_of({"main.py": f"use({expr})"})
    (pattern,) = stack.texts.of(*use(stack))
    return pattern
