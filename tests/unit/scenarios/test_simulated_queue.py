"""What the simulator is set up with for a plan, and what a plan has done to messages and events on their way."""

import copy
import json

import pytest

from redrive.fixtures.event_builder import MessageAttribute, build_event, standard_record
from redrive.scenarios.consumer import Consumer, QueueSpec
from redrive.scenarios.environments.simulated_queue import (
    event_for,
    horizon_ms,
    plan_agenda,
    simulation_of,
    with_pointers,
)
from redrive.scenarios.plan import EventChange, Plan, PlannedMessage, PointerKind
from redrive.scenarios.pointers import BUCKET, FOREIGN_BUCKET
from redrive.simulator import trace
from redrive.simulator.function import Ending, Outcome

A = PlannedMessage(key="a", body="body of a")
EVERYTHING_FAILS = Outcome(ending=Ending.RAISED)
NOTHING_FAILS = Outcome(ending=Ending.RETURNED, payload="{}")


def run(plan, *, queue=QueueSpec(), outcome=NOTHING_FAILS):  # noqa: B008 - a frozen value
    events = []

    def call(invocation):
        events.append(invocation.event)
        return outcome

    simulation = simulation_of(plan, queue, call, seed=0, on_discard=lambda _: None)
    plan_agenda(simulation, plan)
    simulation.run(simulation.now_ms + horizon_ms(plan, queue))
    return simulation.trace, events


def of_kind(kind, plan, **options):
    return [event for event in run(plan, **options)[0] if isinstance(event, kind)]


def test_retention_is_the_plans():
    assert not of_kind(trace.Expired, Plan(messages=(A,)), outcome=EVERYTHING_FAILS)
    assert of_kind(trace.Expired, Plan(messages=(A,), retention_s=299), outcome=EVERYTHING_FAILS)


@pytest.mark.parametrize(("queue_s", "own_s", "waited_s"), [(0, None, 0), (5, None, 5), (5, 60, 60), (0, 900, 900)])
def test_delay_is_the_messages_or_else_the_queues(queue_s, own_s, waited_s):
    message = PlannedMessage(key="a", body="a", delay_s=own_s)
    plan = Plan(messages=(message,), queue_delay_s=queue_s)
    (sent,), (began,) = of_kind(trace.Sent, plan), of_kind(trace.Began, plan)
    assert began.at_ms - sent.at_ms == waited_s * 1000


def test_as_many_batches_at_once_as_the_plan_has():
    # Who is throttled waits, and so do those that may not be with the function at the same time.
    for concurrency in (1, 2):
        plan = Plan(messages=(A, A), batch_size=1, concurrency=concurrency)
        slow = Outcome(ending=Ending.RETURNED, payload="{}", duration_ms=1_000)
        first, second = of_kind(trace.Began, plan, outcome=slow)
        assert (second.at_ms == first.at_ms) is (concurrency == 2)


def test_dead_letters_are_moved_back_when_the_plan_says():
    plan = Plan(messages=(A,), redrive_at_ms=(1_300_000,))
    (moved,) = of_kind(trace.Redriven, plan, outcome=EVERYTHING_FAILS)
    assert moved.at_ms - of_kind(trace.Sent, plan)[0].at_ms == 1_300_000
    assert len(of_kind(trace.DeadLettered, plan, outcome=EVERYTHING_FAILS)) == 2


def test_without_a_dead_letter_queue_nothing_is_moved():
    plan = Plan(messages=(A,), redrive_at_ms=(1,))
    assert not of_kind(trace.Redriven, plan, queue=QueueSpec(max_receive_count=None))


def test_empty_events_come_when_the_plan_says():
    _, events = run(Plan(messages=(A,), empty_events_at_ms=(500,)))
    assert [len(event["Records"]) for event in events] == [1, 0]


def test_send_that_may_be_refused_is_recorded_and_numbered():
    refused = PlannedMessage(key="r", body="", may_be_refused=True)
    recorded, _ = run(Plan(messages=(A, refused, A)))
    sends = [event for event in recorded if isinstance(event, trace.Sent | trace.SendRefused)]
    assert [(type(event), event.message) for event in sends] == [
        (trace.Sent, 0),
        (trace.SendRefused, 1),
        (trace.Sent, 2),
    ]


def test_message_attributes_arrive():
    message = PlannedMessage(key="a", body="a", message_attributes=(("n", MessageAttribute.number(1)),))
    _, (event,) = run(Plan(messages=(message,)))
    assert event["Records"][0]["messageAttributes"]["n"]["stringValue"] == "1"


class TestEvents:
    def event(self):
        attributes = {"n": MessageAttribute.string("v")}
        return build_event([standard_record("body", message_attributes=attributes)])

    def test_are_the_mappings_unless_the_plan_changes_them(self):
        event = self.event()
        assert event_for(Plan(messages=()), event) is event

    def test_have_unknown_fields_and_all_that_is_known(self):
        event = self.event()
        before = copy.deepcopy(event)
        changed = event_for(Plan(messages=(), event_changes=(EventChange.UNKNOWN_FIELDS,)), event)
        assert event == before
        unknown = "redriveUnknown"
        (record,) = changed["Records"]
        assert unknown in changed
        assert unknown in record
        assert unknown in record["messageAttributes"]["n"]
        del changed[unknown], record[unknown], record["messageAttributes"]["n"][unknown]
        del record["attributes"]["RedriveUnknown"]
        assert changed == before


class Bucket:
    """As much of S3 as pointers need."""

    def __init__(self):
        self.objects = {}

    def client(self, service):
        assert service == "s3"
        return self

    def create_bucket(self, *, Bucket):  # noqa: N803 - boto3's
        self.objects.setdefault(Bucket, {})

    def put_object(self, *, Bucket, Key, Body):  # noqa: N803 - boto3's
        self.objects[Bucket][Key] = Body


class TestPointers:
    @pytest.mark.parametrize(
        ("kind", "bucket", "is_there"),
        [
            (PointerKind.GOOD, BUCKET, True),
            (PointerKind.MISSING, BUCKET, False),
            (PointerKind.FOREIGN, FOREIGN_BUCKET, True),
        ],
    )
    def test_body_goes_to_s3_and_a_pointer_to_it_is_sent(self, kind, bucket, is_there):
        aws = Bucket()
        pointing = PlannedMessage(key="b", body="Größe", pointer=kind)
        sent = with_pointers(Plan(messages=(A, pointing)), Consumer(handler="m:h", valid=str), aws)
        assert sent.messages[0] == A
        assert sent.messages[1].payload == "Größe"
        _, place = json.loads(sent.messages[1].body)
        assert place["s3BucketName"] == bucket
        assert aws.objects == {bucket: {place["s3Key"]: "Größe".encode()} if is_there else {}}

    def test_consumer_may_make_them_otherwise(self):
        consumer = Consumer(handler="m:h", valid=str, pointer=lambda aws, body, kind: f"{kind}: {body}")
        pointing = PlannedMessage(key="b", body="large", pointer=PointerKind.GOOD)
        (sent,) = with_pointers(Plan(messages=(pointing,)), consumer, Bucket()).messages
        assert (sent.body, sent.payload) == ("good: large", "large")

    def test_without_pointers_aws_is_not_touched(self):
        plan = Plan(messages=(A,))
        assert with_pointers(plan, Consumer(handler="m:h", valid=str), None) is plan
