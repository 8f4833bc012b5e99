"""How long a socket lives, and how long its place in a group does (`group_expiry`)."""

from __future__ import annotations

import re
from dataclasses import dataclass

from wslint.facts import model as m
from wslint.facts.walk import within
from wslint.stack.code.values import Display, Frame, Literal
from wslint.stack.model import Process, Settings, Stack

DAY = 86400
"""Seconds: the default of group_expiry, and of daphne's --websocket_timeout, made to be the same."""

_TIMEOUT = re.compile(r"--websocket_timeout[= ](\S+)")
_RENEWS = re.compile(r"heart_?beat|ping|keep_?alive|refresh|renew|rejoin|touch", re.IGNORECASE)


@dataclass(frozen=True)
class SocketLife:
    """The seconds that a socket can be open, and the command that says so (None: the default)."""

    seconds: int
    process: Process | None = None


def socket_life(settings: Settings) -> SocketLife | None:
    """How long the sockets of a project can live; None when that cannot be read."""
    lives: list[SocketLife] = []
    for process in settings.processes:
        if process.command.program != "daphne":
            continue
        given = _TIMEOUT.search(" ".join(process.command.words))
        if given is None or re.fullmatch(r"-\d+", given[1]):
            lives.append(SocketLife(DAY))  # below zero: for ever, and the default is all that is asked of the expiry
        elif given[1].isdecimal():
            lives.append(SocketLife(int(given[1]), process))
        else:
            return None
    return max(lives, key=lambda life: life.seconds, default=SocketLife(DAY))


def is_renewed(stack: Stack) -> bool:
    """Does a consumer join its groups again from time to time?"""
    for join in stack.joins:
        function = join.inside
        if function is None or join.consumer is None:
            continue
        loops = (node for node in within(function.node.body) if isinstance(node, m.While))
        if _RENEWS.search(function.name) or any(join.call in within(loop.body) for loop in loops):
            return True
    return False


def seconds_of(stack: Stack, expr: m.Expr, frame: Frame) -> float | None:
    """A number that is written out, `60 * 15` too."""
    match stack.values.one(expr, frame):
        case Literal(value=bool()):
            return None
        case Literal(value=int() | float() as number):
            return number
        case Display(node=m.BinaryOp(op="*", left=left, right=right), frame=home):
            first, second = seconds_of(stack, left, home), seconds_of(stack, right, home)
            return None if first is None or second is None else first * second
        case _:
            return None
