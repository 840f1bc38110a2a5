"""Whatever fails in a FIFO batch, the order of each message group holds."""

from hypothesis import given
from hypothesis import strategies as st

from redrive.fixtures.event_builder import fifo_record
from redrive.reference_handler.batch import batch_item_failures, process_batch
from redrive.reference_handler.deadline import Deadline
from redrive.reference_handler.event import parse_event
from redrive.reference_handler.keys import KeySource
from redrive.reference_handler.ledger.memory import MemoryLedger
from redrive.reference_handler.sinks.memory import MemorySink
from redrive.reference_handler.sinks.sink import failed

NOW_MS = 1_735_689_600_000


class FailingSink(MemorySink):
    def write(self, rows, *, owner, deadline):
        (row,) = rows
        if row.message.body.endswith("unwritable"):
            return {row.business_key: failed("told to")}
        return super().write(rows, owner=owner, deadline=deadline)


kinds = st.sampled_from(["good", "good", "good", "malformed", "unwritable", "leased", "done"])
batches = st.lists(st.tuples(st.sampled_from(["g1", "g2", "g3"]), kinds), min_size=1, max_size=10)


def run(batch, max_workers):
    rows, ledger, records = [], MemoryLedger(ttl_s=3_600), []
    for n, (group, kind) in enumerate(batch):
        record = fifo_record(f"{n} {kind}", group, number=n, message_id=f"m{n}")
        if kind == "malformed":
            record["body"] = 7
        if kind in ("leased", "done"):
            ledger.claim(f"m{n}", owner="other", lease_until_ms=NOW_MS + 60_000, now_ms=NOW_MS)
        if kind == "done":
            ledger.complete(f"m{n}", owner="other", now_ms=NOW_MS)
        records.append(record)
    items = process_batch(
        parse_event({"Records": records}),
        owner="request-1",
        ledger=ledger,
        sink=FailingSink(rows),
        key_source=KeySource(),
        deadline=Deadline(remaining_ms=lambda: 30_000, reserve_ms=1_000),
        now_ms=lambda: NOW_MS,
        lease_margin_ms=0,
        max_workers=max_workers,
    )
    failures = [failure["itemIdentifier"] for failure in batch_item_failures(items)["batchItemFailures"]]
    return rows, ledger, failures


@given(batches, st.sampled_from([1, 4]))
def test_E18_effects_of_a_group_are_a_prefix_in_order_and_the_rest_goes_back(batch, max_workers):
    rows, _, failures = run(batch, max_workers)
    expected_effects, expected_failures = {}, []
    for n, (group, kind) in enumerate(batch):
        effects = expected_effects.setdefault(group, [])
        blocked = any(batch[int(failed_id[1:])][0] == group for failed_id in expected_failures)
        if blocked or kind in ("malformed", "unwritable", "leased"):
            expected_failures.append(f"m{n}")
        elif kind == "good":
            effects.append(f"m{n}")
    assert failures == expected_failures
    for group, expected in expected_effects.items():
        effects = [row.message.message_id for row in rows if row.message.attributes["MessageGroupId"] == group]
        assert effects == expected


@given(batches)
def test_what_goes_back_is_free_to_be_claimed_at_once(batch):
    _, ledger, failures = run(batch, 1)
    for message_id in failures:
        if batch[int(message_id[1:])][1] in ("good", "unwritable", "malformed"):
            claim = ledger.claim(message_id, owner="next", lease_until_ms=NOW_MS + 1, now_ms=NOW_MS)
            assert claim == "claimed"
