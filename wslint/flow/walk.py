"""Statements and expressions on a path."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace

from wslint.facts import model as m
from wslint.facts.walk import children, within
from wslint.flow.call import MAX_DEPTH, STOCK, Calls, Place, self_name_of
from wslint.flow.condition import (
    compared,
    correlated,
    literal_truth,
    mentions,
    paths,
    positive,
    repeated_tests,
    sources,
    text,
)
from wslint.flow.state import (
    ACCEPTED,
    CLOSED,
    CONNECTING,
    UNKNOWN,
    UNSURE,
    Exit,
    Flow,
    GaveUp,
    Out,
    State,
    Sure,
    Truth,
    Unsure,
    forget,
    joined,
    rejoined,
    unknown,
    valueless,
)
from wslint.stack.classes import Method
from wslint.stack.values import Frame

END = 1 << 60
"""A line behind every other."""

TURNS = 2
"""How often a loop's body is run."""


class Walk(Calls):
    """One walk from one entry point."""

    def flow(self, method: Method, starts: tuple[State, ...]) -> Flow:
        if not self._plain(method):
            return Flow(method, False, (), ())
        try:
            out = self.body(method, self_name_of(method), list(starts), self._entry_frame(method))
        except (GaveUp, RecursionError):
            return Flow(method, False, (), ())
        exits = [Exit("end", method.node, state) for state in out.next]
        exits += [Exit("return", node, state) for state, node in out.returned]
        exits += [Exit("raise", node, state) for state, node in out.raised]
        exits += self.left
        found = sorted(self.occurrences.values(), key=lambda occurrence: occurrence.location)
        known_all = all(exit.state.socket != UNKNOWN for exit in exits if exit.how != "raise")
        return Flow(method, known_all, tuple(found), tuple(exits))

    # --- bodies and blocks ---

    def body(self, method: Method, self_name: str | None, states: list[State], frame: Frame) -> Out:
        """Run a whole function body; its returns are in `returned`."""
        node = method.node
        if node in self.active or len(self.active) >= MAX_DEPTH:
            return Out(next=states)
        states = joined(states)
        entry = id(self.entry_call)
        key = (id(node), id(frame), entry, frozenset(states), bool(self.conditions), self.guards > 0, self.muted)
        if key in self.memo:
            return self.memo[key]
        self.active.append(node)
        loops, self.loops = self.loops, 0
        outer = self.__dict__.get("place")
        asked = {**repeated_tests(node), **dict.fromkeys(self.own_tests, END)}
        self.place = Place(method, self_name, asked, frame, sources(node))
        try:
            out = self.block(node.body, states)
        finally:
            self.active.pop()
            self.loops = loops
            if outer is not None:
                self.place = outer
        self.memo[key] = out
        return out

    def block(self, body: tuple[m.Stmt, ...], states: list[State]) -> Out:
        out = Out(next=joined(states))
        for statement in body:
            if not out.next:
                break
            step = self.statement(statement, out.next)
            out.jumps(step)
            out.next = joined(self._asked_later(state, statement) for state in step.next)
        return out

    def _asked_later(self, state: State, statement: m.Stmt) -> State:
        """Forget what no later test asks about, so that states stay few; a loop may ask again."""
        if not state.facts or self.loops:
            return state
        asked, line = self.place.asked, statement.span.end_line
        kept = frozenset(fact for fact in state.facts if asked.get(fact[0], END) > line)
        return state if len(kept) == len(state.facts) else replace(state, facts=kept)

    def statement(self, node: m.Stmt, states: list[State]) -> Out:
        match node:
            case m.ExpressionStatement():
                after = valueless(self.expr(node.value, states, dropped=True))
                return Out(next=self._named(node.value, after))
            case m.Assign():
                after = states if node.value is None else self.expr(node.value, states)
                after = self._tie_bound(states, after, node.targets)
                for target in node.targets:
                    after = self.assign(target, after) if node.value is not None else after
                return Out(next=valueless(after))
            case m.AugmentedAssign():
                after = self.expr(node.value, self.expr(node.target, states))
                return Out(next=valueless(self.assign(node.target, valueless(after))))
            case m.Return():
                after = states if node.value is None else self.expr(node.value, states)
                if node.value is None:
                    after = [replace(state, value=None) for state in after]
                elif self._returns_coroutine(node.value):
                    after = [unknown(state) for state in after]
                return Out(returned=[(state, node) for state in after])
            case m.Raise():
                return self._raise(node, states)
            case m.Assert():
                return Out(next=self.split(node.test, states)[0])
            case m.Delete():
                return Out(next=self._deleted(node, states))
            case m.Jump(kind="break"):
                return Out(broke=states)
            case m.Jump(kind="continue"):
                return Out(continued=states)
            case m.If():
                return self._if(node, states)
            case m.While() | m.For():
                return self._loop(node, states)
            case m.Try():
                return self._try(node, states)
            case m.With():
                return self._with(node, states)
            case m.Match():
                return self._match(node, states)
            case _:
                return Out(next=states)

    def _if(self, node: m.If, states: list[State]) -> Out:
        true, false = self.split(node.test, states)
        with self._under(node.test):
            body = self.block(node.body, true)
            orelse = self.block(node.orelse, false)
        out = Out(
            next=rejoined(
                self._tie_arm(node.test, node.body, true, body.next, orelse.next, false),
                self._tie_arm(node.test, node.orelse, false, orelse.next, body.next, true),
                states,
            )
        )
        out.jumps(body)
        out.jumps(orelse)
        return out

    def _loop(self, node: m.While | m.For, states: list[State]) -> Out:
        out = Out()
        broke: list[State] = []
        ended: list[State] = []
        if isinstance(node, m.For):
            states = valueless(self.expr(node.iterable, states))
        entering = states
        for turn in range(TURNS + 1):
            inside, over = self._turn(node, entering)
            ended += over
            if turn == TURNS or not inside:
                break
            self.loops += 1
            with self._under(None if _endless(node) else node.test if isinstance(node, m.While) else node.iterable):
                body = self.block(node.body, inside)
            self.loops -= 1
            out.returned += body.returned
            out.raised += body.raised
            broke += body.broke
            entering = joined([*body.next, *body.continued])
        after = self.block(node.orelse, joined(ended))
        out.jumps(after)
        left = [*after.next, *broke]
        out.next = rejoined(left, left, states)
        return out

    def _turn(self, node: m.While | m.For, entering: list[State]) -> tuple[list[State], list[State]]:
        """The states that run the body once more, and those in which the loop is over."""
        if isinstance(node, m.For):
            inside = [self._doubted(state, node.iterable) for state in entering]
            return valueless(self.assign(node.target, inside)), entering
        return (entering, []) if _endless(node) else self.split(node.test, entering)

    def _try(self, node: m.Try, states: list[State]) -> Out:
        out = Out()
        before: list[State] = []
        current = states
        with self._guarded(_catches_attribute_error(node, self)):
            for statement in node.body:
                if not current:
                    break
                if may_raise(statement):
                    before += current
                step = self.statement(statement, current)
                out.returned += step.returned
                out.broke += step.broke
                out.continued += step.continued
                before += [state for state, _ in step.raised]
                if not node.handlers:
                    out.raised += step.raised
                current = joined(step.next)
        body_next = current
        if body_next and node.orelse:
            orelse = self.block(node.orelse, body_next)
            out.jumps(orelse)
            body_next = orelse.next
        out.next += body_next
        entering = joined([replace(state, doubt=state.doubt + (state.socket == CLOSED)) for state in before])
        for handler in node.handlers:
            caught = self.block(handler.body, entering)
            out.jumps(caught)
            out.next += caught.next
        out.next = joined(out.next)
        if node.finalbody:
            return self._finally(node, out, entering)
        return out

    def _finally(self, node: m.Try, out: Out, raising: list[State]) -> Out:
        def run(states: list[State]) -> Out:
            return self.block(node.finalbody, states) if states else Out()

        after = run(out.next)
        done = Out(next=after.next)
        done.jumps(after)
        for state, where in out.returned:
            passed = run([replace(state, value=UNSURE)])
            done.jumps(passed)
            done.returned += [(replace(left, value=state.value), where) for left in passed.next]
        for raised, cause in out.raised:
            passed = run([raised])
            done.jumps(passed)
            done.raised += [(left, cause) for left in passed.next]
        done.broke += run(out.broke).next
        done.continued += run(out.continued).next
        if not node.handlers:
            run(raising)
        return done

    def _with(self, node: m.With, states: list[State]) -> Out:
        for item in node.items:
            states = valueless(self.expr(item.value, states))
            if item.target is not None:
                states = self.assign(item.target, states)
        suppressing = any(self._suppresses(item.value) for item in node.items)
        with self._guarded(suppressing):
            out = self.block(node.body, states)
        if suppressing:
            out.next = joined([*out.next, *(state for state, _ in out.raised)])
            out.raised = []
        return out

    def _suppresses(self, value: m.Expr) -> bool:
        if not isinstance(value, m.Call):
            return False
        return self.values.dotted(value.func, self.place.method.frame) == "contextlib.suppress"

    def _match(self, node: m.Match, states: list[State]) -> Out:
        states = valueless(self.expr(node.subject, states))
        out = Out()
        entering = [self._doubted(state, node.subject) for state in states]
        with self._under(node.subject):
            arms = [self.block(case.body, entering) for case in node.cases]
        nexts = [arm.next for arm in arms]
        if not any(case.catch_all for case in node.cases):
            nexts.append(entering)
        for arm in arms:
            out.jumps(arm)
        for found in nexts:
            out.next = rejoined(out.next, found, states) if out.next else found
        return out

    def _raise(self, node: m.Raise, states: list[State]) -> Out:
        if node.exception is not None:
            exception = node.exception
            if isinstance(exception, m.Call):
                for arg in exception.args:
                    states = valueless(self.expr(arg.value, states))
            dotted = self.values.dotted(
                exception.func if isinstance(exception, m.Call) else exception, self.place.method.frame
            )
            if dotted in _ENDS and not self.guards:
                kind, socket = _ENDS[dotted]
                occurrence = self._occur(kind, node, states, "")
                if socket == CLOSED:
                    states = [self._closed(state, occurrence) for state in states]
                elif socket == ACCEPTED:
                    states = [replace(state, socket=ACCEPTED, accepted_by=occurrence) for state in states]
                self.left += [Exit("stop" if kind == "stop" else "deny", node, forget(state)) for state in states]
                return Out()
        return Out(raised=[(state, node) for state in states])

    def _deleted(self, node: m.Delete, states: list[State]) -> list[State]:
        for target in node.targets:
            name = self._own_attribute(target)
            if name is not None:
                states = [replace(state, attributes=state.attributes - {name}) for state in states]
        return states

    # --- conditions ---

    @contextmanager
    def _under(self, test: m.Expr | None) -> Iterator[None]:
        if test is None:
            yield
            return
        self.conditions.append(test)
        try:
            yield
        finally:
            self.conditions.pop()

    @contextmanager
    def _guarded(self, on: bool) -> Iterator[None]:
        self.guards += on
        try:
            yield
        finally:
            self.guards -= on

    def split(self, test: m.Expr, states: list[State]) -> tuple[list[State], list[State]]:
        """The states in which a test is true and those in which it is false, with what each then knows."""
        true: list[State] = []
        false: list[State] = []
        for state in self.expr(test, states):
            value = state.value
            state = replace(state, value=UNSURE)
            if isinstance(value, Unsure):
                state = self._doubted(state, test)
                true.append(self._assume(test, True, state))
                false.append(self._assume(test, False, state))
            elif value:
                true.append(state)
            else:
                false.append(state)
        return joined(true), joined(false)

    def _doubted(self, state: State, test: m.Expr) -> State:
        """Pass a condition that may depend on what decided about the close."""
        if state.tied and correlated(paths(test), state.tied, self.place.computed):
            return replace(state, doubt=state.doubt + 1)
        return state

    def _tie_bound(self, before: list[State], after: list[State], targets: tuple[m.Expr, ...]) -> list[State]:
        """What is bound to the result of a call that may have closed tells whether it did."""
        closes = {state.closed_by for state in before}
        if all(state.closed_by in closes for state in after):
            return after
        names = frozenset().union(*(paths(target) for target in targets))
        return [replace(state, tied=state.tied | names) for state in after]

    def _tie_arm(
        self,
        test: m.Expr,
        body: tuple[m.Stmt, ...],
        entered: list[State],
        left: list[State],
        other: list[State],
        other_entered: list[State],
    ) -> list[State]:
        """What an arm that closed bound besides; what the arm beside it knows by not having been it."""
        closes = {state.closed_by for state in entered}
        others = {state.closed_by for state in other_entered}
        bound = frozenset().union(*(paths(target) for target in _targets(body)))
        out: list[State] = []
        for state in left:
            if state.closed_by not in closes:
                state = replace(state, tied=state.tied | bound)
            elif any(beside.closed_by not in others for beside in other):
                state = replace(state, tied=state.tied | paths(test))
            out.append(state)
        return out

    def _assume(self, test: m.Expr, truth: bool, state: State) -> State:
        plain, negated = positive(test)
        if negated:
            return self._assume(plain, not truth, state)
        match test:
            case m.Call(func=m.Name(id="hasattr"), args=(owner, name)) if truth:
                key = name.value.value if isinstance(name.value, m.Constant) else None
                if isinstance(key, str) and text(owner.value) == self.place.self_name:
                    return replace(state, attributes=state.attributes | {key})
                return state
            case m.BoolOp(op="and") if truth:
                return self._assume(test.right, True, self._assume(test.left, True, state))
            case m.BoolOp(op="or") if not truth:
                return self._assume(test.right, False, self._assume(test.left, False, state))
            case m.Compare(op="is" | "==" | "is not" | "!=", right=m.Constant(value=None)):
                is_none = truth if test.op in ("is", "==") else not truth
                return self._fact(text(test.left), None, state) if is_none else self._fact(text(test), truth, state)
            case m.Compare(op="==" | "!=", right=m.Constant() as right) if truth is (test.op == "=="):
                return self._fact(text(test.left), literal_truth(right), state)
            case m.Walrus():
                return self._assume(test.target, truth, state)
            case _:
                return self._fact(text(test), truth, state)

    def _fact(self, key: str | None, value: Sure, state: State) -> State:
        if key is None or key not in self.place.asked:
            return state
        kept = {fact for fact in state.facts if fact[0] != key}
        return replace(state, facts=frozenset({*kept, (key, value)}))

    def _known(self, key: str | None, state: State) -> Truth:
        if key is not None:
            for name, value in state.facts:
                if name == key:
                    return value
        return UNSURE

    # --- expressions ---

    def expr(self, node: m.Expr, states: list[State], *, dropped: bool = False) -> list[State]:
        """Run an expression; each state then carries what is known of its value."""
        match node:
            case m.Constant():
                return [replace(state, value=literal_truth(node)) for state in states]
            case m.Name():
                return [replace(state, value=self._known(node.id, state)) for state in states]
            case m.Attribute():
                return self._attribute(node, states)
            case m.Await():
                return self._awaited(node, states)
            case m.Call():
                return self.call(node, states, dropped=dropped)
            case m.UnaryOp(op="not"):
                after = self.expr(node.operand, states)
                return [
                    state if isinstance(state.value, Unsure) else replace(state, value=not state.value)
                    for state in after
                ]
            case m.BoolOp():
                return self._bool(node, states)
            case m.Compare():
                return self._compare(node, states)
            case m.Conditional():
                true, false = self.split(node.test, states)
                with self._under(node.test):
                    body = self.expr(node.body, true)
                    orelse = self.expr(node.orelse, false)
                return rejoined(body, orelse, states)
            case m.Walrus():
                after = self._tie_bound(states, self.expr(node.value, states), (node.target,))
                return self.assign(node.target, after)
            case m.Lambda():
                return valueless(states)
            case m.Comprehension():
                after = states
                for generator in node.generators:
                    after = valueless(self.expr(generator.iterable, after))
                with self._under(node):
                    made = self.expr(node.element, after)
                return valueless([*after, *made])
            case _:
                after = self._part(node, states)
                truth = self._structured(node)
                return [replace(state, value=truth) for state in after]

    def _structured(self, node: m.Expr) -> Truth:
        if isinstance(node, m.Dict | m.Sequence):
            return bool(node.items)
        return UNSURE

    def _part(self, node: m.Node, states: list[State]) -> list[State]:
        for child in children(node):
            states = self._part(child, states) if isinstance(child, _PARTS) else valueless(self.expr(child, states))  # type: ignore[arg-type]
        return states

    def _named(self, node: m.Expr, states: list[State]) -> list[State]:
        """`self.accept` or `await self.close`, named and not called: taken as meant, another rule's finding."""
        name = self._own_attribute(node.value if isinstance(node, m.Await) else node)
        if name not in ("accept", "close") or self.consumer.method(name) is not None:
            return states
        occurrence = self._occur(name, node, states, name, dropped=True)
        if name == "accept":
            return [
                replace(s, socket=ACCEPTED, accepted_by=occurrence) if s.socket == CONNECTING else s for s in states
            ]
        return [self._closed(state, occurrence) for state in states]

    def _returns_coroutine(self, node: m.Expr) -> bool:
        """`return self.close()` in a coroutine: whether anybody awaits it is not known."""
        if not self.place.method.node.is_async or not isinstance(node, m.Call):
            return False
        name = self._own_attribute(node.func)
        if name is None or self.consumer.is_async is not True:
            return False
        method = self.consumer.method(name)
        return name in STOCK if method is None else method.node.is_async

    def _attribute(self, node: m.Attribute, states: list[State]) -> list[State]:
        name = self._own_attribute(node)
        if name is None:
            after = valueless(self.expr(node.value, states))
        else:
            self._occur("read", node, states, name)
            after = [replace(state, attributes=state.attributes | {name}) for state in states]
        plain, negated = positive(node)
        values = [self._known(text(plain), state) for state in after]
        return [
            replace(state, value=value if isinstance(value, Unsure) or not negated else not value)
            for state, value in zip(after, values, strict=True)
        ]

    def _bool(self, node: m.BoolOp, states: list[State]) -> list[State]:
        wanted = node.op == "and"
        out: list[State] = []
        going: list[State] = []
        for state in self.expr(node.left, states):
            if isinstance(state.value, Unsure):
                stop = self._assume(node.left, not wanted, state)
                out.append(self._doubted(replace(stop, value=not wanted), node.left))
                going.append(self._doubted(replace(self._assume(node.left, wanted, state), value=UNSURE), node.left))
            elif bool(state.value) is wanted:
                going.append(replace(state, value=UNSURE))
            else:
                out.append(state)
        with self._under(node.left):
            out += self.expr(node.right, joined(going)) if going else []
        return rejoined(out, out, states)

    def _compare(self, node: m.Compare, states: list[State]) -> list[State]:
        after = self.expr(node.left, states)
        plain, negated = positive(node)
        if negated and isinstance(plain, m.Compare):
            return [
                state if isinstance(state.value, Unsure) else replace(state, value=not state.value)
                for state in self._compare(plain, states)
            ]
        key = text(node)
        if isinstance(node.right, m.Constant) and node.op in ("is", "==", "is not", "!="):
            same = node.op in ("is", "==")
            sure = [replace(state, value=compared(state.value, node.right.value, same)) for state in after]
            return [
                replace(state, value=self._known(key, state)) if isinstance(state.value, Unsure) else state
                for state in sure
            ]
        after = valueless(self.expr(node.right, valueless(after)))
        return [replace(state, value=self._known(key, state)) for state in after]

    def _awaited(self, node: m.Await, states: list[State]) -> list[State]:
        if isinstance(node.value, m.Call):
            return self.call(node.value, states, awaited=True)
        return self.expr(node.value, states)

    def assign(self, target: m.Expr, states: list[State]) -> list[State]:
        """Bind a target; each state's value is what is bound."""
        if isinstance(target, m.Sequence):
            for item in target.items:
                states = self.assign(item, valueless(states))
            return states
        if isinstance(target, m.Starred):
            return self.assign(target.value, valueless(states))
        if isinstance(target, m.Subscript):
            return valueless(self.expr(target.index, self.expr(target.value, states)))
        key = text(target)
        if key is None:
            return states
        name = self._own_attribute(target)
        out: list[State] = []
        for state in states:
            facts = frozenset(fact for fact in state.facts if not mentions(fact[0], key))
            changed = replace(state, facts=facts)
            if name is not None:
                changed = replace(changed, attributes=changed.attributes | {name})
            if not isinstance(state.value, Unsure):
                changed = self._fact(key, state.value, changed)
            out.append(changed)
        return out


_PARTS = (m.Argument, m.DictItem, m.Generator, m.Parameter)

_ENDS: dict[str | None, tuple[str, str]] = {
    "channels.exceptions.DenyConnection": ("deny", CLOSED),
    "channels.exceptions.AcceptConnection": ("accept", ACCEPTED),
    "channels.exceptions.StopConsumer": ("stop", ""),
}


def _endless(node: m.While | m.For) -> bool:
    return isinstance(node, m.While) and isinstance(node.test, m.Constant) and bool(node.test.value)


def _targets(body: tuple[m.Stmt, ...]) -> Iterator[m.Expr]:
    for node in within(body):
        if isinstance(node, m.Assign):
            yield from node.targets


def may_raise(node: m.Stmt) -> bool:
    """Can a statement raise, apart from accepting, closing or sending itself?"""
    for found in within((node,)):
        if isinstance(found, (m.Subscript, m.Raise, m.Assert)):
            return True
        if isinstance(found, m.Call):
            func = found.func
            if not (isinstance(func, m.Attribute) and func.attr in STOCK):
                return True
    return False


def _catches_attribute_error(node: m.Try, run: Walk) -> bool:
    for handler in node.handlers:
        if handler.exception is None:
            return True
        names = handler.exception.items if isinstance(handler.exception, m.Sequence) else (handler.exception,)
        for name in names:
            if run.values.dotted(name, run.place.method.frame) in _CATCH_ATTRIBUTE_ERROR:
                return True
    return False


_CATCH_ATTRIBUTE_ERROR = frozenset({"builtins.AttributeError", "builtins.Exception", "builtins.BaseException"})
