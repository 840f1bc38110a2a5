"""A batch of records through claim, effect and completion: the heart of the function, with everything injected.

First, bodies that are in S3 are fetched, where that is configured: the business key may be in them.

1. Records with the same business key are grouped: the first is the work, the rest follow its outcome.
2. All keys are claimed at once. Done: a duplicate, nothing to do. Leased by somebody else: a batch item failure.
3. The work is done, by bulk or row by row as the sink likes it.
4. Written keys are completed, claims on the others released, so that a retry need not wait for the lease to end.

The number of sequential round trips does not grow with the batch, up to `max_workers` keys. Only on a FIFO queue
with a sink that takes one row at a time do the rows of one message group wait for each other: that is the order.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TypeVar

from .concurrency import concurrently
from .convert import to_message
from .deadline import Deadline
from .event import Malformed, MalformedRecord, Received, Record
from .items import Fate, Item, chains, walk
from .keys import KeySource
from .ledger.ledger import Claim, Ledger
from .payloads import OutOfTime, Payloads, pointer_of, with_payload
from .reasons import safe_reason
from .sinks.sink import NOT_BEGUN, Effect, Outcome, Row, Sink, failed

__all__ = ["batch_item_failures", "process_batch"]

T = TypeVar("T")

_OUT_OF_TIME = "the invocation's time was running out"
_NO_OUTCOME = failed("the sink gave no outcome")


def process_batch(
    records: Sequence[Received],
    *,
    owner: str,
    ledger: Ledger,
    sink: Sink,
    key_source: KeySource,
    deadline: Deadline,
    now_ms: Callable[[], int],
    lease_margin_ms: int,
    max_workers: int,
    payloads: Payloads | None = None,
) -> list[Item]:
    """Process a batch; returns one settled item for each record, in batch order.

    `owner` is the invocation's request id, `now_ms` reads milliseconds since the epoch. Errors of ledger and sink
    fail the records they concern, never the batch. What is no `Exception` (an interrupt) goes through.
    Without `payloads`, a pointer to a body in S3 is a body like any other.
    """
    run = _Run(
        owner=owner,
        ledger=ledger,
        sink=sink,
        deadline=deadline,
        now_ms=now_ms,
        lease_margin_ms=lease_margin_ms,
        max_workers=max_workers,
    )
    items = _items(records)
    if payloads is not None:
        walk(items)  # what stands behind a malformed record is not fetched either
        run.fetch(items, payloads)
    _find_keys(items, key_source)
    walk(items)  # what stands behind a malformed record in its message group is not even claimed
    run.claim(items)
    walk(items)  # nor is what stands behind a lease of somebody else begun
    run.write(items)
    run.settle_ledger(items)
    return items


def batch_item_failures(items: Sequence[Item]) -> dict[str, list[dict[str, str]]]:
    """The partial batch response: each message to be returned once, in batch order."""
    returned = dict.fromkeys(item.received.message_id for item in items if item.returned)
    return {"batchItemFailures": [{"itemIdentifier": message_id} for message_id in returned]}


def _items(records: Sequence[Received]) -> list[Item]:
    items = [Item(index=index, received=received) for index, received in enumerate(records)]
    for item in items:
        if isinstance(item.received.content, Malformed):
            item.settle(Fate.FAILED, f"malformed: {item.received.content.reason}")
    return items


def _find_keys(items: Sequence[Item], key_source: KeySource) -> None:
    leads: dict[str, Item] = {}
    for item in items:
        if not item.open:
            continue
        try:
            item.key = key_source.key_of(_record(item))
        except MalformedRecord as error:
            item.settle(Fate.FAILED, f"malformed: {error}")
            continue
        lead = leads.setdefault(item.key, item)
        item.lead = None if lead is item else lead


class _Raised(str):
    """An error of a ledger or a sink, as its safe reason."""

    __slots__ = ()


def _attempt(call: Callable[[], T]) -> T | _Raised:
    try:
        return call()
    except Exception as error:  # noqa: BLE001 - whatever a store raises concerns these records, not their neighbours
        return _Raised(safe_reason(error))


@dataclass(frozen=True, slots=True, kw_only=True)
class _Run:
    """The steps of one batch."""

    owner: str
    ledger: Ledger
    sink: Sink
    deadline: Deadline
    now_ms: Callable[[], int]
    lease_margin_ms: int
    max_workers: int

    def fetch(self, items: Sequence[Item], payloads: Payloads) -> None:
        """Fetch the bodies that are in S3."""

        def fetch_one(item: Item) -> None:
            record = _record(item)
            try:
                pointer = pointer_of(record)
                if pointer is None:
                    return
                if not self.deadline.may_begin():
                    raise OutOfTime
                payload = payloads.fetch(pointer, self.deadline)
                item.received = replace(item.received, content=with_payload(record, pointer, payload))
            except OutOfTime:
                item.settle(Fate.UNPROCESSED, _OUT_OF_TIME)
            except MalformedRecord as error:
                item.settle(Fate.FAILED, f"malformed: {error}")
            except Exception as error:  # noqa: BLE001 - as with ledger and sink
                item.settle(Fate.FAILED, f"payload: {safe_reason(error)}")

        concurrently(fetch_one, [item for item in items if item.open], max_workers=self.max_workers)

    def claim(self, items: Sequence[Item]) -> None:
        """Claim the keys of all open items. The lease ends soon after this invocation must."""
        lease_until_ms = self.now_ms() + max(0, self.deadline.remaining_ms()) + self.lease_margin_ms

        def claim_one(item: Item) -> None:
            key = _key(item)
            if not self.deadline.may_begin():
                item.settle(Fate.UNPROCESSED, _OUT_OF_TIME)
                return
            claim = _attempt(
                lambda: self.ledger.claim(key, owner=self.owner, lease_until_ms=lease_until_ms, now_ms=self.now_ms())
            )
            if isinstance(claim, _Raised):
                item.held = True  # the claim may have been written, and only its answer lost
                item.settle(Fate.FAILED, f"claim: {claim}")
                return
            item.claim = claim
            item.held = claim is Claim.CLAIMED
            if claim is Claim.LEASED:
                item.settle(Fate.FAILED, "another invocation holds the lease of its business key")

        leads = [item for item in items if item.open and item.lead is None]
        concurrently(claim_one, leads, max_workers=self.max_workers)

    def write(self, items: Sequence[Item]) -> None:
        """Do the work of the claimed keys, and decide the fate of every item."""
        if self.sink.bulk:
            rows = [self._row(item) for item in items if item.open and item.claim is Claim.CLAIMED]
            outcomes = self._outcomes(rows)
            walk(items, lambda item: self._decide(item, outcomes))
            return

        def write_one(item: Item) -> None:
            rows = [self._row(item)] if item.claim is Claim.CLAIMED else []
            self._decide(item, self._outcomes(rows))

        # A single worker walks the batch as it came; more of them share what is independent.
        parts = [list(items)] if self.max_workers == 1 else chains(items)
        concurrently(lambda part: walk(part, write_one), parts, max_workers=self.max_workers)

    def settle_ledger(self, items: Sequence[Item]) -> None:
        """Complete what was written; release what was not. Completions first, should time run out."""
        held = [item for item in items if item.held and item.effect is not Effect.COMPLETED]
        held.sort(key=lambda item: item.effect is not Effect.WRITTEN)
        concurrently(self._settle_one, held, max_workers=self.max_workers)

    def _settle_one(self, item: Item) -> None:
        key = _key(item)
        if item.effect is Effect.WRITTEN:
            completed = self._settling(lambda: self.ledger.complete(key, owner=self.owner, now_ms=self.now_ms()))
            # Written and not completed is success all the same. To return the message would be to repeat its
            # effect for certain, on FIFO after the later ones of its group; to acknowledge it repeats the effect
            # only if a duplicate comes. A sink that is idempotent by key suffers neither.
            if isinstance(completed, _Raised):
                item.note(f"written, but not completed in the ledger: {completed}")
            elif not completed:
                item.note("written, but its lease had gone to another invocation")
        else:
            released = self._settling(lambda: self.ledger.release(key, owner=self.owner))
            if isinstance(released, _Raised):
                item.note(f"its claim stays until the lease ends: {released}")

    def _settling(self, call: Callable[[], bool]) -> bool | _Raised:
        return _attempt(call) if self.deadline.may_settle() else _Raised(_OUT_OF_TIME)

    def _row(self, item: Item) -> Row:
        record = _record(item)
        return Row(
            business_key=_key(item),
            message=to_message(record, ingested_at_us=self.now_ms() * 1000),
            message_group=item.received.message_group,
            pointer=record.pointer,
        )

    def _outcomes(self, rows: Sequence[Row]) -> Mapping[str, Outcome]:
        if not rows:
            return {}
        if not self.deadline.may_begin():
            return {row.business_key: NOT_BEGUN for row in rows}
        outcomes = _attempt(lambda: self.sink.write(rows, owner=self.owner, deadline=self.deadline))
        if isinstance(outcomes, _Raised):
            return {row.business_key: failed(f"sink: {outcomes}") for row in rows}
        return outcomes

    def _decide(self, item: Item, outcomes: Mapping[str, Outcome]) -> None:
        if item.claim is Claim.DONE:
            item.settle(Fate.DUPLICATE, "its business key is done")
            return
        outcome = outcomes.get(_key(item), _NO_OUTCOME)
        item.effect = outcome.effect
        match outcome.effect:
            case Effect.WRITTEN | Effect.COMPLETED:
                item.settle(Fate.PROCESSED)
            case Effect.NOT_BEGUN:
                item.settle(Fate.UNPROCESSED, outcome.reason or _OUT_OF_TIME)
            case Effect.FAILED:
                item.settle(Fate.FAILED, outcome.reason)


def _key(item: Item) -> str:
    assert item.key is not None  # malformed records have none, and are settled before any of this
    return item.key


def _record(item: Item) -> Record:
    content = item.received.content
    assert isinstance(content, Record)  # the others are settled before any of this
    return content
