"""Every path of a consumer's methods: is the socket connecting, accepted or closed, and what is set on `self`?

An abstract interpreter over the lowered bodies. It follows helper methods, `super()`, project base classes and
functions given `self`; it knows what a helper returned on which path and tests that are asked twice. Loops run at most
twice; any statement of a `try` may raise. What it cannot follow makes the socket *unknown*, and unknown is silence.
"""

from wslint.flow.life import Life, is_handler, life_of
from wslint.flow.state import (
    ACCEPTED,
    ANY_ATTRIBUTE,
    CLOSED,
    CONNECTING,
    UNKNOWN,
    Exit,
    Flow,
    Occurrence,
    State,
)

__all__ = [
    "ACCEPTED",
    "ANY_ATTRIBUTE",
    "CLOSED",
    "CONNECTING",
    "UNKNOWN",
    "Exit",
    "Flow",
    "Life",
    "Occurrence",
    "State",
    "is_handler",
    "life_of",
]
