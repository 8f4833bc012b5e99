"""Exceptions on a path: `raise`, `try`, `finally`, and `with` blocks that swallow."""

from __future__ import annotations

from wslint.facts import model as m
from wslint.facts.walk import below
from wslint.flow.errors import ACCEPT, DENY, STOP, Error, Thrown, catches, error_of, guards_attributes
from wslint.flow.state import Out, State, joined, valueless
from wslint.flow.statements import Statements
from wslint.flow.truth import UNSURE, Truth
from wslint.stack.code.values import CallValue, ClassValue, ExternalValue, FunctionValue


class Trying(Statements):
    """Leaving by an exception, and taking it up again."""

    def raises(self, node: m.Raise, states: list[State]) -> Out:
        if node.exception is None:
            errors = self.handling[-1] if self.handling else (None,)
            for error in errors:
                self._raised(node, error, states)
            return Out()
        if isinstance(node.exception, m.Call):
            for arg in node.exception.args:
                states = valueless(self.expr(arg.value, states))
        self._raised(node, error_of(node.exception, self.place.frame, self.values), states)
        return Out()

    def _raised(self, node: m.Raise, error: Error | None, states: list[State]) -> None:
        kind = None if error is None else next((kind for name, kind in _ENDS.items() if name in error.names), None)
        ending = None if kind is None else self.happening(kind, node, "")
        self.throw(Thrown(state, error, node, self.place.method, ending) for state in states)

    def tries(self, node: m.Try, states: list[State]) -> Out:
        if not node.finalbody:
            return self._handled(node, states)
        with self.catch() as passing:
            out = self._handled(node, states)
        return self._finally(node, out, passing)

    def _handled(self, node: m.Try, states: list[State]) -> Out:
        """The block, its handlers and its `else`; what no handler takes is thrown on."""
        if not node.handlers:
            out = self.block(node.body, states)
        else:
            guarded = any(
                guards_attributes(handler.exception, self.place.frame, self.values) for handler in node.handlers
            )
            with self.catch() as caught, self.guarded(guarded):
                out = self.block(node.body, states)
            if out.next and node.orelse:
                orelse = self.block(node.orelse, out.next)
                out.next = []
                out.jumps(orelse)
                out.next = orelse.next
            for handler, taken in self._sorted(node, caught):
                entering = joined({thrown.state: None for thrown in taken})
                if handler.name is not None:
                    entering = self.bind(handler.name, entering)
                self.handling.append(tuple(dict.fromkeys(thrown.error for thrown in taken)))
                done = self.block(handler.body, entering)
                self.handling.pop()
                out.jumps(done)
                out.next += done.next
            out.next = joined(out.next)
            return out
        if out.next and node.orelse:
            orelse = self.block(node.orelse, out.next)
            out.jumps(orelse)
            out.next = orelse.next
        return out

    def _sorted(self, node: m.Try, caught: list[Thrown]) -> list[tuple[m.Handler, list[Thrown]]]:
        """What comes to each handler; the rest is thrown on."""
        rest = list(dict.fromkeys(caught))
        out: list[tuple[m.Handler, list[Thrown]]] = []
        for handler in node.handlers:
            answers: dict[Error | None, bool | None] = {
                error: catches(handler.exception, error, self.place.frame, self.values)
                for error in {thrown.error for thrown in rest}
            }
            taken = [thrown for thrown in rest if answers[thrown.error] is not False]
            rest = [thrown for thrown in rest if answers[thrown.error] is not True]
            if taken:
                out.append((handler, taken))
        self.throw(rest)
        return out

    def _finally(self, node: m.Try, out: Out, passing: list[Thrown]) -> Out:
        """Run the last block on every way that leads through it."""
        body = node.finalbody
        done = self.block(body, out.next) if out.next else Out()
        for (where, value), states in _by_return(out.returned).items():
            passed = self.block(body, [state.valued(UNSURE) for state in states])
            done.jumps(passed)
            done.returned += [(left.valued(value), where) for left in passed.next]
        for thrown in _by_cause(passing).values():
            passed = self.block(body, joined([one.state for one in thrown]))
            done.jumps(passed)
            self.throw(thrown[0]._replace(state=left) for left in passed.next)
        for states, jumps in ((out.broke, done.broke), (out.continued, done.continued)):
            if states:
                passed = self.block(body, joined(states))
                done.jumps(passed)
                jumps += passed.next
        return done

    # --- with ---

    def enters(self, node: m.With, states: list[State]) -> Out:
        for item in node.items:
            states = valueless(self.expr(item.value, states))
            if node.is_async:
                self.may_throw(states)
            if item.target is not None:
                states = self.assign(item.target, states)
        swallowed = [caught for item in node.items for caught in self._swallowed(item.value)]
        if not swallowed:
            return self.block(node.body, states)
        guarded = any(guards_attributes(caught, self.place.frame, self.values) for caught in swallowed)
        with self.catch() as caught, self.guarded(guarded):
            out = self.block(node.body, states)
        cut: list[State] = []
        for thrown in dict.fromkeys(caught):
            answers = {catches(one, thrown.error, self.place.frame, self.values) for one in swallowed}
            if answers != {False}:
                cut.append(thrown.state)
            if True not in answers:
                self.throw([thrown])
        out.next = joined([*out.next, *cut])
        return out

    def _swallowed(self, manager: m.Expr) -> list[m.Expr | None]:
        """The exceptions that a context manager swallows; None: some or all."""
        func = manager.func if isinstance(manager, m.Call) else manager
        value = self.values.one(func, self.place.frame)
        if isinstance(value, ExternalValue) and isinstance(manager, m.Call):
            if value.dotted == "contextlib.suppress":
                return [arg.value for arg in manager.args]
            return [None] if value.dotted in _CUT_SHORT else []
        if isinstance(value, FunctionValue):
            tries = (inner for inner in below(value.node) if isinstance(inner, m.Try) and inner.handlers)
            return [None] if any(any(isinstance(one, m.Yield) for one in below(inner)) for inner in tries) else []
        cls = value.cls if isinstance(value, ClassValue) else None
        if isinstance(value, CallValue) and isinstance(value.callee, ClassValue):
            cls = value.callee.cls
        for name in ("__exit__", "__aexit__"):
            method = cls.method(name) if cls is not None else None
            if method is not None and any(
                isinstance(inner, m.Return)
                and inner.value is not None
                and not (isinstance(inner.value, m.Constant) and not inner.value.value)
                for inner in below(method.node)
            ):
                return [None]
        return []


def _by_return(returned: list[tuple[State, m.Node]]) -> dict[tuple[m.Node, Truth], list[State]]:
    found: dict[tuple[m.Node, Truth], list[State]] = {}
    for state, node in dict.fromkeys(returned):
        found.setdefault((node, state.value), []).append(state)
    return found


def _by_cause(thrown: list[Thrown]) -> dict[tuple[object, ...], list[Thrown]]:
    found: dict[tuple[object, ...], list[Thrown]] = {}
    for one in dict.fromkeys(thrown):
        found.setdefault((one.error, one.node, one.ending), []).append(one)
    return found


_ENDS = {DENY: "deny", ACCEPT: "accept", STOP: "stop"}

_CUT_SHORT = frozenset({"anyio.move_on_after", "anyio.move_on_at", "trio.move_on_after", "async_timeout.move_on"})
"""Context managers that end their block early and go on behind it."""
