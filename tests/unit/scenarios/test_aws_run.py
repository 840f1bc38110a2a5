"""A run on AWS against a queue, a function and a log that are a few lines each: what is told, and when it ends."""

import itertools
import json
from dataclasses import replace

import pytest

from redrive.fixtures.event_builder import md5_of_body
from redrive.scenarios.consumer import Consumer, Effect, QueueSpec
from redrive.scenarios.environments.aws_events import JournalIncomplete
from redrive.scenarios.environments.aws_log import FunctionLog
from redrive.scenarios.environments.aws_names import PLANNED
from redrive.scenarios.environments.aws_run import AwsRun, Clock
from redrive.scenarios.environments.aws_site import Site
from redrive.scenarios.environments.live_queue import LiveQueue
from redrive.scenarios.errors import TargetError
from redrive.scenarios.judgement import Verdict, judge
from redrive.scenarios.plan import Kind, Plan, PlannedMessage
from redrive.scenarios.poller import epoch_ms
from redrive.simulator import trace
from redrive.simulator.function import Ending

SPEC = QueueSpec(visibility_timeout_s=15, function_timeout_s=5, max_receive_count=2)


class World:
    """A queue whose mapping invokes at once with each message, and a function that does what has "ok" in it."""

    def __init__(self, *, log=True, lost=()) -> None:
        self.sent: list[dict] = []
        self.dlq: list[dict] = []
        self.rows: list[Effect] = []
        self.lines: list[dict] = []
        self.lost = set(lost)
        self.now_s = 0.0
        self.waiting: list[str] = []
        self.requests = itertools.count(1)
        queue = LiveQueue(
            client=self, url="queue", arn="arn", fifo=False, visibility_timeout_s=15, dlq_url="dlq", dlq_arn="dlq-arn"
        )
        since_ms = epoch_ms() - 1000
        self.site = Site(
            queue=queue,
            spec=SPEC,
            is_own=True,
            log=FunctionLog(self, "group", since_ms=since_ms) if log else None,
            unseen=None if log else "there is no journal",
        )
        self.clock = Clock(monotonic_s=lambda: self.now_s, sleep=self.sleep)

    def client(self, _):
        return self

    def sleep(self, duration_s):
        self.now_s += duration_s

    # What the run calls.

    def send_message(self, **given):
        body = given["MessageBody"]
        message_id = f"id-{len(self.sent) + 1}"
        self.sent.append({**given, "MessageId": message_id, "Body": body})
        done = "ok" in body
        for count in (1,) if done else (1, 2):
            self.invoke(message_id, body, count, failed=not done)
        if done:
            key = json.loads(body)["key"]
            self.rows.append(Effect(key=key, body=body))
        else:
            self.dlq.append({"MessageId": message_id, "ReceiptHandle": message_id})
        return {"MessageId": message_id}

    def receive_message(self, **given):
        assert given["QueueUrl"] == "dlq"
        received, self.dlq_in_flight = self.dlq[:10], self.dlq[:10]
        self.dlq = self.dlq[10:]
        return {"Messages": received} if received else {}

    def delete_message(self, **given):
        assert given["QueueUrl"] == "dlq"
        left = [each for each in self.dlq_in_flight if each["ReceiptHandle"] != given["ReceiptHandle"]]
        self.dlq_in_flight = left

    def get_queue_attributes(self, **given):
        assert given["QueueUrl"] == "queue"
        return {"Attributes": {name: str(len(self.waiting)) for name in given["AttributeNames"]}}

    def filter_log_events(self, **_):
        return {"events": self.lines}

    def invoke(self, message_id, body, count, *, failed):
        number = next(self.requests)
        if number in self.lost:
            return
        failures = [{"itemIdentifier": message_id}] if failed else []
        began = {"environment": "e", "cold": number == 1, "records": [[message_id, count, md5_of_body(body)]]}
        self.line(number, "began", began)
        self.line(number, "ended", {"payload": json.dumps({"batchItemFailures": failures})})

    def line(self, number, what, more):
        at_ms = epoch_ms()
        request_id = f"00000000-0000-4000-8000-{number:012d}"
        value = {"redrive_journal": 1, "what": what, "request_id": request_id, "at_ms": at_ms, **more}
        event_id = str(len(self.lines))
        self.lines.append({"eventId": event_id, "timestamp": at_ms, "message": json.dumps(value)})


def message(key, *, kind=Kind.VALID, **more):
    what = "ok" if kind is Kind.VALID else "poison"
    return PlannedMessage(key=key, body=json.dumps({"key": PLANNED + key, "is": what}), kind=kind, **more)


def consumer(world, *, sees=True):
    return Consumer(handler="a:b", valid=str, effects=(lambda _: list(world.rows)) if sees else None, queue=SPEC)


def run(world, *messages, sees=True):
    return AwsRun(Plan(messages=messages), consumer(world, sees=sees), world.site, world, clock=world.clock).history()


def verdicts(history, *names):
    return {judged.invariant: judged.verdict for judged in judge(history, names)}


EVERYTHING = (
    "no-loss",
    "no-invention",
    "effects-once",
    "poison-isolated",
    "dead-lettered",
    "response-valid",
    "body-exact",
)


def test_good_messages_and_poison_come_to_what_they_should():
    history = run(World(), message("key-1"), message("key-2", kind=Kind.POISON))
    assert history.finished
    assert [fate.acknowledged for fate in history.fates] == [True, False]
    assert history.fates[1].dead_lettered_after == 2
    assert set(verdicts(history, *EVERYTHING).values()) == {Verdict.HOLDS}


def test_what_is_sent_has_a_name_of_the_run_and_the_history_those_of_the_plan():
    world = World()
    first, second = run(world, message("key-1")), run(world, message("key-1"))
    names = {json.loads(sent["Body"])["key"] for sent in world.sent}
    assert len(names) == 2
    assert not any(name.startswith(PLANNED) for name in names)
    for history in (first, second):
        (effect,) = history.effects
        assert (effect.key, effect.body) == ("key-1", history.plan.messages[0].body)
        assert verdicts(history, "body-exact", "effects-once") == {
            "body-exact": Verdict.HOLDS,
            "effects-once": Verdict.HOLDS,
        }


def test_effects_that_were_there_before_are_nobodys():
    world = World()
    world.rows += [Effect(key="customer-7"), Effect(key="redrive-ffffffffffff-key-1")]
    history = run(world, message("key-1"))
    assert [effect.key for effect in history.effects] == ["key-1"]


def test_an_effect_that_nobody_asked_for_is_an_invention():
    world = World()
    inner = world.send_message

    def send_message(**given):
        world.rows.append(Effect(key="out of the blue"))
        return inner(**given)

    world.send_message = send_message
    assert verdicts(run(world, message("key-1")), "no-invention") == {"no-invention": Verdict.VIOLATED}


def test_a_body_that_was_changed_on_the_way_is_seen():
    world = World()
    inner = world.invoke
    world.invoke = lambda message_id, body, count, *, failed: inner(message_id, f"{body} ", count, failed=failed)
    assert verdicts(run(world, message("key-1")), "body-exact") == {"body-exact": Verdict.VIOLATED}


def test_an_invocation_that_the_log_does_not_have_makes_it_unknown_and_not_a_violation():
    world = World(lost={1})
    with pytest.raises(JournalIncomplete, match="no invocation for receive 1 of message id-1"):
        run(world, message("key-1", kind=Kind.POISON))
    # As long as the log might still come.
    assert world.now_s >= 60


def test_invocations_without_the_journals_line_are_told():
    world = World(lost={1})
    at_ms = epoch_ms() + 1000
    start = "START RequestId: 00000000-0000-4000-8000-000000000001 Version: $LATEST\n"
    world.lines.append({"eventId": "s", "timestamp": at_ms, "message": start})
    with pytest.raises(JournalIncomplete, match="without the journal's line"):
        run(world, message("key-1"))


def test_a_message_that_is_never_delivered_leaves_the_run_unfinished():
    history = run(World(lost={1}), message("key-1"))
    assert not history.finished
    assert verdicts(history, "no-loss") == {"no-loss": Verdict.UNKNOWN}


def test_an_invocation_that_timed_out_is_told_as_such():
    world = World(lost={1})
    request_id = "00000000-0000-4000-8000-000000000001"
    body_md5 = []

    def invoke(message_id, body, count, *, failed):
        body_md5.append(md5_of_body(body))
        began = {"environment": "e", "cold": True, "records": [[message_id, 1, body_md5[0]]]}
        world.line(1, "began", began)
        at_ms = epoch_ms()
        text = f"2026-01-01T00:00:00.000Z {request_id} Task timed out after 5.00 seconds"
        world.lines.append({"eventId": "t", "timestamp": at_ms, "message": text})
        next(world.requests)
        world.lost = set()
        World.invoke(world, message_id, body, 2, failed=False)

    world.invoke = invoke
    history = run(world, message("key-1"))
    assert [record.ending for record in history.invocations.values()] == [Ending.TIMED_OUT, Ending.RETURNED]
    assert [delivery.receive_count for delivery in history.fates[0].deliveries] == [1, 2]
    assert history.finished


def test_dead_letters_of_others_stay():
    world = World()
    world.dlq.append({"MessageId": "somebody's", "ReceiptHandle": "somebody's"})
    deleted = []
    inner = world.delete_message

    def delete_message(**given):
        deleted.append(given["ReceiptHandle"])
        inner(**given)

    world.delete_message = delete_message
    run(world, message("key-1", kind=Kind.POISON))
    assert deleted == ["id-1"]


def test_without_a_journal_an_empty_queue_has_to_stay_empty_for_over_a_minute():
    world = World(log=False)
    history = run(world, message("key-1"), message("key-2", kind=Kind.POISON))
    assert history.finished
    assert world.now_s >= 75
    assert history.invocations == {}
    assert [fate.acknowledged for fate in history.fates] == [True, False]
    assert verdicts(history, "no-loss", "no-invention", "effects-once") == dict.fromkeys(
        ("no-loss", "no-invention", "effects-once"), Verdict.HOLDS
    )


def test_without_a_journal_a_message_that_was_dropped_is_a_loss():
    world = World(log=False)
    world.rows = []
    history = AwsRun(
        Plan(messages=(message("key-1"),)),
        replace(consumer(world), effects=lambda _: []),
        world.site,
        world,
        clock=world.clock,
    ).history()
    assert verdicts(history, "no-loss") == {"no-loss": Verdict.VIOLATED}


def test_without_a_journal_a_queue_that_does_not_get_empty_is_unknown():
    world = World(log=False)
    world.waiting = ["something"]
    history = run(world, message("key-1"))
    assert not history.finished
    assert verdicts(history, "no-loss") == {"no-loss": Verdict.UNKNOWN}


def test_bodies_without_their_key_are_refused_where_effects_are_compared():
    plain = PlannedMessage(key="key-1", body='{"ok": 1}')
    with pytest.raises(TargetError, match="business key"):
        run(World(), plain)


def test_groups_and_deduplication_ids_are_the_runs_own():
    world = World()
    run(world, message("key-1", group="group-a", deduplication_id="1"))
    (sent,) = world.sent
    assert sent["MessageGroupId"].endswith("-group-a")
    assert sent["MessageGroupId"] != f"{PLANNED}group-a"
    assert sent["MessageDeduplicationId"].endswith("-1")


def test_the_events_are_in_an_order_that_can_be_even_if_the_functions_clock_is_behind(monkeypatch):
    world = World()
    inner = world.line

    def line(number, what, more):
        inner(number, what, more)
        value = json.loads(world.lines[-1]["message"])
        world.lines[-1]["message"] = json.dumps({**value, "at_ms": value["at_ms"] - 5000})

    world.line = line
    history = run(world, message("key-1"), message("key-2", kind=Kind.POISON))
    kinds = [type(event) for event in history.events]
    assert kinds.index(trace.Sent) < kinds.index(trace.Began)
    assert kinds.index(trace.DeadLettered) > max(n for n, kind in enumerate(kinds) if kind is trace.Delivered)
    assert history.finished
