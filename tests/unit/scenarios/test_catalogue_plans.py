"""What the plans of single scenarios can be: that they get to what their scenario is about."""

import json
from dataclasses import replace

import pytest
from hypothesis import HealthCheck, Phase, given, settings

from redrive.fixtures.faults import Answer, DependencyDown, ErrorAnswer, SlowAt, Throttle, TimeoutAt
from redrive.scenarios.catalogue import CATALOGUE
from redrive.scenarios.consumer import BODY_BYTES_MAX, Claim, Consumer, QueueSpec
from redrive.scenarios.plan import EventChange, Kind, PointerKind
from redrive.simulator.errors import SqsError
from redrive.simulator.message_limits import check_message

pytestmark = [pytest.mark.slow, pytest.mark.once]

CONSUMER = Consumer(
    handler="shop:handler",
    valid=lambda key: json.dumps({"order": key, "note": "Größe"}, ensure_ascii=False),
    poison=lambda key: f"{key}, which is no order",
)
PLAIN_TEXT = replace(CONSUMER, valid=lambda key: f"order {key}")


def plans(name, consumer=CONSUMER, *, examples=40):
    found = []

    @settings(
        max_examples=examples,
        database=None,
        deadline=None,
        phases=[Phase.generate],
        derandomize=True,
        suppress_health_check=list(HealthCheck),
    )
    @given(CATALOGUE[name].plans(consumer))
    def collect(plan):
        found.append(plan)

    collect()
    return found


def with_queue(**fields):
    return replace(CONSUMER, queue=QueueSpec(**fields))


def why_unfit(name, consumer):
    return CATALOGUE[name].unfit(consumer)


class TestPoison:
    def test_each_position_of_a_batch_has_it_once(self):
        drawn = [[message.kind for message in plan.messages] for plan in plans("poison-at-each-position", examples=80)]
        assert {(len(kinds), kinds.index(Kind.POISON)) for kinds in drawn} == {
            (length, position) for length in range(2, 6) for position in range(length)
        }
        assert all(kinds.count(Kind.POISON) == 1 for kinds in drawn)

    def test_only_poison_and_later_valid_ones_under_other_keys(self):
        for plan in plans("only-poison"):
            assert {m.kind for m in plan.messages if m.at_ms == 0} == {Kind.POISON}
            keys = [message.key for message in plan.messages]
            assert len(set(keys)) == len(keys)

    def test_broken_bodies_are_no_json_and_the_others_are(self):
        for plan in plans("unparsable-body"):
            assert {message.kind for message in plan.messages} == {Kind.VALID, Kind.ANY}
            for message in plan.messages:
                if message.kind is Kind.VALID:
                    json.loads(message.body)
                else:
                    with pytest.raises(ValueError, match=r"."):
                        json.loads(message.body)

    def test_keyless_bodies_are_json_without_the_key(self):
        for plan in plans("missing-business-key"):
            bodies = [message.body for message in plan.messages if message.kind is Kind.ANY]
            assert set(bodies) == {'{"note": "Gr\\u00f6\\u00dfe"}'}

    @pytest.mark.parametrize("name", ["unparsable-body", "missing-business-key"])
    def test_bodies_that_are_no_json_are_left_alone(self, name):
        assert {m.kind for plan in plans(name, PLAIN_TEXT) for m in plan.messages} == {Kind.VALID}


class TestDeadLetters:
    def test_all_deliveries_fail_and_then_it_is_moved_back(self):
        for plan in plans("redriven-when-mended", with_queue(max_receive_count=2, visibility_timeout_s=60)):
            assert [fault.invocation for fault in plan.faults] == [0, 1]
            assert plan.redrive_at_ms == (180_000,)

    @pytest.mark.parametrize("name", ["redriven-when-mended", "poison-redriven"])
    def test_without_a_dead_letter_queue_there_is_nothing_to_move(self, name):
        assert why_unfit(name, with_queue(max_receive_count=None)) == "the consumer's queue has no dead-letter queue"
        assert "1000 deliveries" in why_unfit(name, with_queue(max_receive_count=1000))
        assert why_unfit(name, CONSUMER) is None

    def test_retention_is_over_before_the_next_delivery_and_work_is_sent_again(self):
        for plan in plans("retention-ends"):
            assert plan.retention_s == CONSUMER.queue.visibility_timeout_s - 1
            first = {message.key for message in plan.messages if message.at_ms == 0}
            again = {message.key for message in plan.messages if message.at_ms > 1000 * plan.retention_s}
            assert first & again
            assert "key-new" in again

    def test_no_retention_is_shorter_than_a_minute(self):
        assert why_unfit("retention-ends", with_queue(visibility_timeout_s=60)) is not None
        assert why_unfit("retention-ends", with_queue(visibility_timeout_s=61)) is None


class TestFailure:
    def test_some_calls_fail_for_one_reason_or_another(self):
        faults = [fault for plan in plans("transient-failure") for fault in plan.faults]
        assert {type(fault) for fault in faults} == {DependencyDown, ErrorAnswer}
        assert {fault.calls for fault in faults} == {1, 2, 3, 5}

    def test_outage_leaves_a_delivery_at_which_nothing_fails(self):
        for count in (2, 3, 4, 9):
            most = max(len(plan.faults) for plan in plans("dependency-outage", with_queue(max_receive_count=count)))
            assert most == min(3, count - 1)

    def test_calls_are_throttled_some_or_all(self):
        faults = [fault for plan in plans("throttled-calls", examples=80) for fault in plan.faults]
        assert {fault.answer for fault in faults} == {Answer.THROTTLED}
        assert None in {fault.calls for fault in faults}
        assert 1 in {fault.calls for fault in faults}

    def test_function_is_throttled_also_for_longer_than_the_mapping_waits(self):
        for_ms = {fault.for_ms for plan in plans("throttled-function", examples=80) for fault in plan.faults}
        assert for_ms == {1_000, 150_000, 301_000}


class TestTime:
    def test_deliveries_hang_a_call_further_each_time(self):
        steps = set()
        for plan in plans("timeout-at-each-record"):
            assert all(isinstance(fault, TimeoutAt) for fault in plan.faults)
            assert [fault.invocation for fault in plan.faults] == [0, 1]
            steps.add(plan.faults[1].call - plan.faults[0].call)
        assert steps == {0, 1, 2}

    def test_every_call_is_slow_and_a_batch_fits_all_the_same(self):
        for plan in plans("slow-dependency"):
            (held_up,) = plan.faults
            left_ms = CONSUMER.queue.function_timeout_s * 1000 - held_up.duration_ms
            assert left_ms in {1_500, 2_500}
            assert plan.call_ms in {200, 400}
            assert 6 * len(plan.messages) * plan.call_ms <= CONSUMER.queue.function_timeout_s * 1000
        assert why_unfit("slow-dependency", with_queue(function_timeout_s=4)) is not None

    def test_batch_is_visible_again_while_its_invocation_has_time_left(self):
        for plan in plans("visible-again-while-working"):
            throttled, slow = plan.faults
            assert isinstance(throttled, Throttle)
            assert isinstance(slow, SlowAt)
            works_until_ms = throttled.for_ms + slow.duration_ms
            assert 300_000 < works_until_ms < 255_000 + 50_000
            assert plan.concurrency == 2

    def test_function_that_ends_before_the_visibility_timeout_cannot_get_there(self):
        assert why_unfit("visible-again-while-working", with_queue(function_timeout_s=46)) is not None
        assert why_unfit("visible-again-while-working", with_queue(function_timeout_s=47)) is None

    def test_messages_wait_by_themselves_or_with_the_queue(self):
        drawn = plans("delayed-messages", examples=80)
        assert {message.delay_s for plan in drawn for message in plan.messages} == {None, 1, 60, 900}
        assert {plan.queue_delay_s for plan in drawn} == {0, 5, 900}


class TestSize:
    def test_what_is_refused_is_refused_and_comes_last(self):
        codes = set()
        for plan in plans("send-refused"):
            flags = [message.may_be_refused for message in plan.messages]
            assert flags == sorted(flags)
            for message in plan.messages:
                try:
                    check_message(message.body, dict(message.message_attributes), BODY_BYTES_MAX)
                    assert not message.may_be_refused
                except SqsError as error:
                    assert message.may_be_refused
                    codes.add(error.code)
        assert codes == {"MissingParameter", "InvalidMessageContents", "InvalidParameterValue"}

    def test_largest_body_is_1_MiB_to_the_byte_and_the_same_json(self):
        for plan in plans("largest-message", examples=3):
            largest, *others = plan.messages
            assert len(largest.body.encode()) == 1_048_576
            assert json.loads(largest.body)["order"] == largest.key
            assert largest.kind is Kind.EITHER
            assert {message.kind for message in others} == {Kind.VALID}

    def test_it_comes_alone_unless_the_consumer_says_what_large_is(self):
        for most, together in ((None, False), (190_000, True)):
            (plan,) = plans("largest-message", replace(CONSUMER, body_bytes_max=most), examples=1)
            assert all((message.at_ms == 0) is together for message in plan.messages[1:])

    def test_who_says_so_must_do_it(self):
        (plan,) = plans("largest-message", replace(CONSUMER, body_bytes_max=BODY_BYTES_MAX), examples=1)
        assert {message.kind for message in plan.messages} == {Kind.VALID}

    @pytest.mark.parametrize("most", [None, 190_000, 900_000])
    def test_payload_is_more_than_an_event_may_have(self, most):
        consumer = replace(with_queue(batch_size=100, batching_window_s=1), body_bytes_max=most)
        (plan,) = plans("largest-payload", consumer, examples=1)
        sizes = {len(message.body.encode()) for message in plan.messages}
        assert sum(len(message.body.encode()) for message in plan.messages) > 6_291_456
        assert sizes == {most or 900_000}
        assert {message.kind for message in plan.messages} == {Kind.EITHER if most is None else Kind.VALID}

    @pytest.mark.parametrize("name", ["largest-message", "largest-payload"])
    def test_bodies_that_are_no_json_cannot_be_made_larger(self, name):
        assert "not JSON" in why_unfit(name, PLAIN_TEXT)
        assert why_unfit(name, CONSUMER) is None

    def test_small_batches_do_not_reach_6_MB(self):
        assert "6 MB" in why_unfit("largest-payload", with_queue(batch_size=6))
        assert why_unfit("largest-payload", with_queue(batch_size=7)) is None

    def test_batch_is_as_large_as_the_mapping_makes_them_with_one_poison_message(self):
        (plan,) = plans("largest-batch", with_queue(batch_size=10_000, batching_window_s=1), examples=1)
        assert len(plan.messages) == plan.batch_size == 10_000
        assert [message.kind for message in plan.messages].count(Kind.POISON) == 1
        assert why_unfit("largest-batch", with_queue(batch_size=10)) is not None

    @pytest.mark.parametrize(
        ("name", "pointer", "claimed"),
        [
            ("s3-pointer", PointerKind.GOOD, Kind.VALID),
            ("s3-pointer-to-nothing", PointerKind.MISSING, Kind.POISON),
            ("s3-pointer-elsewhere", PointerKind.FOREIGN, Kind.POISON),
        ],
    )
    def test_pointers_are_held_against_who_claims_to_resolve_them(self, name, pointer, claimed):
        for claims, kind in ((CONSUMER.claims, Kind.ANY), ({Claim.OVERSIZE}, claimed)):
            for plan in plans(name, replace(CONSUMER, claims=claims), examples=10):
                assert {m.kind for m in plan.messages if m.pointer is pointer} == {kind}
                assert {m.kind for m in plan.messages if m.pointer is None} == {Kind.VALID}


class TestShape:
    def test_attributes_are_of_every_type_and_up_to_ten(self):
        drawn = [dict(message.message_attributes) for plan in plans("attribute-types") for message in plan.messages]
        types = {attribute.data_type for attributes in drawn for attribute in attributes.values()}
        assert {"String", "Number", "Binary", "String.json", "Number.price", "Binary.gzip"} <= types
        assert max(map(len, drawn)) == 10
        for attributes in drawn:
            check_message("body", attributes, BODY_BYTES_MAX)

    def test_bodies_are_the_same_json_with_and_without_escapes(self):
        bodies = {m.body for plan in plans("unicode") for m in plan.messages if m.key == "key-1"}
        assert bodies == {'{"order": "key-1", "note": "Größe"}', '{"order": "key-1", "note": "Gr\\u00f6\\u00dfe"}'}

    def test_keys_beyond_ascii_the_consumer_may_refuse(self):
        for plan in plans("unicode"):
            for message in plan.messages:
                assert message.kind is (Kind.VALID if message.key.isascii() else Kind.EITHER)

    def test_envelope_has_the_body_within(self):
        for plan in plans("sns-envelope"):
            wrapped = [message for message in plan.messages if message.payload is not None]
            assert 1 <= len(wrapped) < len(plan.messages)
            for message in wrapped:
                assert json.loads(message.body)["Message"] == message.payload
                assert message.kind is Kind.ANY

    def test_events_are_empty_or_have_more_than_is_known(self):
        assert all(plan.empty_events_at_ms for plan in plans("empty-event"))
        assert {plan.event_changes for plan in plans("unknown-fields")} == {(EventChange.UNKNOWN_FIELDS,)}


class TestState:
    @pytest.mark.parametrize(
        ("name", "batches"), [("warm-start", 2), ("leak-between-invocations", 2), ("two-environments", 4)]
    )
    def test_batches_are_alike_but_for_their_keys(self, name, batches):
        for plan in plans(name):
            alike = {}
            for message in plan.messages:
                alike.setdefault(message.likeness, []).append(message)
            alike.pop(None, None)
            assert alike
            for messages in alike.values():
                assert len(messages) == batches
                assert len({message.kind for message in messages}) == 1
                assert len({message.key for message in messages}) == batches

    def test_between_equal_batches_all_comes_to_rest(self):
        queue = CONSUMER.queue
        for plan in plans("warm-start"):
            times = sorted({message.at_ms for message in plan.messages})
            assert times[1] - times[0] > 1000 * queue.visibility_timeout_s * queue.max_receive_count


def test_batches_that_succeed_fail_in_part_and_fail_whole():
    drawn = plans("every-outcome")
    assert {len(plan.faults) for plan in drawn} == {0, 1}
    for plan in drawn:
        assert {message.kind for message in plan.messages} == {Kind.VALID, Kind.POISON}


def test_fifo_backlog_has_more_of_a_group_than_fit_into_a_batch():
    for plan in plans("fifo-backlog"):
        groups = [message.group for message in plan.messages]
        assert len(groups) > plan.batch_size
        assert groups.count("group-b") <= 2
