"""Every path of a consumer's methods: is the socket connecting, accepted or closed, and what is set on `self`?

An abstract interpreter over the lowered bodies. It follows helper methods, `super()`, project base classes, decorators
and functions of the project that are given the consumer; it knows what a helper returned on which path, tests that are
asked twice, and what an exception skips. What it cannot follow makes the socket *unknown*, and unknown is silence.

    life          the methods Channels calls, and the states they start in
    walk          one entry point: trying → statements → expressions → calls → bodies → conditions → path
    subject       the consumer, and what its code says whatever the path (keys, holders, decorators)
    state         where a path can be; truth: what is known of a value; errors: who catches what
    occurrence    what a flow tells
"""

from wslint.flow.endless import Endless, Endlessness, Stuck, endlessness_of, stuck_turns
from wslint.flow.life import Life, is_handler, life_of
from wslint.flow.longwork import LongWork, Work, long_work_of
from wslint.flow.occurrence import Exit, Flow, Occurrence
from wslint.flow.state import ACCEPTED, ANY_ATTRIBUTE, CLOSED, CONNECTING, UNKNOWN, State
from wslint.flow.tasks import Task, Tasks
from wslint.flow.turn import Run, Turn, Turns, turns_of, walked

__all__ = [
    "ACCEPTED",
    "ANY_ATTRIBUTE",
    "CLOSED",
    "CONNECTING",
    "UNKNOWN",
    "Endless",
    "Endlessness",
    "Exit",
    "Flow",
    "Life",
    "LongWork",
    "Occurrence",
    "Run",
    "State",
    "Stuck",
    "Task",
    "Tasks",
    "Turn",
    "Turns",
    "Work",
    "endlessness_of",
    "is_handler",
    "life_of",
    "long_work_of",
    "stuck_turns",
    "turns_of",
    "walked",
]
