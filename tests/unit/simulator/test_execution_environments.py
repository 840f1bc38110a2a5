"""E24: which execution environment an invocation gets."""

from redrive.simulator import Ending, ExecutionEnvironments, MappingConfig, Outcome, QueueConfig, Simulation
from redrive.simulator.driver import EPOCH_MS


def leases(*outcomes, concurrent_batches=1):
    """Environment and coldness of each invocation, one message each, all sent at once."""
    seen, left = [], iter(outcomes)

    def call(invocation):
        seen.append((invocation.environment, invocation.cold))
        return next(left)

    mapping = MappingConfig(batch_size=1, concurrent_batches=concurrent_batches)
    simulation = Simulation(QueueConfig(visibility_timeout_s=60), mapping, call, seed=1)
    for number in range(len(outcomes)):
        simulation.send_at(EPOCH_MS, str(number))
    simulation.run(EPOCH_MS + 59_000)
    return seen


def outcome(ending=Ending.RETURNED, duration_ms=0):
    return Outcome(ending=ending, duration_ms=duration_ms)


def test_E24_execution_environment_is_cold_once_and_used_again():
    assert leases(outcome(), outcome(), outcome()) == [(1, True), (1, False), (1, False)]


def test_E24_execution_environment_survives_an_exception():
    assert leases(outcome(Ending.RAISED), outcome()) == [(1, True), (1, False)]


def test_E24_process_is_gone_after_a_timeout_or_a_crash():
    assert leases(outcome(Ending.TIMED_OUT), outcome()) == [(1, True), (2, True)]
    assert leases(outcome(Ending.CRASHED), outcome()) == [(1, True), (2, True)]


def test_E24_one_invocation_at_a_time_in_each():
    slow = outcome(duration_ms=1_000)
    first, second, third = leases(slow, slow, outcome(), concurrent_batches=2)
    assert (first, second) == ((1, True), (2, True))
    assert third in {(1, False), (2, False)}


def test_E24_whoever_keeps_the_environments_is_told_which_is_gone():
    gone = []
    environments = ExecutionEnvironments(gone.append)
    first, second = environments.lend(), environments.lend()
    environments.give_back(second.environment, Ending.RETURNED)
    environments.give_back(first.environment, Ending.CRASHED)
    assert gone == [first.environment]
    assert environments.lend() == (second.environment, False)
