"""Where and how a consumer is run, as a value: its words, what it can do, which scenarios it has."""

import pickle

import pytest

from redrive.fixtures.faults import ClockSkew, CrashAt, LostDelete, Throttle
from redrive.scenarios import Consumer, QueueSpec
from redrive.scenarios.capabilities import Capability, needed_by
from redrive.scenarios.catalogue import CATALOGUE
from redrive.scenarios.environment_kinds import AWS, KINDS, LOCALSTACK, MOTO
from redrive.scenarios.environments.localstack import LocalStackEnvironment
from redrive.scenarios.environments.moto import MotoEnvironment
from redrive.scenarios.environments.simulated import SimulatedEnvironment
from redrive.scenarios.handler_runtime import NATIVE, HandlerRuntime, RuntimeKind
from redrive.scenarios.parity import peer
from redrive.scenarios.place import HERE, Place
from redrive.scenarios.real_time import VISIBILITY_TIMEOUT_S
from redrive.scenarios.verification import jobs_of

PROCESS = HandlerRuntime(kind=RuntimeKind.PROCESS)
ON_MOTO = Place(kind=MOTO)
CONSUMER = Consumer(handler="json:loads", valid=str, poison=str, queue=QueueSpec(visibility_timeout_s=300))


@pytest.mark.parametrize(
    ("place", "words"),
    [
        (HERE, []),
        (Place(runtime=PROCESS), ["--runtime", "process"]),
        (ON_MOTO, ["--on", "moto"]),
        (Place(kind=MOTO, runtime=PROCESS), ["--on", "moto", "--runtime", "process"]),
    ],
)
def test_words_choose_it_again(place, words):
    assert place.words() == words
    assert pickle.loads(pickle.dumps(place)) == place, "other processes get it"


def test_localstack_is_another_place_for_each_server():
    there = Place(kind=LOCALSTACK, runtime=NATIVE, endpoint_url="http://127.0.0.1:4566")
    assert there.words() == ["--on", "localstack"]
    assert pickle.loads(pickle.dumps(there)) == there
    environment = there.environment()
    assert isinstance(environment, LocalStackEnvironment)
    with environment.running(), there.shared() as shared:
        assert shared is there, "nothing is started where there is one"
    with HERE.shared() as shared:
        assert shared is HERE


def test_localstack_has_one_poller_and_room_for_a_cold_start():
    there = Place(kind=LOCALSTACK, runtime=NATIVE)
    assert not {Capability.CONCURRENCY, Capability.VIRTUAL_TIME, Capability.OWN_EVENTS} & there.capabilities
    assert {Capability.CALL_FAULTS, Capability.DUPLICATES, Capability.REORDERING} <= there.capabilities
    queue = there.shaped(CONSUMER).queue
    assert queue.function_timeout_s > ON_MOTO.shaped(CONSUMER).queue.function_timeout_s
    assert queue.visibility_timeout_s >= queue.function_timeout_s, "AWS refuses it otherwise (E05)"


def test_only_here_can_do_everything():
    assert HERE.capabilities == set(Capability)
    assert Capability.VIRTUAL_TIME not in ON_MOTO.capabilities
    assert Capability.LONG_PAUSES in ON_MOTO.capabilities
    assert Capability.LONG_PAUSES not in Place(runtime=PROCESS).capabilities
    assert Capability.LONG_PAUSES in Place(kind=MOTO, runtime=PROCESS).capabilities


def test_real_time_is_waited_for_with_few_examples_and_a_short_timeout():
    assert (HERE.is_real_time, ON_MOTO.is_real_time, Place(runtime=PROCESS).is_real_time) == (False, True, True)
    assert HERE.shaped(CONSUMER) is CONSUMER
    assert ON_MOTO.shaped(CONSUMER).queue.visibility_timeout_s == VISIBILITY_TIMEOUT_S
    assert HERE.examples(12) == 12
    assert ON_MOTO.examples(12) < Place(runtime=PROCESS).examples(12) < 12
    assert ON_MOTO.examples(1) == 1
    assert HERE.processes(2) == 2 < ON_MOTO.processes(2)


def test_environment_is_made_of_it():
    assert isinstance(HERE.environment(), SimulatedEnvironment)
    assert isinstance(ON_MOTO.environment(), MotoEnvironment)


def test_what_is_not_aws_is_not_held_against_the_handler():
    reason = MOTO.deviates("send-refused")
    assert "an empty body is refused, and moto accepts an empty body (S01-empty)" in reason
    assert MOTO.deviates("happy-path") is None
    (job,) = jobs_of(CONSUMER, ["send-refused"], place=ON_MOTO)
    assert "S01-empty" in job.why_not()
    (here,) = jobs_of(CONSUMER, ["send-refused"])
    assert here.why_not() is None


@pytest.mark.parametrize("kind", KINDS.values(), ids=KINDS)
def test_deviations_are_of_scenarios_and_differences_that_there_are(kind):
    known = {deviation.id for deviation in peer(kind.name).deviations} if kind.deviations else set()
    for scenario, ids in kind.deviations.items():
        assert scenario in CATALOGUE
        assert ids
        assert set(ids) <= known


def test_scenarios_say_where_they_can_be_run():
    assert CATALOGUE["happy-path"].environments[:2] == ("simulated", "moto")
    assert "moto" not in CATALOGUE["clock-skew"].environments
    assert "moto" not in CATALOGUE["send-refused"].environments
    assert all("simulated" in scenario.environments for scenario in CATALOGUE.values())
    assert CATALOGUE["happy-path"].environments[-1] == "aws"
    assert "aws" not in CATALOGUE["crash-after-effect"].environments, "nothing can be made to fail there"
    assert set(AWS.left_out) <= set(CATALOGUE)
    assert not [name for name in AWS.left_out if "aws" in CATALOGUE[name].environments]


def test_faults_say_what_they_need():
    assert needed_by(CrashAt) == {Capability.CALL_FAULTS}
    assert needed_by(LostDelete) == {Capability.LOST_DELETES}
    assert needed_by(Throttle) == {Capability.THROTTLING}
    assert needed_by(ClockSkew) == {Capability.VIRTUAL_TIME}
