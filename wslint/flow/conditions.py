"""Conditions on a path: what a test tells in each arm, and which closes it may depend on."""

from __future__ import annotations

from collections.abc import Iterator

from wslint.facts import model as m
from wslint.facts.walk import within
from wslint.flow.keys import correlated, mentions, positive
from wslint.flow.path import Path
from wslint.flow.state import State, joined
from wslint.flow.truth import UNSURE, Sure, Truth, Unsure, literal_truth


class Conditions(Path):
    """Splitting at tests, facts, and doubt."""

    def split(self, test: m.Expr, states: list[State]) -> tuple[list[State], list[State]]:
        """The states in which a test is true and those in which it is false, with what each then knows."""
        true: list[State] = []
        false: list[State] = []
        for state in self.expr(test, states):
            value = state.value
            state = state.valued(UNSURE)
            if isinstance(value, Unsure):
                state = self.doubted(state, test)
                true.append(self.assume(test, True, state))
                false.append(self.assume(test, False, state))
            elif value:
                true.append(state)
            else:
                false.append(state)
        return joined(true), joined(false)

    def assume(self, test: m.Expr, truth: bool, state: State) -> State:
        """What a state knows besides when a test turned out so."""
        plain, negated = positive(test)
        if negated:
            return self.assume(plain, not truth, state)
        match test:
            case m.Call(func=m.Name(id="hasattr"), args=(owner, name)) if truth:
                key = name.value.value if isinstance(name.value, m.Constant) else None
                if isinstance(key, str) and self.keys.text(owner.value) == "self":
                    return state.but(attributes=state.attributes | {key})
                return state
            case m.BoolOp(op="and") if truth:
                return self.assume(test.right, True, self.assume(test.left, True, state))
            case m.BoolOp(op="or") if not truth:
                return self.assume(test.right, False, self.assume(test.left, False, state))
            case m.Compare(op="is" | "==", right=m.Constant(value=None)):
                if truth:
                    return self.fact(self.keys.text(test.left), None, state)
                return self.fact(self.keys.text(test), False, state)
            case m.Compare(op="==", right=m.Constant() as right) if truth:
                return self.fact(self.keys.text(test.left), literal_truth(right), state)
            case _:
                return self.fact(self.keys.text(test), truth, state)

    def fact(self, key: str | None, value: Sure, state: State) -> State:
        """Remember something, when a test will ask."""
        if key is None or key not in self.place.code.asked:
            return state
        kept = {fact for fact in state.facts if fact[0] != key}
        return state.but(facts=frozenset({*kept, (key, value)}))

    def known(self, key: str | None, state: State) -> Truth:
        if key is not None:
            for name, value in state.facts:
                if name == key:
                    return value
        return UNSURE

    def unlearned(self, key: str, state: State) -> State:
        """Forget what is known of a name, and of what is reached through it."""
        if not any(mentions(fact[0], key) for fact in state.facts):
            return state
        return state.but(facts=frozenset(fact for fact in state.facts if not mentions(fact[0], key)))

    def bind(self, name: str, states: list[State]) -> list[State]:
        """Bind a local name to something unknown."""
        return [self.unlearned(name, state.valued(UNSURE)) for state in states]

    # --- closes and the conditions that decided about them ---

    def doubted(self, state: State, test: m.Expr) -> State:
        """Pass a condition that may depend on what decided about the close."""
        if state.tied and correlated(self.keys.paths(test), state.tied, self.place.code.computed):
            return state.but(doubt=state.doubt + 1)
        return state

    def tie_bound(self, before: list[State], after: list[State], targets: tuple[m.Expr, ...]) -> list[State]:
        """What is bound to the result of a call that may have closed tells whether it did."""
        closes = {state.closed_by for state in before}
        if all(state.closed_by in closes for state in after):
            return after
        names = frozenset[str]().union(*(self.keys.paths(target) for target in targets))
        return [state.but(tied=state.tied | names) for state in after]

    def tie_arm(
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
        beside = any(state.closed_by not in others for state in other)
        bound: frozenset[str] | None = None
        out: list[State] = []
        for state in left:
            if state.closed_by not in closes:
                if bound is None:
                    bound = frozenset[str]().union(*(self.keys.paths(target) for target in _targets(body)))
                state = state.but(tied=state.tied | bound)
            elif beside:
                state = state.but(tied=state.tied | self.keys.paths(test))
            out.append(state)
        return out


def _targets(body: tuple[m.Stmt, ...]) -> Iterator[m.Expr]:
    for node in within(body):
        if isinstance(node, m.Assign):
            yield from node.targets
