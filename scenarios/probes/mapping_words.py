"""Few words to ask a mapping something: scripts of functions, and when enough has been seen."""

from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from dataclasses import replace
from typing import Any

from .endpoint import Endpoint
from .mapping import Doing, Invoked, MappingEndpoint, MappingRun, MappingSeen, Return, Settings
from .probe import CannotAsk

__all__ = [
    "AGAIN_S",
    "DONE",
    "at_once",
    "deliveries",
    "first_then",
    "given",
    "given_times",
    "in_groups",
    "mapping_of",
    "messages",
    "refused",
    "reporting",
    "try_mapping",
]

DONE = Return({"batchItemFailures": []})
VISIBILITY_TIMEOUT_S = 4
AGAIN_S = VISIBILITY_TIMEOUT_S + 2
"""How long to look whether a message comes again."""


def mapping_of(at: Endpoint) -> MappingEndpoint:
    """The mapping to ask. Raises :class:`CannotAsk` where there is none."""
    if isinstance(at.mapping, str):
        raise CannotAsk(at.mapping)
    return at.mapping


def try_mapping(
    at: Endpoint,
    script: Callable[[Invoked], Doing],
    sent: Sequence[dict[str, Any]],
    *,
    done: Callable[[Sequence[Invoked]], bool],
    then_s: float = 0,
    most_s: float = 60,
    **settings: Any,
) -> MappingSeen:
    """A mapping with these settings and a function with this script, when these messages are in its queue."""
    chosen = replace(Settings(visibility_timeout_s=VISIBILITY_TIMEOUT_S), **settings)
    run = MappingRun(settings=chosen, messages=sent, script=script, done=done, then_s=then_s, most_s=most_s)
    return mapping_of(at).run(run)


def refused(at: Endpoint, **settings: Any) -> str:
    """What becomes of a mapping with these settings when it is made."""
    return "refused" if mapping_of(at).refuses(replace(Settings(), **settings)) else "accepted"


def messages(*bodies: str, **more: Any) -> list[dict[str, Any]]:
    """Requests of ``send_message`` for a standard queue."""
    return [{"MessageBody": body, **more} for body in bodies]


def in_groups(*bodies: str) -> list[dict[str, Any]]:
    """Requests for a FIFO queue: the first letter of a body is its message group."""
    return [{"MessageBody": body, "MessageGroupId": body[0], "MessageDeduplicationId": body} for body in bodies]


def deliveries(invocations: Iterable[Invoked]) -> Counter[str]:
    """How often each body was given to the function."""
    return Counter(body for each in invocations for body in each.bodies)


def given(*bodies: str) -> Callable[[Sequence[Invoked]], bool]:
    """Enough has been seen when the function was given all of these."""
    return given_times(dict.fromkeys(bodies, 1))


def given_times(times: dict[str, int]) -> Callable[[Sequence[Invoked]], bool]:
    """Enough has been seen when each of these was given to the function so many times."""

    def done(invocations: Sequence[Invoked]) -> bool:
        seen = deliveries(list(invocations))
        return all(seen[body] >= number for body, number in times.items())

    return done


def reporting(invoked: Invoked, *bodies: str) -> Return:
    """A response that reports the messages with these bodies."""
    failed = [record["messageId"] for record in invoked.records if record["body"] in bodies]
    return Return({"batchItemFailures": [{"itemIdentifier": message_id} for message_id in failed]})


def first_then(first: Callable[[Invoked], Doing], then: Doing = DONE) -> Callable[[Invoked], Doing]:
    """The one for messages that come for the first time, the other when any of a batch has come before."""

    def script(invoked: Invoked) -> Doing:
        counts = [int(record["attributes"]["ApproximateReceiveCount"]) for record in invoked.records]
        return first(invoked) if max(counts) == 1 else then

    return script


def at_once(invocations: Iterable[Invoked]) -> int:
    """How many invocations were in progress together at most. One that never ended counts at its beginning alone."""
    edges = [(each.began_s, 1) for each in invocations]
    edges += [(each.began_s if each.ended_s is None else each.ended_s, -1) for each in invocations]
    running = most = 0
    for _, change in sorted(edges):
        running += change
        most = max(most, running)
    return most
