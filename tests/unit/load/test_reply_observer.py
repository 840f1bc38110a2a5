import json
import threading
import time

from redrive.load.observing.queue_watch import Problems
from redrive.load.observing.replies import Replies
from redrive.load.observing.reply_observer import ReplyObserver
from redrive.load.observing.tally import Tally

RUN = "0f0f0f0f"


def reply(number):
    messages = [[f"{RUN}.0.{number}.1000000", "done", 1]]
    return json.dumps(
        {
            "redrive_reply": 1,
            "request_id": f"r{number}",
            "records": 1,
            "duration_ms": 3,
            "cold_start": False,
            "left_out": 0,
            "messages": messages,
        }
    )


class FakeSqs:
    """Hides what it has given, as a queue does. Of the first `twice` messages it loses the first deletion."""

    def __init__(self, bodies, *, failures=0, twice=0):
        self.bodies = dict(enumerate(bodies))
        self.hidden = set()
        self.failures = failures
        self.twice = set(range(twice))
        self.lock = threading.Lock()
        self.waits_s = set()

    def receive_message(self, **request):
        self.waits_s.add(request["WaitTimeSeconds"])
        with self.lock:
            if self.failures:
                self.failures -= 1
                raise OSError("gone")
            visible = [(at, body) for at, body in self.bodies.items() if at not in self.hidden]
            found = visible[: request["MaxNumberOfMessages"]]
            self.hidden.update(at for at, _ in found)
        if not found:
            time.sleep(0.01)
        return {"Messages": [{"Body": body, "ReceiptHandle": str(at)} for at, body in found]} if found else {}

    def delete_message_batch(self, **request):
        with self.lock:
            for at in [int(entry["ReceiptHandle"]) for entry in request["Entries"]]:
                if at in self.twice:
                    self.twice.remove(at)
                    self.hidden.remove(at)
                else:
                    del self.bodies[at]


def observe(sqs, until, *, fired, said):
    tally = Tally(RUN, ours=lambda _sender, their_ms: their_ms, began_at_ms=0)
    replies = Replies(tally, max_receive_count=None)
    observer = ReplyObserver(
        sqs,
        "http://q/1/replies",
        replies,
        Problems(said.append),
        fire=lambda *request: fired.append(request),
        now_ms=lambda: 1_000_250.0,
    )
    observer.start()
    deadline_s = time.monotonic() + 20
    while not until(tally) and time.monotonic() < deadline_s:
        time.sleep(0.005)
    observer.stop()
    return tally, replies


def test_replies_are_taken_off_the_queue_and_told_to_locust():
    fired, said, sqs = [], [], FakeSqs([*map(reply, range(57)), "no reply"], twice=30)
    tally, replies = observe(sqs, lambda tally: not sqs.bodies, fired=fired, said=said)
    assert tally.processed == 57
    assert replies.strange == 1
    assert sorted(fired) == [("LAMBDA", "batch", 3.0, 1)] * 57 + [("SQS", "message end-to-end", 250.0, 0)] * 57
    assert (said, sqs.twice) == ([], set())
    assert 1 in sqs.waits_s


def test_failure_is_told_once_and_receiving_goes_on():
    fired, said = [], []
    tally, _ = observe(FakeSqs([reply(0)], failures=2), lambda tally: tally.processed, fired=fired, said=said)
    assert tally.processed == 1
    assert said == ["replies could not be received: OSError: gone"]
