"""What AWS calls say about the records that they were for, where a consumer does not say what its effects are."""

from dataclasses import replace

import pytest

from redrive.scenarios.evidence_table import Writing
from redrive.scenarios.history import Called
from redrive.scenarios.judgement import Verdict, judge
from redrive.simulator.function import Ending


@pytest.fixture
def bare(story):
    """A story of a consumer that does not say what its effects are."""

    def tell(*names, **options):
        return story(*names, looks_at_effects=False, **options)

    return tell


def call(
    told,
    *names,
    service="dynamodb",
    operation="PutItem",
    answer="ok",
    writing=Writing.SAME,
    parameters=None,
    target="",
    invocation=None,
):
    """The handler makes a call for the records with these names."""
    number = len(told.batches) - 1 if invocation is None else invocation
    about = tuple(told.id_of(name) for name in names)
    hashed = parameters or f"hash of {names}"
    return told.add(Called(told.now_ms, number, 1, service, operation, answer, hashed, writing, target, about))


def verdict_of(name, told, **changes):
    (judgement,) = judge(replace(told.history(), **changes), [name])
    return judgement


def send(told, *names, **options):
    return call(told, *names, service="sqs", operation="SendMessage", writing=Writing.ADDS, **options)


class TestAcknowledgedAfterFailure:
    NAME = "acknowledged-after-failure"

    def test_is_found(self, bare):
        told = bare("a", "b").delivered("a", "b")
        call(told, "a")
        call(told, "b", answer="ThrottlingException")
        call(told, "b", answer="not sent: the endpoint is down")
        found = verdict_of(self.NAME, told.returned())
        assert found.verdict is Verdict.VIOLATED
        assert [violation.business_keys for violation in found.violations] == [("b",)]
        assert "2 times dynamodb PutItem: ThrottlingException, not sent" in found.violations[0].message

    @pytest.mark.parametrize("answer", ["ok", "ConditionalCheckFailedException", "PreconditionFailed"])
    def test_done_in_the_end_or_found_done(self, bare, answer):
        told = bare("a").delivered("a")
        call(told, "a", answer="ThrottlingException")
        call(told, "a", answer=answer)
        assert verdict_of(self.NAME, told.returned()).verdict is Verdict.HOLDS

    def test_done_by_an_earlier_delivery(self, bare):
        told = bare("a").delivered("a")
        call(told, "a").returned().lost_deletion("a")
        call(told.reappeared("a").delivered("a"), "a", answer="ThrottlingException")
        assert verdict_of(self.NAME, told.returned()).verdict is Verdict.HOLDS

    def test_failed_and_not_acknowledged(self, bare):
        told = call(bare("a").delivered("a"), "a", answer="ThrottlingException").ended(Ending.RAISED)
        for _ in range(2):
            call(told.delivered("a"), "a", answer="ThrottlingException").ended(Ending.RAISED)
        assert verdict_of(self.NAME, told.dead_lettered("a")).verdict is Verdict.HOLDS

    def test_input_that_the_service_calls_invalid_may_be_dropped(self, bare):
        told = call(bare("a").delivered("a"), "a", answer="ValidationException").returned()
        assert verdict_of(self.NAME, told).verdict is Verdict.HOLDS

    @pytest.mark.parametrize("writing", [Writing.READS, Writing.TELEMETRY])
    def test_to_read_or_to_count_is_no_work(self, bare, writing):
        told = call(bare("a").delivered("a"), "a", answer="ThrottlingException", writing=writing).returned()
        assert verdict_of(self.NAME, told).verdict is Verdict.HOLDS

    def test_calls_for_nobody_in_particular_count_if_there_is_one_for_each(self, bare):
        told = bare("a", "b").delivered("a", "b")
        call(told, answer="ThrottlingException", parameters="1")
        assert verdict_of(self.NAME, told).verdict is Verdict.HOLDS
        call(told, answer="ThrottlingException", parameters="2")
        assert verdict_of(self.NAME, told.returned()).verdict is Verdict.VIOLATED

    def test_silent_about_a_consumer_with_effects(self, story):
        told = call(story("a").delivered("a"), "a", answer="ThrottlingException").returned()
        assert verdict_of(self.NAME, told).verdict is Verdict.HOLDS


class TestUnconditionalWriteTwice:
    NAME = "unconditional-write-twice"

    def twice(self, bare, make, *, first=None):
        """Done, and delivered again, and what ``make`` does at each delivery."""
        told = bare("a", "b").delivered("a", "b")
        (first or make)(told)
        told.returned().reappeared("a").delivered("a")
        make(told)
        return verdict_of(self.NAME, told.returned()).verdict

    def test_the_same_send_once_more(self, bare):
        assert self.twice(bare, lambda told: send(told, "a")) is Verdict.VIOLATED

    def test_the_same_item_once_more_is_the_same_item(self, bare):
        assert self.twice(bare, lambda told: call(told, "a", target="t:1")) is Verdict.HOLDS

    @pytest.mark.parametrize("writing", [Writing.GUARDED, Writing.READS, Writing.TELEMETRY, Writing.UNKNOWN])
    def test_what_adds_nothing_for_sure_is_not_counted(self, bare, writing):
        assert self.twice(bare, lambda told: call(told, "a", writing=writing)) is Verdict.HOLDS

    def test_other_contents_under_the_same_key_replace_it(self, bare):
        def put(told):
            call(told, "a", target="t:1", parameters=f"at {told.now_ms}")

        assert self.twice(bare, put) is Verdict.HOLDS

    def test_under_another_key_it_is_there_twice(self, bare):
        def put(told):
            call(told, "a", target=f"t:{told.now_ms}", parameters=f"at {told.now_ms}")

        assert self.twice(bare, put) is Verdict.VIOLATED

    def test_in_another_table_it_is_something_else(self, bare):
        def first(told):
            call(told, "a", target="orders:1", parameters="1")

        assert self.twice(bare, lambda told: call(told, "a", target="seen:1"), first=first) is Verdict.HOLDS

    def test_growing_number_of_the_same_item(self, bare):
        def update(told):
            options = {"operation": "UpdateItem", "writing": Writing.ADDS, "target": "t:1"}
            call(told, "a", parameters=f"at {told.now_ms}", **options)

        assert self.twice(bare, update) is Verdict.VIOLATED

    def test_second_send_failed(self, bare):
        def first(told):
            send(told, "a")

        assert self.twice(bare, lambda told: send(told, "a", answer="AccessDenied"), first=first) is Verdict.HOLDS

    def test_send_for_nobody_in_particular_is_not_held_against_it(self, bare):
        assert self.twice(bare, lambda told: send(told, parameters="heartbeat")) is Verdict.HOLDS

    def test_retry_of_what_failed_is_no_second_time(self, bare):
        told = send(bare("a").delivered("a"), "a").ended(Ending.CRASHED)
        send(told.delivered("a"), "a")
        assert verdict_of(self.NAME, told.returned()).verdict is Verdict.HOLDS

    @pytest.mark.parametrize(("failed", "verdict"), [((), Verdict.VIOLATED), (("a",), Verdict.HOLDS)])
    def test_two_at_once_that_both_say_it_is_done(self, bare, failed, verdict):
        told = bare("a", "b").delivered("a", "b").reappeared("a").delivered("a")
        send(told, "a", invocation=0)
        send(told, "a", invocation=1).returned(*failed, invocation=1)
        assert verdict_of(self.NAME, told.returned(invocation=0)).verdict is verdict

    @pytest.mark.parametrize(("for_each", "verdict"), [(2, Verdict.VIOLATED), (1, Verdict.HOLDS)])
    def test_growing_number_that_names_nobody(self, bare, for_each, verdict):
        """It is about the records if a batch of two has two of it, and about the invocation if it has one."""

        def count(told):
            call(told, operation="UpdateItem", writing=Writing.ADDS, target="t:total", parameters="one more")

        told = bare("a", "b", "c").delivered("a", "b")
        for _ in range(for_each):
            count(told)
        told.returned().delivered("c")
        count(told)
        told.returned().reappeared("c").delivered("c")
        count(told)
        found = verdict_of(self.NAME, told.returned())
        assert found.verdict is verdict
        assert [violation.business_keys for violation in found.violations] == [("c",)] * (verdict is Verdict.VIOLATED)


class TestAcknowledgedWithoutWork:
    NAME = "acknowledged-without-work"

    def alone(self, bare, *, works):
        told = bare("a").delivered("a")
        if works:
            call(told, "a")
        return told.returned().history()

    def test_is_found_where_the_message_alone_is_worked_on(self, bare):
        told = bare("a", "b").delivered("a", "b")
        call(told, "b").returned()
        found = verdict_of(self.NAME, told, related=(self.alone(bare, works=True),))
        assert [violation.business_keys for violation in found.violations] == [("a",)]

    def test_dropped_alone_as_well_is_a_choice(self, bare):
        told = bare("a", "b").delivered("a", "b")
        call(told, "b").returned()
        found = verdict_of(self.NAME, told, related=(self.alone(bare, works=False),))
        assert found.verdict is Verdict.HOLDS

    def test_worked_on_in_company_only(self, bare):
        told = bare("a", "b").delivered("a", "b")
        call(told, "a", "b").returned()
        found = verdict_of(self.NAME, told, related=(self.alone(bare, works=False),))
        assert found.verdict is Verdict.VIOLATED

    def test_nothing_is_said_without_a_run_of_it_alone(self, bare):
        told = bare("a", "b").delivered("a", "b")
        call(told, "b").returned()
        assert verdict_of(self.NAME, told).verdict is Verdict.HOLDS

    def test_like_call_for_nobody_in_particular_may_be_for_it(self, bare):
        told = bare("a", "b").delivered("a", "b")
        call(told, parameters="of all at once").returned()
        found = verdict_of(self.NAME, told, related=(self.alone(bare, works=True),))
        assert found.verdict is Verdict.HOLDS
