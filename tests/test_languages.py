"""Regular expressions as languages, against Python's own `re`."""

from __future__ import annotations

import itertools
import re

import pytest

from wslint.stack.code.languages import Language, NoAnswer, pump, witness

WORDS = ["".join(word) for length in range(5) for word in itertools.product("a1/-", repeat=length)]

EXPRESSIONS = [
    "",
    "a",
    "^a",
    "a$",
    "^a$",
    "^a/$",
    "a/1",
    r"^\w+/$",
    r"^[^/]+/?$",
    r"^(a|1)*-?$",
    r"(a/|^)1",
    r"^a{2,3}$",
    r"^a{0,1}1{2,}$",
    r"^(?:a1?)+/",
    r"^[-\w]*$",
    r"^\D+$",
    r"^a.1$",
]


@pytest.mark.parametrize("expression", EXPRESSIONS)
@pytest.mark.parametrize("whole", [True, False])
def test_takes_what_re_takes(expression: str, whole: bool) -> None:
    language = Language(expression, whole=whole)
    match = re.compile(expression).fullmatch if whole else re.compile(expression).search
    assert [word for word in WORDS if language.takes(word)] == [word for word in WORDS if match(word)]


@pytest.mark.parametrize("inner", EXPRESSIONS)
@pytest.mark.parametrize("outer", EXPRESSIONS)
def test_witness(inner: str, outer: str) -> None:
    one, other = Language(inner, whole=True), Language(outer, whole=False)
    found = witness([one], other)
    told_apart = [
        word for word in WORDS if not word.startswith("/") and re.fullmatch(inner, word) and not re.search(outer, word)
    ]
    if found is None:
        assert not told_apart
    else:
        assert re.fullmatch(inner, found) and not re.search(outer, found)
        assert not told_apart or len(found) <= len(told_apart[0])


@pytest.mark.parametrize(
    "expression",
    [
        r"^(\w+-?)+/$",
        r"^(?:a+|[a1]+)+$",
        r"^(a*)*$",
        r"^(a*1*)*/$",
        r"^(?:[-\w]+\.?)+\d$",
        r"^(.*/)*a$",
    ],
)
def test_pump_makes_ways_double(expression: str) -> None:
    found = pump(Language(expression, whole=True))
    assert found is not None
    beginning, middle, end = found
    short, long = (steps(expression, beginning + middle * times + end) for times in (4, 8))
    assert long > 8 * short


@pytest.mark.parametrize(
    "expression",
    [r"^(\w+-)*\w+/$", r"^\w+\w+/$", r"^([a-z]+/|\d+-)+$", r"^[-\w]+(/\d+)?$", r"^(\d{1,3}\.){3}\d{1,3}$", r"^a*a*a*$"],
)
def test_no_pump_for_one_way(expression: str) -> None:
    assert pump(Language(expression, whole=True)) is None


def test_no_pump_where_nothing_can_fail() -> None:
    assert pump(Language(r"^(?:\w+)+", whole=False)) is None


@pytest.mark.parametrize("expression", [r"(?!a)b", r"(a)\1", r"a\b", r"(?i)a", "(", r"a{500}", r"(?i:a)b"])
def test_no_answer(expression: str) -> None:
    with pytest.raises(NoAnswer):
        Language(expression, whole=True)


def steps(expression: str, word: str) -> int:
    """How many ways of reading beginnings of a word there are: what a backtracking matcher tries."""
    language = Language(expression, whole=True)
    ways = dict.fromkeys(language.begin, 1)
    total = 0
    for char in word:
        after: dict[int, int] = {}
        for state, number in ways.items():
            for following in language.follow[state]:
                if char in language.sets[following]:
                    after[following] = after.get(following, 0) + number
        ways = after
        total += sum(ways.values())
    return total
