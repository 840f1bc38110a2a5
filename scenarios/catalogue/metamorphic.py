"""Agreement: a handler that nothing is known of is compared with itself, on bodies that it may or may not take."""

import json
from collections.abc import Iterator

from hypothesis import strategies as st

from redrive.fixtures.faults import Answer, Fault
from redrive.simulator.faults import DependencyDown, DuplicateDelivery, ErrorAnswer

from ..capabilities import Capability
from ..consumer import Consumer, QueueSpec
from ..metamorphic import alone, alone_and_reversed
from ..plan import Kind, Plan, PlannedMessage
from ..scenario import Scenario
from .generators import kinds, messages

__all__ = ["SCENARIOS", "mutants"]

_FIELDS_MOST = 4
_LONG_NUMBER = 10**30


def mutants(body: str, key: str) -> tuple[tuple[str, ...], ...]:
    """Bodies much like a valid one that a handler may choke on: cut off or of another kind, and with an odd field.

    What they are to the handler only it can say. Of the two groups each is drawn from as often as the other.
    """
    cut = body.rstrip()[:-1]
    plain = (cut, "{}", f"not json: {key}", "null", "[]", json.dumps(key), "0")
    groups = (tuple(dict.fromkeys(group)) for group in (plain, _mutants_of_object(body)))
    return tuple(tuple(mutant for mutant in group if mutant and mutant != body) for group in groups)


def _mutants_of_object(body: str) -> Iterator[str]:
    try:
        parsed = json.loads(body)
    except (ValueError, RecursionError):
        return
    if not isinstance(parsed, dict):
        return
    for name in list(parsed)[:_FIELDS_MOST]:
        yield json.dumps({field: value for field, value in parsed.items() if field != name})
        value = parsed[name]
        odd = (
            None,
            "",
            [value],
            {"value": value},
            _LONG_NUMBER,
            -0.5,
            float("nan"),
            f"{value} \U0001f600\u0000",
            "\ud800",
        )
        for replacement in odd:
            yield json.dumps({**parsed, name: replacement})


def _says_its_effects(consumer: Consumer) -> str | None:
    if consumer.effects is None:
        return None
    return "the consumer says what its effects are, so it need not be compared with itself"


def _failures_never_end(consumer: Consumer) -> str | None:
    if consumer.queue.max_receive_count is None:
        return "the queue has no redrive policy, so what the handler fails never comes to an end"
    return _says_its_effects(consumer)


@st.composite
def _mixed(draw: st.DrawFn, consumer: Consumer, *, least: int, most: int) -> tuple[PlannedMessage, ...]:
    """Messages that are valid or mutants, all at once, no two with the same body."""
    changes = draw(st.lists(st.booleans(), min_size=least, max_size=most))
    sent = draw(messages(consumer, [Kind.VALID] * len(changes)))
    mixed: dict[str, PlannedMessage] = {}
    for message, changed in zip(sent, changes, strict=True):
        body, kind = message.body, message.kind
        if changed:
            odd = st.one_of([st.sampled_from(group) for group in mutants(body, message.key) if group])
            body, kind = draw(odd), Kind.EITHER
        mixed.setdefault(body, PlannedMessage(key=message.key, body=body, kind=kind))
    return tuple(mixed.values())


@st.composite
def _among(draw: st.DrawFn, consumer: Consumer) -> Plan:
    # As many as there is room for in one batch: then it is the neighbours that make a difference, and nothing else.
    most = min(6, consumer.queue.batch_size)
    return Plan(messages=draw(_mixed(consumer, least=min(2, most), most=most)), batch_size=consumer.queue.batch_size)


@st.composite
def _warm(draw: st.DrawFn, consumer: Consumer) -> Plan:
    sent = draw(_mixed(consumer, least=2, most=4))
    gap_ms = _rest_ms(consumer.queue)
    spaced = (
        PlannedMessage(key=message.key, body=message.body, kind=message.kind, at_ms=number * gap_ms)
        for number, message in enumerate(sent)
    )
    return Plan(messages=tuple(spaced), batch_size=consumer.queue.batch_size)


def _rest_ms(queue: QueueSpec) -> int:
    """How long a message may take until it is acknowledged or dead-lettered."""
    round_s = queue.visibility_timeout_s + queue.function_timeout_s + queue.batching_window_s + 60
    return ((queue.max_receive_count or 3) + 2) * round_s * 1000


@st.composite
def _again(draw: st.DrawFn, consumer: Consumer) -> Plan:
    sent = draw(messages(consumer, draw(kinds(most=3))))
    twice = draw(st.sets(st.sampled_from(range(len(sent))), min_size=1))
    after_ms = st.sampled_from([1_000, 0, 3_600_000])
    faults = tuple(DuplicateDelivery(message=message, after_ms=draw(after_ms)) for message in sorted(twice))
    return Plan(messages=sent, faults=faults, batch_size=consumer.queue.batch_size)


@st.composite
def _down(draw: st.DrawFn, consumer: Consumer) -> Plan:
    sent = draw(messages(consumer, draw(kinds(most=3))))
    call = draw(st.integers(1, 2 * len(sent) + 1))
    # What a handler does about a service that cannot be reached it need not do about one that answers with an error.
    faults: list[Fault] = [
        DependencyDown(invocation=0, call=call),
        ErrorAnswer(invocation=0, call=call, calls=None),
        ErrorAnswer(invocation=0, call=call, calls=None, answer=Answer.THROTTLED),
    ]
    fault = draw(st.sampled_from(faults))
    return Plan(messages=sent, faults=(fault,), batch_size=consumer.queue.batch_size)


SCENARIOS = (
    Scenario(
        name="alone-and-among-others",
        family="agreement",
        summary="Valid and odd bodies in a batch, in two orders; each comes to what it comes to alone.",
        invariants=(
            "failure-kept",
            "outcome-isolated",
            "order-indifferent",
            "acknowledged-without-work",
            "response-valid",
        ),
        plans=_among,
        related=alone_and_reversed,
        unfit=_failures_never_end,
    ),
    Scenario(
        name="odd-bodies-warm",
        family="agreement",
        summary="Valid and odd bodies one after the other to the same environment; each comes to what it does cold.",
        invariants=("warm-as-cold", "failure-kept", "response-valid"),
        capabilities=frozenset({Capability.LONG_PAUSES}),
        plans=_warm,
        related=alone,
        unfit=_failures_never_end,
    ),
    Scenario(
        name="done-and-delivered-again",
        family="agreement",
        summary="Messages that succeeded are delivered again; no unguarded write is made for them once more.",
        invariants=("unconditional-write-twice", "acknowledged-without-work"),
        plans=_again,
        related=alone,
        strikes=True,
        capabilities=frozenset({Capability.DUPLICATES, Capability.LONG_PAUSES}),
        unfit=_says_its_effects,
    ),
    Scenario(
        name="calls-fail",
        family="agreement",
        summary="From some call on, those of the first invocation fail; nothing is acknowledged that was not done.",
        invariants=("acknowledged-after-failure", "acknowledged-without-work"),
        plans=_down,
        related=alone,
        strikes=True,
        unfit=_says_its_effects,
    ),
)
