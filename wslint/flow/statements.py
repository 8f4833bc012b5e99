"""Statements on a path: blocks, branches, loops, `match`, `with`."""

from __future__ import annotations

from abc import abstractmethod

from wslint.facts import model as m
from wslint.flow.errors import ASSERTION_ERROR, Thrown
from wslint.flow.expressions import Expressions
from wslint.flow.keys import compared_to
from wslint.flow.state import Out, Seen, State, escaped, joined, rejoined, unknown, valueless
from wslint.flow.subject import END
from wslint.flow.truth import structured

TURNS = 4
"""How often a loop's body is run when each turn says something new."""


class Statements(Expressions):
    """Running statements; `try`, `raise` and suppressing `with` are in trying.py."""

    def block(self, body: tuple[m.Stmt, ...], states: list[State]) -> Out:
        out = Out(next=joined(states))
        for statement in body:
            if not out.next:
                break
            self.step()
            step = self.statement(statement, out.next)
            out.jumps(step)
            out.next = joined([self._asked_later(state, statement) for state in step.next])
        return out

    def _asked_later(self, state: State, statement: m.Stmt) -> State:
        """Forget what no later test asks about, so that states stay few; a loop may ask again."""
        if not state.facts or self.loops:
            return state
        asked, line = self.place.code.asked, statement.span.end_line
        kept = frozenset(fact for fact in state.facts if asked.get(fact[0], END) > line)
        return state if len(kept) == len(state.facts) else state.but(facts=kept)

    def statement(self, node: m.Stmt, states: list[State]) -> Out:
        match node:
            case m.ExpressionStatement():
                meant = self.named(node.value, states)
                return Out(next=valueless(self.expr(node.value, states, dropped=True)) if meant is None else meant)
            case m.Assign():
                return Out(next=self._assign(node, states))
            case m.AugmentedAssign():
                after = self.expr(node.value, self.expr(node.target, states))
                return Out(next=valueless(self.assign(node.target, valueless(after))))
            case m.Return():
                return self._return(node, states)
            case m.Raise():
                return self.raises(node, states)
            case m.Assert():
                true, false = self.split(node.test, states)
                self.throw(Thrown(state, ASSERTION_ERROR, node, self.place.method) for state in false)
                return Out(next=true)
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
                return self.tries(node, states)
            case m.With():
                return self.enters(node, states)
            case m.Match():
                return self._match(node, states)
            case m.FunctionDef() | m.ClassDef():
                for decorator in node.decorators:
                    states = valueless(self.expr(decorator, states))
                return Out(next=self.bind(node.name, states))
            case _:
                return Out(next=states)

    @abstractmethod
    def raises(self, node: m.Raise, states: list[State]) -> Out:
        """`raise` (trying.py)."""

    @abstractmethod
    def tries(self, node: m.Try, states: list[State]) -> Out:
        """`try` (trying.py)."""

    @abstractmethod
    def enters(self, node: m.With, states: list[State]) -> Out:
        """`with` (trying.py)."""

    def _assign(self, node: m.Assign, states: list[State]) -> list[State]:
        if node.value is None:
            return states
        local = all(isinstance(target, m.Name) or self.own_attribute(target) is not None for target in node.targets)
        after = self.alias(node.value, states) if local else self.expr(node.value, states)
        after = self.tie_bound(states, after, node.targets)
        for target in node.targets:
            after = self.assign(target, after)
        if not local and isinstance(node.value, m.Name) and self.keeps(node.value, node.targets):
            return [escaped(state) for state in after]
        return valueless(after)

    def _return(self, node: m.Return, states: list[State]) -> Out:
        if node.value is None:
            return Out(returned=[(state.valued(None), node) for state in states])
        after = self.expr(node.value, states)
        if self.returns_coroutine(node.value):
            after = [unknown(state) for state in after]
        return Out(returned=[(state, node) for state in after])

    def _deleted(self, node: m.Delete, states: list[State]) -> list[State]:
        for target in node.targets:
            name = self.own_attribute(target)
            key = self.keys.text(target)
            if key is not None:
                states = self.bind(key, states)
            if name is not None:
                states = [state.but(attributes=state.attributes - {name}) for state in states]
        return states

    # --- branches ---

    def _if(self, node: m.If, states: list[State]) -> Out:
        true, false = self.split(node.test, states)
        with self.under(node.test):
            body = self.block(node.body, true)
            orelse = self.block(node.orelse, false)
        out = Out(
            next=rejoined(
                self.tie_arm(node.test, node.body, true, body.next, orelse.next, false),
                self.tie_arm(node.test, node.orelse, false, orelse.next, body.next, true),
                states,
            )
        )
        out.jumps(body)
        out.jumps(orelse)
        return out

    def _match(self, node: m.Match, states: list[State]) -> Out:
        entered = valueless(self.expr(node.subject, states))
        left = [self.doubted(state, node.subject) for state in entered]
        out = Out()
        arms: list[Out] = []
        with self.under(node.subject):
            for case in node.cases:
                taken, left = self._case(node.subject, case, left)
                arms.append(self.block(case.body, taken))
        nexts = [arm.next for arm in arms]
        nexts.append(left)
        for arm in arms:
            out.jumps(arm)
        for found in nexts:
            out.next = rejoined(out.next, found, states) if out.next and found else out.next or found
        return out

    def _case(self, subject: m.Expr, case: m.Case, states: list[State]) -> tuple[list[State], list[State]]:
        """The states in which a case is taken, and those that go on to the next."""
        test = compared_to(subject, case)
        if test is not None and self.keys.text(subject) is not None:
            taken, left = self.split(test, states)
        else:
            taken, left = states, [] if case.catch_all or _takes_all(case) else states
        for name in case.names:
            taken = self.bind(name, taken)
        if case.guard is not None:
            taken, refused = self.split(case.guard, taken)
            left = joined([*left, *refused])
        return taken, left

    # --- loops ---

    def _loop(self, node: m.While | m.For, states: list[State]) -> Out:
        out = Out()
        broke: list[State] = []
        ended: list[State] = []
        asked = node.test if isinstance(node, m.While) else node.iterable
        endless = isinstance(node, m.While) and isinstance(node.test, m.Constant) and bool(node.test.value)
        if isinstance(node, m.For):
            states = valueless(self.expr(node.iterable, states))
            if node.is_async:
                self.may_throw(states)
        seen = Seen()
        entering = states
        for turn in range(TURNS):
            if isinstance(node, m.For):
                filled = _filled(node.iterable)
                if turn or filled is not True:
                    ended += entering
                if filled is False:
                    break
                inside = [self.doubted(state, node.iterable) for state in entering]
                inside = valueless(self.assign(node.target, valueless(inside)))
            else:
                inside, over = (entering, []) if endless else self.split(node.test, entering)
                ended += over
            inside = seen.fresh(inside)
            if not inside:
                break
            self.loops += 1
            with self.under(None if endless else asked):
                body = self.block(node.body, inside)
            self.loops -= 1
            out.returned += body.returned
            broke += body.broke
            entering = joined([*body.next, *body.continued])
        else:
            ended += entering if isinstance(node, m.For) else [] if endless else self.split(node.test, entering)[1]
        after = self.block(node.orelse, joined(ended))
        out.jumps(after)
        left = [*after.next, *broke]
        out.next = rejoined(left, left, states)
        return out


def _takes_all(case: m.Case) -> bool:
    """`case x if …`: a capture, which only its guard can refuse."""
    return case.guard is not None and isinstance(case.pattern, m.Name) and case.names == (case.pattern.id,)


def _filled(iterable: m.Expr) -> bool | None:
    """Does a loop over it run at least once?"""
    match iterable:
        case m.Sequence():
            truth = structured(iterable)
            return truth if isinstance(truth, bool) else None
        case m.Call(func=m.Name(id="range"), args=(m.Argument(value=m.Constant(value=int() as stop)),)):
            return stop > 0
        case _:
            return None
