"""Every question put to the simulator, which is the law; and to endpoints that are wrong in one thing."""

import json
from dataclasses import replace

import pytest
from botocore.exceptions import ClientError, EndpointConnectionError

from redrive.scenarios.parity import PEERS
from redrive.scenarios.probes import PROBES, UNASKED, Answer, Endpoint, Probe, Word
from redrive.scenarios.probes.environments import simulated
from redrive.scenarios.probes.mapping import MappingSeen
from redrive.scenarios.probes.mapping_words import at_once
from redrive.scenarios.probes.probe import CannotAsk, Otherwise, fact
from redrive.scenarios.probes.queues import queue
from redrive.scenarios.probes.simulated_mapping import SimulatedMapping
from redrive.scenarios.probes.simulated_sqs import SimulatedSqs
from redrive.simulator.rules import RULES

BY_ID = {probe.id: probe for probe in PROBES}
NO_FUNCTION = {"E23-exception", "E23-ended"}
SLOW = {"S15-limit"}


def test_every_rule_is_asked_or_has_a_reason_why_not():
    asked = {probe.rule_id for probe in PROBES}
    assert asked | set(UNASKED) == {rule.id for rule in RULES}
    assert not asked & set(UNASKED)
    assert len(asked) >= 35


def test_ids_are_distinct_and_what_aws_does_is_one_line():
    assert len(BY_ID) == len(PROBES)
    for probe in PROBES:
        assert 10 <= len(probe.aws) <= 110, probe.id
        assert "\n" not in probe.aws
        assert not probe.aws.endswith("."), probe.id


def test_probes_are_in_the_order_of_the_rules():
    order = [rule.id for rule in RULES]
    places = [order.index(probe.rule_id) for probe in PROBES]
    assert places == sorted(places)


def test_every_known_deviation_has_a_probe_and_its_words():
    for compared in PEERS:
        for deviation in compared.deviations:
            assert deviation.aws == BY_ID[deviation.id].aws


@pytest.mark.parametrize(
    "probe",
    [pytest.param(each, marks=[pytest.mark.slow, pytest.mark.once]) if each.id in SLOW else each for each in PROBES],
    ids=lambda probe: probe.id,
)
def test_simulator_does_what_aws_does(probe):
    endpoint = simulated()
    answer = probe.answer(endpoint)
    assert answer.how == ("there is no function to invoke",) if probe.id in NO_FUNCTION else answer.how == ()
    assert answer.word is (Word.NOT_ASKED if probe.id in NO_FUNCTION else Word.AS_AWS)
    assert endpoint.sqs.queues == {}, "queues that were made are deleted"


class Wrong(SimulatedSqs):
    """Answers as ``lie`` says of the method and the request, where it says something."""

    def __init__(self, lie):
        self.clock_ms = 1_735_689_600_000
        super().__init__(lambda: self.clock_ms)
        self.lie = lie

    def __getattribute__(self, name):
        real = super().__getattribute__(name)
        if name not in {"send_message", "send_message_batch", "receive_message", "delete_message", "create_queue"}:
            return real

        def call(**request):
            return self.lie(name, request, real)

        return call


def wrong(lie):
    sqs = Wrong(lie)

    def wait(seconds):
        sqs.clock_ms += int(seconds * 1000)

    return Endpoint(name="wrong", version="1", sqs=sqs, wait=wait, virtual=True, mapping="none")


def takes_empty_bodies(method, request, real):
    if method == "send_message" and not request["MessageBody"]:
        return {"MessageId": "1"}
    return real(**request)


def makes_what_nobody_may(method, request, real):
    if method == "create_queue" and "MessageRetentionPeriod" in request["Attributes"]:
        request = {**request, "Attributes": {}}
    return real(**request)


def hides_nothing(method, request, real):
    return real(**{**request, "VisibilityTimeout": 0}) if method == "receive_message" else real(**request)


def strips_bodies(method, request, real):
    answer = real(**request)
    for message in answer.get("Messages", ()):
        message["Body"] = message["Body"].strip()
    return answer


def forgets_system_attributes(method, request, real):
    answer = real(**request)
    for message in answer.get("Messages", ()):
        del message["Attributes"]
    return answer


def gives_nothing(method, request, real):
    return {} if method == "receive_message" else real(**request)


def refuses_deletions(method, request, real):
    if method == "delete_message":
        raise ClientError(
            {"Error": {"Code": "AccessDenied", "Message": "no"}, "ResponseMetadata": {"HTTPStatusCode": 403}}, "Delete"
        )
    return real(**request)


def refuses_sends(method, request, real):
    if method == "send_message":
        raise ClientError({"Error": {"Code": "AccessDenied", "Message": "no"}, "ResponseMetadata": {}}, "SendMessage")
    return real(**request)


@pytest.mark.parametrize(
    ("probe_id", "lie", "seen"),
    [
        ("S01-empty", takes_empty_bodies, "an empty body: accepted (AWS: MissingParameter)"),
        ("S13-range", makes_what_nobody_may, "retention of 59 s: accepted (AWS: refused)"),
        ("S05-hidden", hides_nothing, "a receive while it is hidden: a (AWS: nothing)"),
        ("S18-blocked", hides_nothing, "a receive while that is in flight: a, b, c (AWS: nothing)"),
        ("S03-kept", strips_bodies, "the body of the outermost allowed characters arrives as sent: no (AWS: yes)"),
        ("S07-count", forgets_system_attributes, "an answer has no Attributes"),
        ("S08-new", gives_nothing, "a receive of a message that is there: nothing"),
        ("S09-twice", refuses_deletions, "deleting: AccessDenied (AWS: accepted)"),
        ("S10-moved", refuses_sends, "SendMessage, which AWS accepts here: AccessDenied"),
    ],
)
def test_endpoint_that_is_wrong_differs(probe_id, lie, seen):
    endpoint = wrong(lie)
    answer = BY_ID[probe_id].answer(endpoint)
    assert answer.word is Word.DIFFERS
    assert seen in answer.how
    assert endpoint.sqs.queues == {}


class WrongMapping(SimulatedMapping):
    def __init__(self, change_run=lambda run: run, change_seen=lambda seen: seen):
        self._change_run = change_run
        self._change_seen = change_seen

    def run(self, run):
        return self._change_seen(super().run(self._change_run(run)))

    def refuses(self, settings):
        return False

    def batch_size(self):
        return 1


def with_mapping(mapping):
    return Endpoint(name="wrong", version="1", sqs=None, wait=lambda _: None, virtual=True, mapping=mapping)


def settings(**changes):
    return lambda run: replace(run, settings=replace(run.settings, **changes))


def encoded_anew(seen):
    for each in seen.invocations:
        for record in each.records:
            try:
                record["body"] = json.dumps(json.loads(record["body"]))
            except ValueError:
                continue
    return seen


def always_new_environments(seen):
    for each in seen.invocations:
        each.environment = str(each.number)
    return seen


def without_md5(seen):
    for each in seen.invocations:
        for record in each.records:
            record.pop("md5OfMessageAttributes", None)
    return seen


def saw_nothing(seen):
    return MappingSeen(invocations=(), left=seen.left)


@pytest.mark.parametrize(
    ("probe_id", "mapping", "seen"),
    [
        ("E10-partial", WrongMapping(settings(report_batch_item_failures=False)), "once: 1 (AWS: 2)"),
        ("E08-ignored", WrongMapping(settings(report_batch_item_failures=True)), "response reports: 2 (AWS: 1)"),
        ("E07-unknown", WrongMapping(settings(report_batch_item_failures=False)), "message a: 1 (AWS: 2)"),
        ("E12-body", WrongMapping(settings(filters=())), "bodies that the function saw: "),
        ("E02-size", WrongMapping(settings(batch_size=10)), "a batch of more than 3: yes (AWS: no)"),
        ("E02-window", WrongMapping(settings(batching_window_s=0)), "window of 3 s: no (AWS: yes)"),
        ("E14-bound", WrongMapping(settings(maximum_concurrency=None)), "maximum of 2 are: "),
        ("E22-body", WrongMapping(change_seen=encoded_anew), 'JSON without spaces: "{\\"a\\": 1'),
        ("E24-reused", WrongMapping(change_seen=always_new_environments), "first one's environment: no (AWS: yes)"),
        ("E20-record", WrongMapping(change_seen=without_md5), "with message attributes: "),
        ("E10-dead", WrongMapping(settings(max_receive_count=1)), "receive counts that the function saw: 1"),
        ("E05-success", WrongMapping(change_seen=saw_nothing), "never delivered (AWS: deleted)"),
        ("E01-range", WrongMapping(), "10,001 with a window: accepted (AWS: refused)"),
        ("E01-default", WrongMapping(), "says none: 1 (AWS: 10)"),
        ("E04-timeout", WrongMapping(), "5 s above 4 s: accepted (AWS: refused)"),
    ],
)
def test_mapping_that_is_wrong_differs(probe_id, mapping, seen):
    answer = BY_ID[probe_id].answer(with_mapping(mapping))
    assert answer.word is Word.DIFFERS
    assert any(seen in how for how in answer.how), answer.how


def test_endpoint_without_a_mapping_cannot_be_asked_about_one():
    endpoint = with_mapping("there is none")
    for probe in PROBES:
        if probe.rule_id.startswith("E"):
            assert probe.answer(endpoint) == Answer(word=Word.NOT_ASKED, how=("there is none",))


def asking(ask):
    return Probe(id="S01-x", aws="something", ask=ask, takes_s=1)


def test_what_was_seen_before_the_endpoint_did_otherwise_is_told():
    def ask(_):
        yield fact("first", 1, 2)
        raise Otherwise("then nothing")

    assert asking(ask).answer(simulated()).how == ("first: 1 (AWS: 2)", "then nothing")


def test_reason_why_not_is_no_difference():
    def ask(_):
        yield fact("first", 1, 1)
        raise CannotAsk("it is closed")

    assert asking(ask).answer(simulated()) == Answer(word=Word.NOT_ASKED, how=("it is closed",))


def test_endpoint_that_does_not_answer_is_no_difference_either():
    def ask(_):
        raise EndpointConnectionError(endpoint_url="http://127.0.0.1:1")
        yield

    with pytest.raises(EndpointConnectionError):
        asking(ask).answer(simulated())


def test_probe_that_looks_at_nothing_is_an_error_of_ours():
    with pytest.raises(AssertionError, match="S01-x has looked at nothing"):
        asking(lambda _: ()).answer(simulated())


def test_queue_is_deleted_when_its_probe_fails():
    endpoint = simulated()

    def fail():
        with queue(endpoint, redrive_after=1) as q:
            assert len(endpoint.sqs.queues) == 2
            q.send("a")
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        fail()
    assert endpoint.sqs.queues == {}


@pytest.mark.parametrize(
    ("spans", "most"), [([(0, 1), (1, 2)], 1), ([(0, 2), (1, 3), (1.5, 1.8)], 3), ([(0, None), (0, 1)], 1), ([], 0)]
)
def test_invocations_at_once_are_counted(spans, most):
    class Span:
        def __init__(self, began_s, ended_s):
            self.began_s, self.ended_s = began_s, ended_s

    assert at_once([Span(*span) for span in spans]) == most
