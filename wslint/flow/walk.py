"""A walk: every path of one entry point, from the states it can start in."""

from __future__ import annotations

from wslint.flow.occurrence import Exit, Flow
from wslint.flow.state import ACCEPTED, CLOSED, UNKNOWN, GaveUp, State, forget, joined
from wslint.flow.subject import Subject, self_name_of
from wslint.flow.trying import Trying
from wslint.stack.code.classes import Method


class Walk(Trying):
    """Statements, expressions, calls and exceptions together."""

    def flow(self, method: Method, starts: tuple[State, ...]) -> Flow:
        run = self.decorated(method)
        if run.foreign is not False:
            return Flow(method, False, (), ())
        frame = self.entry_frame(run.method)
        try:
            out = self.body(run.method, self_name_of(run.method), joined(starts), frame)
            exits = [Exit("end", method.node, state, method) for state in out.next]
            exits += [Exit("return", node, state, run.method) for state, node in out.returned]
            exits += self._thrown()
        except (GaveUp, RecursionError):
            return Flow(method, False, (), (), self.steps)
        found = sorted(self.occurrences.values(), key=lambda occurrence: occurrence.location)
        known = all(exit.state.socket != UNKNOWN for exit in exits if exit.how != "raise")
        return Flow(method, known, tuple(found), tuple(exits), self.steps, starts)

    def _thrown(self) -> list[Exit]:
        """What nobody caught: Channels takes DenyConnection, AcceptConnection and StopConsumer."""
        exits: list[Exit] = []
        for state, _, node, method, ending in dict.fromkeys(self.thrown):
            if node is None or method is None:
                continue
            if ending is None:
                exits.append(Exit("raise", node, state, method))
                continue
            self.note(ending, [state])
            if ending.kind == "deny":
                state = state.but(socket=CLOSED, closed_by=ending)
            elif ending.kind == "accept":
                state = state.but(socket=ACCEPTED, accepted_by=ending)
            exits.append(Exit("stop" if ending.kind == "stop" else "deny", node, forget(state), method))
        return exits


def walk(subject: Subject, method: Method, starts: tuple[State, ...]) -> Flow:
    """All paths of one method."""
    return Walk(subject).flow(method, starts)
