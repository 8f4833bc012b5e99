from __future__ import annotations

import re
from collections.abc import Iterator

from wslint.rule import Finding, Level, Location, Related, Rule
from wslint.stack import Consumer, Stack
from wslint.stack.client.claims import MESSAGE, Claims
from wslint.stack.client.clientchecks import is_judged
from wslint.stack.client.clientinput import client_input
from wslint.stack.client.identities import Taken, identities, is_compared, speakers
from wslint.stack.consumers.handling import runs
from wslint.stack.middleware.gates import Gate, words
from wslint.stack.middleware.guards import Guards
from wslint.stack.middleware.passages import passages

_PROOF = re.compile(
    r"token|jwt|ticket|api_?key|bearer|sign(ature|ing|er)|unsign|passw|passphrase|secret|hmac|otp\b|nonce|challenge"
    r"|authenticate(_user)?$|verif|credential|session_key|check_|permission|has_perm|is_staff|is_superuser|DEBUG|TESTING",
    re.IGNORECASE,
)
"""Words of code that asks for more than a name."""


class IdentityFromClient(Rule):
    """Whoever the client says it is, it is taken for.

    Why: an id or a name in a message, a query string or a URL is a claim, and anybody can make it. When the user that
    is looked up by it becomes `scope["user"]`, or the author of what is saved, the client is whom it likes to be. The
    session (`AuthMiddlewareStack`) or a token that is verified says who it is.

    See: nothing, until someone does it: `{"user_id": 1}` and the message is the administrator's, without any error.

    Mend: take the user from `self.scope["user"]`, and refuse anonymous ones in connect().

    Bad:
        from channels.db import database_sync_to_async
        from channels.generic.websocket import AsyncJsonWebsocketConsumer
        from django.contrib.auth.models import User

        class ChatConsumer(AsyncJsonWebsocketConsumer):
            async def receive_json(self, content, **kwargs):
                self.scope["user"] = await self.get_user(content.get("user_id"))

            @database_sync_to_async
            def get_user(self, user_id):
                return User.objects.filter(pk=user_id).first()

    Good:
        from channels.generic.websocket import AsyncJsonWebsocketConsumer

        class ChatConsumer(AsyncJsonWebsocketConsumer):
            async def receive_json(self, content, **kwargs):
                user = self.scope["user"]
                await self.send_json({"you": user.get_username()})
    """

    code = "WS611"
    name = "identity-from-client"
    level = Level.ERROR

    def stack(self, stack: Stack) -> Iterator[Finding]:
        guards = Guards.of(stack)
        told: set[Location] = set()
        for consumer in stack.consumers:
            if not consumer.in_tests and not consumer.vendored and not consumer.is_abstract:
                for taken in _by_consumer(stack, consumer, guards):
                    if taken.place not in told:
                        told.add(taken.place)
                        yield self._finding(taken, consumer.name)
        for gate in guards.gates:
            for taken in _by_middleware(stack, gate):
                if taken.place not in told:
                    told.add(taken.place)
                    yield self._finding(taken, gate.name)

    def _finding(self, taken: Taken, name: str) -> Finding:
        claim = taken.claim
        asked = claim.frame.at(claim.node)
        near = asked.path == taken.place.path and asked.span.line == taken.place.span.line
        return self.finding(
            taken.place,
            f"{name} takes the client for the user that `{claim.key}` of its {claim.source} names, as {taken.what}",
            hint='take the user from `scope["user"]`, which a session or a verified token has set',
            symptom=f"any client is any user, by another `{claim.key}`; there is no error",
            symbol=name,
            related=() if near else (Related(asked, "the client says it here"),),
        )


def _by_consumer(stack: Stack, consumer: Consumer, guards: Guards) -> Iterator[Taken]:
    codes = guards.consumer_code(consumer.cls)
    if any(_PROOF.search(text) for text in words(codes)):
        return
    claims = Claims(stack, consumer.cls, client_input(stack, consumer))
    for code in codes:
        for taken in identities(code.node, code.frame, claims):
            if taken.claim.source != MESSAGE and not is_compared(taken.claim, codes, claims):
                yield taken
    for run in runs(stack, consumer):
        for taken in (*identities(run.node, run.frame, claims), *speakers(run, claims)):
            part = taken.claim.part
            if part is not None and not is_judged(run, part, taken.use):
                yield taken


def _by_middleware(stack: Stack, gate: Gate) -> Iterator[Taken]:
    if any(_PROOF.search(text) for text in words(gate.codes)):
        return
    claims = Claims(stack, gate.cls, None)
    for passage in passages(gate):
        for taken in identities(passage.node, passage.frame, claims):
            if not is_compared(taken.claim, gate.codes, claims):
                yield taken
