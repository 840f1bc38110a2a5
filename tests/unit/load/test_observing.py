"""An observation with a queue, replies and a ledger that are made up. Threads here are greenlets under Locust."""

import json
import time

import pytest
from botocore.exceptions import NoRegionError

from redrive.load.observing.clock_offset import ClockOffsets
from redrive.load.observing.gathering import Counted, RunCounts
from redrive.load.observing.observation import Hooks, Live, Observation
from redrive.load.observing.observe_settings import ObserverName, ObserveSettings
from redrive.load.settings import SendSettings

RUN = "0f0f0f0f"
QUEUE = "http://q/1/orders"
POLICY = json.dumps({"deadLetterTargetArn": "arn:aws:sqs:us-east-1:1:orders-dlq", "maxReceiveCount": "3"})


class FakeSqs:
    def __init__(self):
        self.visible, self.dead, self.bodies = 0, 0, []

    def get_queue_url(self, **_):
        return {"QueueUrl": f"{QUEUE}-dlq"}

    def get_queue_attributes(self, **request):
        count = self.dead if request["QueueUrl"].endswith("-dlq") else self.visible
        names = dict.fromkeys(request["AttributeNames"], "0")
        return {"Attributes": {**names, "ApproximateNumberOfMessages": str(count), "RedrivePolicy": POLICY}}

    def receive_message(self, **request):
        if not self.bodies:
            time.sleep(0.01)
            return {}
        return {"Messages": [{"Body": self.bodies.pop(0), "ReceiptHandle": "h"}]}

    def delete_message_batch(self, **_):
        pass


class FakeAccess:
    region = "us-east-1"

    def __init__(self, **clients):
        self.clients = clients

    def client(self, service):
        made = self.clients[service]
        if isinstance(made, Exception):
            raise made
        return made


def reply(*numbers, request_id="r1"):
    now_ms = int(time.time() * 1000)
    messages = [[f"{RUN}.0.{number}.{now_ms - 50}", "done", 1] for number in numbers]
    return json.dumps(
        {
            "redrive_reply": 1,
            "request_id": request_id,
            "records": len(messages),
            "duration_ms": 7,
            "cold_start": False,
            "left_out": 0,
            "messages": messages,
        }
    )


@pytest.fixture
def sqs():
    return FakeSqs()


@pytest.fixture
def counts():
    return RunCounts()


@pytest.fixture
def observe(counts, sqs, capsys):
    made = []

    def start(observer, *, drain_s=20.0, access=None, **more):
        settings = ObserveSettings(
            observer=observer, reply_queue_url="http://q/1/replies", ledger_table="orders", drain_s=drain_s
        )
        observation = Observation(
            SendSettings(queue_url=QUEUE),
            settings,
            run=RUN,
            counts=counts,
            clocks=ClockOffsets(),
            hooks=Hooks(fire=lambda *_: None, users=lambda: 3, due=lambda: 11),
            access=access or FakeAccess(sqs=sqs),
            **more,
        )
        made.append(observation)
        observation.start()
        return observation

    yield start
    for observation in made:
        observation.end()
        observation.hurry()
        assert observation.wait(20)


def settled(observation):
    observation.end()
    assert observation.wait(30)
    return observation.settled.account


def test_replies_settle_the_account(observe, counts, sqs):
    done = []
    observation = observe(ObserverName.REPLY, on_settled=done.append)
    counts.own.accepted = 3
    sqs.bodies = [reply(0, 1), reply(2, request_id="r2")]
    account = settled(observation)
    assert (account.processed, account.problem, account.basis) == (3, None, "message")
    assert done == [observation]
    assert set(observation.histograms()) == {"send_batch", "end_to_end", "batch_duration", "batch_records"}
    snapshot = observation.snapshot()
    assert snapshot["state"] == "settled"
    assert snapshot["account"]["processed"] == 3
    assert 50 <= snapshot["end_to_end_ms"]["p50"] <= snapshot["end_to_end_ms"]["max"]
    sample = snapshot["samples"][-1]
    assert (sample["sent"], sample["processed"], sample["users"], sample["due"]) == (3, 3, 3, 11)
    assert json.loads(json.dumps(snapshot)) == snapshot


def test_depth_alone_says_what_it_cannot_see(observe, counts, sqs):
    observation = observe(ObserverName.DEPTH)
    counts.own.accepted, sqs.dead = 5, 2
    account = settled(observation)
    assert (account.processed, account.dead_lettered, account.basis) == (3, 2, "not seen")
    lines = observation.not_known()
    assert any(line.startswith("how many messages were processed") for line in lines)
    assert any(line.startswith("how old the oldest message was") for line in lines)
    assert observation.snapshot()["end_to_end_ms"] is None


def test_age_is_reckoned_from_the_depth(observe, counts, sqs):
    observation = observe(ObserverName.DEPTH, drain_s=0.5)
    counts.own.accepted, sqs.visible = 10, 10
    settled(observation)
    samples = observation.snapshot()["samples"]
    assert samples[-1]["backlog"] == 10
    assert samples[-1]["oldest_age_s"] > 0


def test_age_is_that_of_the_oldest_message_without_a_reply(observe, counts, sqs):
    observation = observe(ObserverName.REPLY, drain_s=1.5)
    counts.own.accepted, sqs.visible = 4, 1
    sqs.bodies = [reply(0, 1, 3)]
    settled(observation)
    age_s = observation.snapshot()["samples"][-1]["oldest_age_s"]
    assert 1.5 < age_s < 30


def test_lost_worker_makes_sent_a_lower_bound(observe, counts, sqs):
    observation = observe(ObserverName.REPLY)
    counts.take("worker-a", {**Counted().as_report(run=RUN, sender="0", final=False)})
    sqs.bodies = [reply(0, 4)]
    account = settled(observation)
    assert account.sent_at_least
    assert (account.sent, account.processed) == (2, 2)
    (line,) = [line for line in observation.not_known() if line.startswith("worker")]
    assert "worker worker-a (sender 0) was last heard of" in line
    assert line.endswith("2 of its messages were processed, and it made at least 5")


def test_worker_that_never_said_a_word_is_named(observe, counts):
    observation = observe(ObserverName.REPLY, drain_s=0)
    counts.expect("worker-b", "1")
    settled(observation)
    assert any("worker worker-b (sender 1) was never heard of" in line for line in observation.not_known())


def test_ledger_counts_by_key(observe, counts, sqs):
    class FakeDynamoDB:
        def scan(self, **_):
            rows = [{"business_key": {"S": f"{RUN}-0-{number}"}, "status": {"S": "done"}} for number in range(4)]
            return {"Items": rows}

    observation = observe(ObserverName.LEDGER, access=FakeAccess(sqs=sqs, dynamodb=FakeDynamoDB()))
    counts.own.accepted, counts.own.duplicates = 5, 1
    account = settled(observation)
    assert (account.processed, account.repeats, account.problem) == (4, 1, None)
    assert any("do not say when they were done" in line for line in observation.not_known())


def test_what_cannot_be_observed_at_all_still_ends_and_gives_no_account(observe, counts, capsys):
    observation = observe(ObserverName.DEPTH, drain_s=0, access=FakeAccess(sqs=NoRegionError()))
    counts.own.accepted = 1
    account = settled(observation)
    assert "there is no account" in account.problem
    assert observation.not_known()[0].startswith("nothing can be observed: NoRegionError")
    assert capsys.readouterr().err.count("nothing can be observed") == 1


def test_before_the_first_run_there_is_nothing_to_see():
    live = Live()
    assert live.snapshot() == {"samples": [], "end_to_end_ms": None, "account": None, "state": "settled"}
