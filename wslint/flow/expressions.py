"""Expressions on a path: what they do, and what is known of their value."""

from __future__ import annotations

from wslint.facts import model as m
from wslint.facts.walk import children
from wslint.flow.calls import Calls, accepted
from wslint.flow.errors import ATTRIBUTE_ERROR
from wslint.flow.holders import is_property
from wslint.flow.keys import positive
from wslint.flow.state import ANYTHING, State, joined, rejoined, valueless
from wslint.flow.truth import UNSURE, Unsure, compared, literal_truth, opposite, structured


class Expressions(Calls):
    """Running expressions and binding targets."""

    def expr(self, node: m.Expr, states: list[State], *, dropped: bool = False) -> list[State]:
        match node:
            case m.Constant():
                return [state.valued(literal_truth(node)) for state in states]
            case m.Name():
                return self._name(node, states)
            case m.Attribute():
                return self._attribute(node, states)
            case m.Await():
                if isinstance(node.value, m.Call):
                    return self.call(node.value, states, awaited=True)
                after = self.expr(node.value, states)
                self.may_throw(after)
                return after
            case m.Call():
                return self.call(node, states, dropped=dropped)
            case m.UnaryOp(op="not"):
                return [state.valued(opposite(state.value)) for state in self.expr(node.operand, states)]
            case m.BoolOp():
                return self._bool(node, states)
            case m.Compare():
                return self._compare(node, states)
            case m.Conditional():
                true, false = self.split(node.test, states)
                with self.under(node.test):
                    body = self.expr(node.body, true)
                    orelse = self.expr(node.orelse, false)
                return rejoined(body, orelse, states)
            case m.Walrus():
                after = self.tie_bound(states, self.expr(node.value, states), (node.target,))
                return self.assign(node.target, after)
            case m.Lambda():
                return valueless(self.somewhen(node, states))
            case m.Comprehension():
                return self._comprehension(node, states)
            case m.Subscript():
                after = valueless(self._part(node, states))
                self.may_throw(after)
                return after
            case _:
                truth = structured(node)
                return [state.valued(truth) for state in self._part(node, states)]

    def _part(self, node: m.Node, states: list[State]) -> list[State]:
        for child in children(node):
            states = self._part(child, states) if isinstance(child, _PARTS) else valueless(self.expr(child, states))  # type: ignore[arg-type]
        return states

    def _comprehension(self, node: m.Comprehension, states: list[State]) -> list[State]:
        """Its element may run, for some items; the first iterable runs."""
        after = states
        skipped: list[State] = []
        for generator in node.generators:
            after = valueless(self.expr(generator.iterable, after))
            skipped += after
            for test in generator.tests:
                after, out = self.split(test, after)
                skipped += out
        with self.under(node):
            if node.key is not None:
                after = valueless(self.expr(node.key, after))
            after = valueless(self.expr(node.element, after))
        return valueless([*skipped, *after])

    def _name(self, node: m.Name, states: list[State]) -> list[State]:
        inner = self.place.code.nested.get(node.id)
        if inner is not None:
            states = self.somewhen(node, states)
        return [state.valued(self.known(node.id, state)) for state in states]

    # --- attributes ---

    def _attribute(self, node: m.Attribute, states: list[State]) -> list[State]:
        name = self.own_attribute(node)
        if name is None:
            return self._asked(node, valueless(self.expr(node.value, states)))
        method = self.consumer.method(name)
        if method is not None and is_property(method.node):
            return self.read_property(method, node, states)
        self.occur("read", node, states, name)
        if name == "__dict__":
            return [state.but(attributes=ANYTHING, value=UNSURE) for state in states]
        if method is not None or self.subject.holders.is_method(name):
            states = self.somewhen(node, states)
        elif self.catching and not self.consumer.cls.defines(name):
            self.may_throw([state for state in states if not state.has(name)], ATTRIBUTE_ERROR)
        return self._asked(node, [state.but(attributes=state.attributes | {name}) for state in states])

    def _asked(self, node: m.Expr, states: list[State]) -> list[State]:
        """The value of a name or attribute that some test told."""
        plain, negated = positive(node)
        key = self.keys.text(plain)
        if key is None or key not in self.place.code.asked:
            return [state.valued(UNSURE) for state in states]
        values = [self.known(key, state) for state in states]
        return [
            state.valued(opposite(value) if negated else value) for state, value in zip(states, values, strict=True)
        ]

    def named(self, node: m.Expr, states: list[State]) -> list[State] | None:
        """`self.accept` or `await self.close`, named and not called: taken as meant, another rule's finding."""
        reference = node.value if isinstance(node, m.Await) else node
        name = self.own_attribute(reference)
        if name not in ("accept", "close") or self.consumer.method(name) is not None:
            return None
        self.occur("read", reference, states, name)
        occurrence = self.occur(name, node, states, name, dropped=True)
        if name == "accept":
            return accepted(states, occurrence)
        return [self.closed(state, occurrence) for state in states]

    # --- operators ---

    def _bool(self, node: m.BoolOp, states: list[State]) -> list[State]:
        wanted = node.op == "and"
        out: list[State] = []
        going: list[State] = []
        for state in self.expr(node.left, states):
            if isinstance(state.value, Unsure):
                stop = self.assume(node.left, not wanted, state)
                out.append(self.doubted(stop.valued(not wanted), node.left))
                going.append(self.doubted(self.assume(node.left, wanted, state).valued(UNSURE), node.left))
            elif bool(state.value) is wanted:
                going.append(state.valued(UNSURE))
            else:
                out.append(state)
        with self.under(node.left):
            out += self.expr(node.right, joined(going)) if going else []
        return rejoined(out, out, states)

    def _compare(self, node: m.Compare, states: list[State]) -> list[State]:
        plain, negated = positive(node)
        if negated and isinstance(plain, m.Compare):
            return [state.valued(opposite(state.value)) for state in self._compare(plain, states)]
        after = self.expr(node.left, states)
        key = self.keys.text(node)
        if isinstance(node.right, m.Constant) and node.op in ("is", "=="):
            sure = [state.valued(compared(state.value, node.right.value, True)) for state in after]
            return [
                state.valued(self.known(key, state)) if isinstance(state.value, Unsure) else state for state in sure
            ]
        after = valueless(self.expr(node.right, valueless(after)))
        return [state.valued(self.known(key, state)) for state in after]

    # --- binding ---

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
        key = self.keys.text(target)
        if key is None:
            return states
        name = self.own_attribute(target)
        out: list[State] = []
        for state in states:
            changed = self.unlearned(key, state)
            if name is not None:
                changed = changed.but(attributes=changed.attributes | {name})
            if not isinstance(state.value, Unsure):
                changed = self.fact(key, state.value, changed)
            out.append(changed)
        return out


_PARTS = (m.Argument, m.DictItem, m.Generator, m.Parameter)
