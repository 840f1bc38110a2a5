"""Faults added at rates: what a command says, what a plan gets, and what that does to a verdict."""

from dataclasses import replace

import pytest

from redrive.fixtures.faults import STANDARD_ONLY, CrashAt, LostDelete
from redrive.fixtures.named_faults import NAMED_FAULTS
from redrive.scenarios.added_faults import fault_options, fault_rates, with_faults, without_standard_only
from redrive.scenarios.catalogue import CATALOGUE
from redrive.scenarios.consumer import Consumer, QueueSpec
from redrive.scenarios.errors import InputError, UnknownName
from redrive.scenarios.history import Called, History
from redrive.scenarios.judgement import Verdict
from redrive.scenarios.plan import Plan, PlannedMessage
from redrive.scenarios.verification import Job, verify_scenario
from redrive.simulator import trace

EVERYTHING = dict.fromkeys(NAMED_FAULTS, 0.3)
PLAN = Plan(messages=tuple(PlannedMessage(key=f"key-{number}", body="b") for number in range(6)))


class TestRates:
    def test_rates_by_name_and_back(self):
        rates = fault_rates(["crash=0.05", "duplicate=1", "slow=1e-7"])
        assert list(rates.items()) == [("crash", 0.05), ("duplicate", 1.0), ("slow", 1e-7)]
        options = fault_options(rates)
        assert options[::2] == ["--fault"] * 3
        assert fault_rates(options[1::2]) == rates

    def test_no_rate_is_rounded(self):
        rates = {"crash": 1 / 3, "slow": 0.123456789}
        assert fault_rates(fault_options(rates)[1::2]) == rates

    def test_nothing_given(self):
        assert fault_rates([]) == {}
        assert fault_options({}) == []

    @pytest.mark.parametrize("words", ["flood=0.1", "flood", "=0.1", "", "Crash=0.1"])
    def test_name_that_is_none(self, words):
        with pytest.raises(UnknownName, match=r"no fault named '.*'; there are: duplicate, .*, clock-skew"):
            fault_rates([words])

    def test_name_without_a_rate(self):
        with pytest.raises(InputError, match=r"--fault crash does not say how often: .* --fault crash=0\.1"):
            fault_rates(["crash"])

    @pytest.mark.parametrize("rate", ["", "often", "0", "-0.1", "1.01", "10%", "nan", "inf", "0.1=0.2"])
    def test_rate_that_is_none(self, rate):
        with pytest.raises(InputError, match="is not a rate, which is a number above 0 and at most 1"):
            fault_rates([f"crash={rate}"])

    @pytest.mark.parametrize("second", ["crash=0.1", "crash=0.2"])
    def test_name_given_twice(self, second):
        with pytest.raises(InputError, match="--fault crash is given twice"):
            fault_rates(["crash=0.1", "slow=0.1", second])

    def test_S17_S18_what_is_left_on_fifo_queues(self):
        assert without_standard_only({"duplicate": 0.1, "crash": 0.2}) == {"crash": 0.2}


class TestPlans:
    def test_same_seed_adds_the_same_faults_and_another_one_others(self):
        one, again, other = (with_faults(PLAN, EVERYTHING, QueueSpec(), seed=seed) for seed in ("1", "1", "2"))
        assert one == again
        assert one.faults != other.faults
        assert replace(one, faults=()) == PLAN

    def test_own_faults_stay_first_and_no_fault_is_there_twice(self):
        own = (CrashAt(invocation=0, call=2), LostDelete(message=3))
        faults = with_faults(replace(PLAN, faults=own), {"lost-delete": 1}, QueueSpec(), seed="1").faults
        assert faults == (*own, *(LostDelete(message=number) for number in (0, 1, 2, 4, 5)))

    def test_S17_S18_plan_on_a_fifo_queue_gets_only_what_fifo_queues_have(self):
        faults = with_faults(replace(PLAN, fifo=True), EVERYTHING, QueueSpec(), seed="1").faults
        assert faults
        assert not any(isinstance(fault, STANDARD_ONLY) for fault in faults)

    @pytest.mark.parametrize(("max_receive_count", "deliveries"), [(1, 6), (3, 18), (None, 30), (1_000, 30)])
    def test_as_many_invocations_as_there_can_be_deliveries_within_reason(self, max_receive_count, deliveries):
        queue = QueueSpec(max_receive_count=max_receive_count)
        assert len(with_faults(PLAN, {"crash": 1}, queue, seed="1").faults) == deliveries


class Pretends:
    """An environment in which everything is done at once, and of the faults those strike that it is told to."""

    def __init__(self, strikes):
        self.strikes = strikes
        self.plans = []

    def run(self, plan, consumer, handler, *, seed):
        self.plans.append(plan)
        events = [Called(0, 0, 1, "dynamodb", "PutItem", "ok")]
        for number, _ in enumerate(plan.messages):
            message_id = f"id-{number}"
            events += [trace.Sent(0, number, message_id, True), trace.Deleted(0, 0, message_id)]
        events += [trace.Struck(0, None, fault) for fault in plan.faults if self.strikes(fault)]
        return History(
            plan=plan, queue=consumer.queue, events=tuple(events), finished=True, looks_at_effects=False, start_ms=0
        )


class TestVerdicts:
    @pytest.fixture
    def ask(self):
        def verdict_of(name, environment, *, seed=0, examples=5, **rates):
            rates = {name.replace("_", "-"): rate for name, rate in rates.items()}
            # One that does not say its effects is also run with each message alone, and without faults.
            consumer = Consumer(handler=lambda event, context: None, valid=str, effects=lambda aws: ())
            job = Job(name=name, scenario=CATALOGUE[name], consumer=consumer)
            return verify_scenario(job, environment, seed=seed, examples=examples, fault_rates=rates)

        return verdict_of

    def test_scenario_gets_to_what_it_is_about_by_a_fault_of_its_own(self, ask):
        environment = Pretends(lambda fault: isinstance(fault, CrashAt))
        assert ask("crash-after-effect", environment).verdict is Verdict.HOLDS
        assert ask("crash-after-effect", environment, lost_delete=1).verdict is Verdict.HOLDS

    def test_scenario_does_not_get_there_by_a_fault_that_was_added(self, ask):
        environment = Pretends(lambda fault: isinstance(fault, LostDelete))
        result = ask("crash-after-effect", environment, lost_delete=1)
        assert all(LostDelete(message=0) in plan.faults for plan in environment.plans)
        assert (result.verdict, result.reason) == (
            Verdict.UNKNOWN,
            "no fault of the scenario struck in any example, so nothing was shown",
        )

    def test_not_even_by_one_of_the_same_kind(self, ask):
        # Its own crash is in the first invocation.
        environment = Pretends(lambda fault: isinstance(fault, CrashAt) and fault.invocation > 0)
        result = ask("crash-after-effect", environment, crash=1)
        assert any(environment.strikes(fault) for fault in environment.plans[0].faults)
        assert result.verdict is Verdict.UNKNOWN

    def test_scenario_without_faults_of_its_own_needs_none_to_strike(self, ask):
        assert ask("happy-path", Pretends(lambda fault: False), crash=0.5).verdict is Verdict.HOLDS

    def test_every_plan_of_every_scenario_gets_its_faults(self, ask):
        environment = Pretends(lambda fault: True)
        for name, scenario in CATALOGUE.items():
            if scenario.at_every_call:
                continue
            environment.plans.clear()
            result = ask(name, environment, failed_delete=1)
            # What is skipped for want of a claim is tried all the same.
            assert environment.plans or result.verdict is Verdict.SKIPPED, scenario
            for plan in environment.plans:
                struck = {fault.message for fault in plan.faults if NAMED_FAULTS["failed-delete"].kind is type(fault)}
                assert struck == set(range(len(plan.messages))), name

    def test_plans_alike_do_not_all_get_the_same_faults(self, ask):
        environment = Pretends(lambda fault: True)
        ask("happy-path", environment, examples=40, lost_delete=0.5)
        faults = {}
        for plan in environment.plans:
            faults.setdefault(replace(plan, faults=()), set()).add(plan.faults)
        assert max(map(len, faults.values())) > 1

    def test_another_seed_adds_other_faults_to_the_very_first_plan(self, ask):
        environment = Pretends(lambda fault: True)
        for seed in range(10):
            ask("happy-path", environment, seed=seed, examples=1, lost_delete=0.5)
        assert {replace(plan, faults=()) for plan in environment.plans} == {replace(environment.plans[0], faults=())}
        assert {plan.faults for plan in environment.plans} == {(), (LostDelete(message=0),)}

    def test_without_rates_plans_are_what_they_were(self, ask):
        plain, empty = Pretends(lambda fault: True), Pretends(lambda fault: True)
        consumer = Consumer(handler=lambda event, context: None, valid=str)
        job = Job(name="duplicate-delivery", scenario=CATALOGUE["duplicate-delivery"], consumer=consumer)
        verify_scenario(job, plain, examples=8)
        verify_scenario(job, empty, examples=8, fault_rates={})
        assert plain.plans == empty.plans
