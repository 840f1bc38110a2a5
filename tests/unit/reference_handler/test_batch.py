"""The steps of a batch, over a memory ledger and a sink that remembers."""

import threading

import pytest

from redrive.fixtures.event_builder import fifo_record, standard_record
from redrive.reference_handler.batch import batch_item_failures
from redrive.reference_handler.items import Fate
from redrive.reference_handler.keys import KeySource
from redrive.reference_handler.ledger.ledger import Claim
from redrive.reference_handler.sinks.sink import COMPLETED, Effect, Outcome

BY_BODY = KeySource(pointer=())  # the whole body is the key: '"A"' has the key A


def standard(*bodies):
    return [standard_record(body, number=n, message_id=f"m{n}") for n, body in enumerate(bodies)]


def fifo(*bodies):
    """Bodies such as "g1:a": the group stands before the colon."""
    return [fifo_record(body, body.partition(":")[0], number=n, message_id=f"m{n}") for n, body in enumerate(bodies)]


def broken(record):
    return {**record, "body": None}


def fates(items):
    return [str(item.fate) for item in items]


def returned(items):
    return [failure["itemIdentifier"] for failure in batch_item_failures(items)["batchItemFailures"]]


class OtherOwner:
    """What another invocation did to the ledger before."""

    def __init__(self, world):
        self.world = world

    def leases(self, key, *, for_ms=60_000):
        now_ms = self.world.clock.now_ms
        claim = self.world.ledger.inner.claim(key, owner="other", lease_until_ms=now_ms + for_ms, now_ms=now_ms)
        assert claim is Claim.CLAIMED

    def does(self, key):
        self.leases(key)
        assert self.world.ledger.inner.complete(key, owner="other", now_ms=self.world.clock.now_ms)

    def may_claim(self, key):
        now_ms = self.world.clock.now_ms
        return self.world.ledger.inner.claim(key, owner="next", lease_until_ms=now_ms + 1, now_ms=now_ms)


@pytest.fixture
def other(world):
    return OtherOwner(world)


def test_records_are_processed_in_order_and_completed(world, other):
    items = world.run(*standard("a", "b", "c"))
    assert fates(items) == ["processed"] * 3
    assert batch_item_failures(items) == {"batchItemFailures": []}
    assert world.sink.bodies == ["a", "b", "c"]
    assert [other.may_claim(key) for key in ("m0", "m1", "m2")] == [Claim.DONE] * 3


def test_no_records_are_a_success(world):
    assert batch_item_failures(world.run()) == {"batchItemFailures": []}


def test_what_was_done_by_another_invocation_is_a_duplicate(world, other):
    other.does("m1")
    items = world.run(*standard("a", "b", "c"))
    assert fates(items) == ["processed", "duplicate", "processed"]
    assert returned(items) == []
    assert world.sink.bodies == ["a", "c"]


def test_what_another_invocation_is_doing_comes_back_later(world, other):
    other.leases("m1")
    items = world.run(*standard("a", "b", "c"))
    assert fates(items) == ["processed", "failed", "processed"]
    assert returned(items) == ["m1"]
    assert world.sink.bodies == ["a", "c"]
    assert "m1" not in world.ledger.of("release")
    assert other.may_claim("m1") is Claim.LEASED


def test_a_lease_that_has_ended_is_taken_over(world, other):
    other.leases("m0", for_ms=5_000)
    world.clock.now_ms += 5_000
    assert fates(world.run(*standard("a"))) == ["processed"]


def test_a_lease_ends_with_the_invocation_and_a_margin(world):
    world.run(*standard("a", "b"))
    ends_ms = world.clock.now_ms + world.timeout_ms + 500
    assert world.ledger.leases_until_ms == {"m0": ends_ms, "m1": ends_ms}


def test_a_crash_leaves_leases_that_end(world, other):
    class Crash(BaseException):
        pass

    def crash(row):
        raise Crash

    world.sink.on_write = crash
    with pytest.raises(Crash):
        world.run(*standard("a", "b"))
    assert world.ledger.of("release") == []  # a dead process tidies nothing up
    world.sink.on_write = lambda row: None
    assert fates(world.run(*standard("a", "b"), owner="request-2")) == ["failed", "failed"]
    world.clock.now_ms += world.timeout_ms + 500
    assert fates(world.run(*standard("a", "b"), owner="request-3")) == ["processed", "processed"]


def test_a_malformed_record_fails_alone(world):
    first, second, third = standard("a", "b", "c")
    items = world.run(first, broken(second), third)
    assert fates(items) == ["processed", "failed", "processed"]
    assert returned(items) == ["m1"]
    assert items[1].reason == "malformed: body is missing"
    assert "m1" not in world.ledger.of("claim")


def test_a_record_without_its_business_key_fails_alone(world):
    items = world.run(*standard('{"id": 1}', "[" * 500_000, '{"id": 2}'), key_source=KeySource(pointer=("id",)))
    assert fates(items) == ["processed", "failed", "processed"]
    assert [item.key for item in items] == ["1", None, "2"]


class TestSameBusinessKey:
    def test_the_first_does_the_work_for_all(self, world):
        items = world.run(*standard('"A"', '"B"', '"A"', '"A"'), key_source=BY_BODY)
        assert fates(items) == ["processed", "processed", "duplicate", "duplicate"]
        assert world.sink.bodies == ['"A"', '"B"']
        assert world.ledger.of("claim") == ["A", "B"]

    @pytest.mark.parametrize("bulk", [False, True])
    def test_the_others_share_its_failure(self, world, bulk):
        world.sink.bulk = bulk
        world.sink.failing = frozenset(['"A"'])
        items = world.run(*standard('"A"', '"B"', '"A"'), key_source=BY_BODY)
        assert fates(items) == ["failed", "processed", "failed"]
        assert returned(items) == ["m0", "m2"]

    def test_the_others_share_a_lease_of_another_invocation(self, world, other):
        other.leases("A")
        assert returned(world.run(*standard('"A"', '"B"', '"A"'), key_source=BY_BODY)) == ["m0", "m2"]

    def test_a_message_id_twice_in_a_batch_is_reported_once(self, world):
        world.sink.failing = frozenset(["a"])
        (record,) = standard("a")
        items = world.run(record, record)
        assert len(items) == 2
        assert returned(items) == ["m0"]


class TestFailures:
    def test_a_failed_write_is_returned_and_its_claim_given_back(self, world, other):
        world.sink.failing = frozenset(["b"])
        items = world.run(*standard("a", "b", "c"))
        assert fates(items) == ["processed", "failed", "processed"]
        assert world.ledger.of("release") == ["m1"]
        assert other.may_claim("m1") is Claim.CLAIMED

    @pytest.mark.parametrize("bulk", [False, True])
    def test_an_error_of_the_sink_fails_what_it_was_given(self, world, bulk):
        def refuse(row):
            if bulk or row.message.body == "b":
                raise ValueError("quotes the body: secret")

        world.sink.bulk = bulk
        world.sink.on_write = refuse
        items = world.run(*standard("a", "b"))
        assert returned(items) == (["m0", "m1"] if bulk else ["m1"])
        assert items[1].reason == "sink: ValueError"
        assert world.ledger.of("release") == returned(items)

    def test_a_sink_that_forgets_a_row_has_not_written_it(self, world):
        world.sink.write = lambda rows, **_: {}
        assert returned(world.run(*standard("a"))) == ["m0"]

    def test_a_claim_that_errs_fails_alone_and_is_given_back_as_it_may_have_been_made(self, world):
        world.ledger.errors["claim", "m1"] = TimeoutError("secret")
        items = world.run(*standard("a", "b", "c"))
        assert fates(items) == ["processed", "failed", "processed"]
        assert items[1].reason == "claim: TimeoutError"
        assert world.ledger.of("release") == ["m1"]

    def test_a_release_that_errs_is_only_said(self, world):
        world.sink.failing = frozenset(["a"])
        world.ledger.errors["release", "m0"] = TimeoutError("secret")
        items = world.run(*standard("a", "b"))
        assert fates(items) == ["failed", "processed"]
        assert items[0].reason == "told to; its claim stays until the lease ends: TimeoutError"

    def test_written_and_not_completed_is_success_because_the_effect_is_there(self, world):
        world.ledger.errors["complete", "m0"] = TimeoutError("secret")
        items = world.run(*standard("a", "b"))
        assert fates(items) == ["processed", "processed"]
        assert items[0].reason == "written, but not completed in the ledger: TimeoutError"

    def test_written_when_the_lease_had_gone_is_success_and_said(self, world):
        world.ledger.complete = lambda key, **_: False
        (item,) = world.run(*standard("a"))
        assert item.fate is Fate.PROCESSED
        assert item.reason == "written, but its lease had gone to another invocation"

    def test_what_the_sink_completed_is_not_completed_again(self, world):
        world.sink.write = lambda rows, **_: {row.business_key: COMPLETED for row in rows}
        assert fates(world.run(*standard("a"))) == ["processed"]
        assert world.ledger.of("complete") == world.ledger.of("release") == []

    def test_what_the_sink_did_not_begin_is_unprocessed_and_given_back(self, world):
        not_begun = Outcome(effect=Effect.NOT_BEGUN, reason="full")
        world.sink.write = lambda rows, **_: {row.business_key: not_begun for row in rows}
        (item,) = world.run(*standard("a"))
        assert (item.fate, item.reason) == (Fate.UNPROCESSED, "full")
        assert world.ledger.of("release") == ["m0"]


class TestFifo:
    @pytest.mark.parametrize("bulk", [False, True])
    def test_E18_behind_a_malformed_record_its_group_goes_back_unclaimed(self, world, bulk):
        world.sink.bulk = bulk
        records = fifo("g1:a", "g2:a", "g1:b", "g1:c", "g2:b")
        records[2] = broken(records[2])
        items = world.run(*records)
        assert fates(items) == ["processed", "processed", "failed", "unprocessed", "processed"]
        assert returned(items) == ["m2", "m3"]
        assert world.sink.bodies == ["g1:a", "g2:a", "g2:b"]
        assert world.ledger.of("claim") == ["m0", "m1", "m4"]

    @pytest.mark.parametrize("max_workers", [1, 4])
    def test_E18_behind_a_failed_write_its_group_goes_back_and_its_claims_too(self, world, other, max_workers):
        world.sink.failing = frozenset(["g1:b"])
        items = world.run(*fifo("g1:a", "g2:a", "g1:b", "g1:c", "g2:b"), max_workers=max_workers)
        assert fates(items) == ["processed", "processed", "failed", "unprocessed", "processed"]
        assert sorted(world.sink.bodies) == ["g1:a", "g2:a", "g2:b"]
        assert sorted(world.ledger.of("release")) == ["m2", "m3"]
        assert other.may_claim("m3") is Claim.CLAIMED

    @pytest.mark.parametrize("bulk", [False, True])
    def test_E18_behind_a_lease_its_group_goes_back_unwritten(self, world, other, bulk):
        world.sink.bulk = bulk
        other.leases("m0")
        items = world.run(*fifo("g1:a", "g1:b", "g2:a"))
        assert fates(items) == ["failed", "unprocessed", "processed"]
        assert world.sink.bodies == ["g2:a"]
        assert world.ledger.of("release") == ["m1"]

    def test_E18_a_claim_that_errs_blocks_its_group(self, world):
        world.ledger.errors["claim", "m0"] = TimeoutError()
        assert fates(world.run(*fifo("g1:a", "g1:b", "g2:a"))) == ["failed", "unprocessed", "processed"]
        assert world.sink.bodies == ["g2:a"]

    def test_a_duplicate_is_no_failure(self, world, other):
        other.does("m0")
        assert fates(world.run(*fifo("g1:a", "g1:b"))) == ["duplicate", "processed"]

    @pytest.mark.parametrize("bulk", [False, True])
    def test_a_duplicate_behind_a_failure_goes_back_with_its_group(self, world, other, bulk):
        other.does("m1")
        world.sink.bulk = bulk
        world.sink.failing = frozenset(["g1:a"])
        items = world.run(*fifo("g1:a", "g1:b", "g2:a"))
        assert fates(items) == ["failed", "unprocessed", "processed"]

    def test_a_bulk_write_that_fails_returns_every_group(self, world):
        world.sink.bulk = True
        world.sink.failing = frozenset(["g1:a", "g1:b", "g2:a"])
        items = world.run(*fifo("g1:a", "g1:b", "g2:a"))
        assert fates(items) == ["failed", "unprocessed", "failed"]
        assert world.sink.calls == [["m0", "m1", "m2"]]

    def test_S21_a_group_on_a_standard_queue_blocks_nothing(self, world):
        records = [
            standard_record(body, number=n, message_id=f"m{n}", system_attributes={"MessageGroupId": "g1"})
            for n, body in enumerate("abc")
        ]
        world.sink.failing = frozenset("a")
        assert fates(world.run(*records)) == ["failed", "processed", "processed"]

    def test_a_record_without_its_group_makes_one_group_of_the_batch(self, world):
        records = fifo("g1:a", "g1:b", "g2:a")
        records[1]["attributes"] = None
        world.sink.failing = frozenset(["g1:a"])
        assert fates(world.run(*records)) == ["failed", "unprocessed", "unprocessed"]

    @pytest.mark.parametrize("max_workers", [1, 4])
    def test_a_business_key_in_two_groups_keeps_the_order_of_both(self, world, max_workers):
        records = [
            fifo_record('"B"', "g1", number=0, message_id="m0"),
            fifo_record('"A"', "g2", number=1, message_id="m1"),
            fifo_record('"B"', "g2", number=2, message_id="m2"),
            fifo_record('"C"', "g2", number=3, message_id="m3"),
            fifo_record('"D"', "g3", number=4, message_id="m4"),
        ]
        world.sink.failing = frozenset(['"B"'])
        items = world.run(*records, key_source=BY_BODY, max_workers=max_workers)
        assert fates(items) == ["failed", "processed", "failed", "unprocessed", "processed"]


class TestDeadline:
    def test_without_time_nothing_is_even_claimed(self, world):
        world.timeout_ms = 999
        items = world.run(*standard("a", "b"))
        assert fates(items) == ["unprocessed", "unprocessed"]
        assert returned(items) == ["m0", "m1"]
        assert world.ledger.calls == world.sink.calls == []

    def test_when_time_runs_out_between_effects_the_rest_is_given_back(self, world, other):
        def slow(row):
            world.clock.now_ms += 20_000

        world.sink.on_write = slow
        items = world.run(*standard("a", "b", "c"))
        assert fates(items) == ["processed", "processed", "unprocessed"]
        assert items[2].reason.startswith("the invocation's time was running out")

    def test_time_that_runs_out_leaves_no_claim(self, world, other):
        def slow(row):
            world.clock.now_ms += 29_400

        world.sink.on_write = slow
        items = world.run(*standard("a", "b", "c"))
        assert fates(items) == ["processed", "unprocessed", "unprocessed"]
        assert world.ledger.of("complete") == ["m0"]
        assert world.ledger.of("release") == ["m1", "m2"]
        assert other.may_claim("m1") is Claim.CLAIMED

    def test_when_not_even_the_ledger_can_be_told_the_answer_still_is(self, world):
        def too_slow(row):
            world.clock.now_ms += 29_501

        world.sink.on_write = too_slow
        items = world.run(*standard("a", "b"))
        assert fates(items) == ["processed", "unprocessed"]
        assert world.ledger.of("complete") == world.ledger.of("release") == []
        assert "not completed in the ledger: the invocation's time" in items[0].reason
        assert "its claim stays until the lease ends" in items[1].reason

    def test_a_bulk_write_is_not_begun_late(self, world):
        world.sink.bulk = True
        world.clock.tick_ms = 10_000  # each look at the clock
        items = world.run(*standard("a", "b", "c"))
        assert fates(items) == ["unprocessed"] * 3
        assert world.sink.calls == []

    def test_E18_the_deadline_keeps_the_order_too(self, world):
        def slow(row):
            world.clock.now_ms += 20_000

        world.sink.on_write = slow
        items = world.run(*fifo("g1:a", "g2:a", "g1:b", "g2:b"))
        assert fates(items) == ["processed", "processed", "unprocessed", "unprocessed"]


class TestConcurrency:
    def test_one_worker_calls_in_the_order_of_the_batch_in_the_calling_thread(self, world):
        threads = set()
        world.sink.on_write = lambda row: threads.add(threading.get_ident())
        world.run(*fifo("g1:a", "g2:a", "g1:b", "g2:b"))
        assert world.sink.bodies == ["g1:a", "g2:a", "g1:b", "g2:b"]
        assert world.ledger.calls == [(method, f"m{n}") for method in ("claim", "complete") for n in range(4)]
        assert threads == {threading.get_ident()}

    def test_the_keys_of_a_batch_are_claimed_written_and_completed_at_the_same_time(self, world):
        everyone = threading.Barrier(8)  # passes when eight calls are under way at once, fails after 10 s

        def wait_for_all(call):
            def waiting(*args, **kwargs):
                everyone.wait(timeout=10)
                return call(*args, **kwargs)

            return waiting

        world.ledger.claim = wait_for_all(world.ledger.claim)
        world.ledger.complete = wait_for_all(world.ledger.complete)
        world.sink.write = wait_for_all(world.sink.write)
        items = world.run(*standard(*"abcdefgh"), max_workers=8)
        assert fates(items) == ["processed"] * 8

    def test_groups_are_written_at_the_same_time_and_each_in_its_order(self, world):
        two = threading.Barrier(2)
        world.sink.on_write = lambda row: two.wait(timeout=10)
        world.run(*fifo("g1:a", "g1:b", "g2:a", "g1:c", "g2:b", "g2:c"), max_workers=8)
        for group in ("g1", "g2"):
            of_group = [body for body in world.sink.bodies if body.startswith(group)]
            assert of_group == [f"{group}:a", f"{group}:b", f"{group}:c"]

    def test_a_bulk_sink_is_called_once_for_any_batch(self, world):
        world.sink.bulk = True
        world.run(*standard(*map(str, range(1_000))), max_workers=8)
        assert [len(keys) for keys in world.sink.calls] == [1_000]

    def test_invocations_that_race_for_the_same_messages_write_each_once(self, world):
        start = threading.Barrier(8)
        outcomes = []

        def invoke(n):
            start.wait(timeout=10)
            outcomes.append(world.run(*standard(*"abcdefgh"), owner=f"request-{n}", max_workers=3))

        threads = [threading.Thread(target=invoke, args=(n,)) for n in range(8)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert len(outcomes) == 8
        assert sorted(world.sink.bodies) == list("abcdefgh")


def test_rows_hold_the_message_and_the_time(world):
    (record,) = standard("a\U0001f600")
    record["attributes"]["MessageGroupId"] = "tenant"
    world.run(record)
    (row,) = world.sink.written
    assert row.business_key == row.message.message_id == "m0"
    assert row.message.body == "a\U0001f600"
    assert row.message_group == "tenant"
    assert row.message.ingested_at == world.clock.now_ms * 1_000
    assert row.message.ingested_date == 20_089  # 2025-01-01
