"""Each message is counted once, whatever the queue answers, and none is sent again that may be in the queue."""

import pytest

from redrive.load.sending.counts import SendCounts
from redrive.load.sending.messages import Kind, Message
from redrive.load.sending.sender import (
    ATTEMPTS_MAX,
    Answer,
    NoAnswer,
    NotSent,
    Refusal,
    Refused,
    Sender,
    SendError,
    answer_of,
    raise_refusal,
)

THROTTLED = Refused("RequestThrottled", "slow down")
BAD = Refusal("InvalidMessageContents", "bad")
BUSY = Refusal("InternalError", "", again=True)


class Stopped(BaseException):
    """As Locust stops a user."""


class Queue:
    """Answers as it is told: with an error, or by what is said of each place; all else is accepted."""

    def __init__(self, *answers):
        self.answers = list(answers)
        self.sent = []

    def send(self, messages):
        self.sent.append([message.original for message in messages])
        answer = self.answers.pop(0) if self.answers else {}
        if isinstance(answer, BaseException):
            raise answer
        accepted = [place for place in range(len(messages)) if place not in answer]
        refused = {place: refusal for place, refusal in answer.items() if refusal is not None}
        return Answer(accepted, refused, 10)


def messages(text, groups=None, size_bytes=100):
    return [
        Message(Kind.NORMAL, key, "{}", f"0a1b2c3d.0.{place}.0", size_bytes, groups[place] if groups else None)
        for place, key in enumerate(text)
    ]


class Sending:
    def __init__(self, queue, pause=None):
        self.counts, self.accepted, self.again, self.pauses = SendCounts(), [], 0, []
        self.sender = Sender(
            queue,
            counts=lambda: self.counts,
            accepted=lambda batch: self.accepted.extend(message.original for message in batch),
            again=self._again,
            pause=pause or self.pauses.append,
            random=lambda: 0.5,
        )

    def _again(self):
        self.again += 1

    def send(self, batch):
        return self.sender.send(batch)


def send(queue, batch):
    sending = Sending(queue)
    sent = sending.send(batch)
    counted = sending.counts.accepted + sending.counts.failed + sending.counts.unknown
    assert counted == len(batch)
    assert sending.counts.accepted == len(sending.accepted) == sent.accepted
    return sending, sent


def test_batch_that_is_accepted():
    queue = Queue()
    sending, sent = send(queue, messages("abc"))
    assert sending.counts == SendCounts(accepted=3)
    assert (sent.accepted_bytes, sent.length_bytes, sent.error, sent.refusals) == (300, 10, None, None)
    assert (queue.sent, sending.again) == ([["a", "b", "c"]], 0)


def test_S02_refused_entry_is_counted_and_not_sent_again():
    queue = Queue({1: BAD})
    sending, sent = send(queue, messages("abc"))
    assert sending.counts == SendCounts(accepted=2, failed=1)
    assert (sending.accepted, sent.refusals) == (["a", "c"], [BAD])
    assert str(sent.refusals[0]) == "InvalidMessageContents: bad"
    assert len(queue.sent) == 1


def test_entry_that_failed_by_the_services_fault_is_sent_again_alone():
    queue = Queue({0: BUSY, 2: BUSY}, {1: BUSY})
    sending, sent = send(queue, messages("abcd"))
    assert queue.sent == [["a", "b", "c", "d"], ["a", "c"], ["c"]]
    assert sending.counts == SendCounts(accepted=4)
    assert (sent.refusals, sent.error, sending.again, sent.length_bytes) == (None, None, 2, 30)


def test_entry_that_keeps_failing_is_counted_after_the_last_attempt():
    queue = Queue(*[{0: BUSY}] * 9)
    sending, sent = send(queue, messages("ab"))
    assert queue.sent == [["a", "b"], *[["a"]] * (ATTEMPTS_MAX - 1)]
    assert sending.counts == SendCounts(accepted=1, failed=1)
    assert sent.refusals == [BUSY]


def test_entry_that_the_answer_does_not_mention_is_of_unknown_fate():
    sending, _ = send(Queue({0: None, 1: BAD}), messages("abc"))
    assert sending.counts == SendCounts(accepted=1, failed=1, unknown=1)


@pytest.mark.parametrize("error", [THROTTLED, NotSent("connection refused"), Refused("ExpiredToken", "")])
def test_batch_that_the_queue_surely_does_not_have_is_sent_again(error):
    queue = Queue(error, error)
    sending, sent = send(queue, messages("ab"))
    assert queue.sent == [["a", "b"]] * 3
    assert sending.counts == SendCounts(accepted=2)
    assert sent.error is None
    assert sending.pauses == [0.05, 0.1]  # half of what it may be, by the random number


@pytest.mark.parametrize("error", [THROTTLED, NotSent("connection refused")])
def test_attempts_are_bounded_and_so_is_the_time_that_they_take(error):
    queue = Queue(*[error] * 99)
    sending, sent = send(queue, messages("ab", size_bytes=2_000_000))
    assert len(queue.sent) == ATTEMPTS_MAX
    assert sending.counts == SendCounts(failed=2)
    assert sent.error is error
    assert sum(sending.pauses) < 1


@pytest.mark.parametrize(
    ("error", "counts"),
    [
        (NoAnswer("no answer: timed out"), SendCounts(unknown=2)),
        (Refused("AccessDenied", "no", status=403), SendCounts(failed=2)),
        (NotSent("no credentials", again=False), SendCounts(failed=2)),
    ],
)
def test_batch_that_is_settled_is_not_sent_again(error, counts):
    queue = Queue(error)
    sending, sent = send(queue, messages("ab"))
    assert len(queue.sent) == 1
    assert (sending.counts, sent.error) == (counts, error)


def test_lost_answer_to_the_second_attempt_leaves_only_what_was_in_it_unknown():
    sending, _ = send(Queue({0: BUSY}, NoAnswer("")), messages("abc"))
    assert sending.counts == SendCounts(accepted=2, unknown=1)


def test_S01_message_that_is_too_large_is_counted_as_that_if_it_was_refused():
    sending, _ = send(Queue(Refused("BatchRequestTooLong", "")), messages("a", size_bytes=1_048_577))
    assert sending.counts == SendCounts(failed=1, oversize=1)


def test_S18_message_of_a_fifo_queue_is_not_sent_behind_a_later_one_of_its_group():
    queue = Queue({0: BUSY, 1: BUSY, 3: BUSY})
    sending, sent = send(queue, messages("abcd", groups="xyxx"))
    # `c` is in the queue, so `a` would come after it; `b` is alone in its group, and `d` is the last of x.
    assert queue.sent == [["a", "b", "c", "d"], ["b", "d"]]
    assert sending.counts == SendCounts(accepted=3, failed=1)
    assert sent.refusals == [BUSY]


def test_S18_nor_behind_one_of_unknown_fate():
    queue = Queue({0: BUSY, 1: None})
    sending, _ = send(queue, messages("ab", groups="xx"))
    assert len(queue.sent) == 1
    assert sending.counts == SendCounts(failed=1, unknown=1)


def test_user_who_is_stopped_while_the_answer_is_out_leaves_messages_of_unknown_fate():
    sending = Sending(Queue({1: BUSY}, Stopped()))
    with pytest.raises(Stopped):
        sending.send(messages("ab"))
    assert sending.counts == SendCounts(accepted=1, unknown=1)


def test_user_who_is_stopped_between_two_attempts_leaves_messages_that_were_not_sent():
    def stop(_):
        raise Stopped

    sending = Sending(Queue(THROTTLED), pause=stop)
    with pytest.raises(Stopped):
        sending.send(messages("ab"))
    assert sending.counts == SendCounts(failed=2)


def test_client_that_breaks_leaves_nothing_uncounted():
    sending = Sending(Queue(KeyError("a mistake of ours")))
    with pytest.raises(KeyError):
        sending.send(messages("ab"))
    assert sending.counts == SendCounts(unknown=2)


@pytest.mark.parametrize(
    ("status", "code", "kind", "again"),
    [
        (400, "RequestThrottled", Refused, True),
        (503, "SlowDown", Refused, True),
        (429, "HTTP 429", Refused, True),
        (400, "ExpiredTokenException", Refused, True),
        (403, "AccessDenied", Refused, False),
        (413, "HTTP 413", Refused, False),
        (500, "InternalError", NoAnswer, False),
        (503, "ServiceUnavailable", NoAnswer, False),
        (302, "HTTP 302", NoAnswer, False),
    ],
)
def test_what_an_error_of_the_service_means(status, code, kind, again):
    with pytest.raises(SendError) as raised:
        raise_refusal(status, code, "")
    assert (type(raised.value), raised.value.again) == (kind, again)


def test_what_sqs_quotes_of_a_request_is_not_told():
    quoted = "The signature does not match.\n\nThe Canonical String should have been\n'x-amz-security-token:secret'"
    for status, kind in ((403, Refused), (500, NoAnswer)):
        with pytest.raises(kind) as raised:
            raise_refusal(status, "InvalidSignatureException", quoted)
        assert str(raised.value).endswith("InvalidSignatureException: The signature does not match.")


def test_S02_answer_is_read_by_the_ids_of_its_entries():
    value = {
        "Successful": [{"Id": "2"}, {"Id": "0"}],
        "Failed": [
            {"Id": "1", "Code": "InvalidMessageContents", "Message": "bad", "SenderFault": True},
            {"Id": "3", "Code": "InternalError", "SenderFault": False},
            {"Id": "4", "Code": "RequestThrottled", "SenderFault": True},
        ],
    }
    assert answer_of(value, length_bytes=7) == Answer(
        [2, 0], {1: BAD, 3: BUSY, 4: Refusal("RequestThrottled", "", again=True)}, 7
    )


def test_answer_that_contradicts_itself_counts_a_message_once():
    class Contradicting:
        def send(self, _):
            return Answer([0, 0, 7], {0: BAD, 1: BAD, 9: BAD}, 1)

    sending, _ = send(Contradicting(), messages("ab"))
    assert sending.counts == SendCounts(accepted=1, failed=1)


@pytest.mark.parametrize("value", [[], "text", {"Successful": [{}]}, {"Successful": [{"Id": "x"}]}, {"Failed": [1]}])
def test_answer_that_is_not_the_apis_leaves_everything_open(value):
    with pytest.raises(NoAnswer):
        answer_of(value, length_bytes=1)
