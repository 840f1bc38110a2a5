"""The simulator's queues against moto's: the same operations on both, and no difference that is not accounted for.

What moto does otherwise is in the table of ``scenarios/parity.py``; anything else fails here, and is either our bug or
an entry that the table lacks. ``HYPOTHESIS_PROFILE=search`` tries other examples than every run does.
"""

import pytest
from hypothesis import HealthCheck, settings
from hypothesis.stateful import run_state_machine_as_test

from .moto_endpoint import simulated_endpoint
from .queue_machine import FifoMachine, StandardMachine

STEPS = settings(stateful_step_count=20, report_multiple_bugs=False, suppress_health_check=list(HealthCheck))
AGAINST_MOTO = settings(STEPS, max_examples=max(250, STEPS.max_examples))
AGAINST_ITSELF = settings(STEPS, max_examples=max(60, STEPS.max_examples))


@pytest.mark.slow
@pytest.mark.once
@pytest.mark.parametrize("machine", [StandardMachine, FifoMachine], ids=["standard", "fifo"])
def test_moto_does_the_same_but_for_what_is_known(machine, moto):
    run_state_machine_as_test(lambda: machine(moto), settings=AGAINST_MOTO)


@pytest.mark.parametrize("machine", [StandardMachine, FifoMachine], ids=["standard", "fifo"])
def test_simulator_does_the_same_as_itself(machine):
    """That nothing differs where nothing may, also in what is not asked of moto."""
    run_state_machine_as_test(lambda: machine(simulated_endpoint()), settings=AGAINST_ITSELF)
