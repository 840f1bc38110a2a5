import pytest
from botocore.exceptions import (
    ClientError,
    ConnectionClosedError,
    ConnectTimeoutError,
    EndpointConnectionError,
    NoCredentialsError,
    ReadTimeoutError,
)

from redrive.load.counts import Refusal, SendCounts, add_answer, add_error, add_unanswered

ENTRIES = [{"Id": str(n), "MessageBody": '{"poison": "x' if n == 2 else "{}"} for n in range(4)]


def refused(status):
    response = {"Error": {"Code": "X", "Message": "no"}, "ResponseMetadata": {"HTTPStatusCode": status}}
    return ClientError(response, "SendMessageBatch")


def test_S02_each_entry_is_counted_by_what_the_answer_says():
    counts = SendCounts()
    answer = {
        "Successful": [{"Id": "0"}, {"Id": "2"}],
        "Failed": [{"Id": "1", "Code": "InvalidMessageContents", "Message": "bad", "SenderFault": True}],
    }
    refusals = add_answer(counts, ENTRIES, answer)
    assert counts == SendCounts(accepted=2, poison=1, failed=1, unknown=1)
    assert refusals == [Refusal(code="InvalidMessageContents", message="bad")]
    assert str(refusals[0]) == "InvalidMessageContents: bad"


def test_poison_that_was_refused_is_not_sent():
    counts = SendCounts()
    add_answer(counts, ENTRIES, {"Failed": [{"Id": str(n), "Code": "X", "SenderFault": True} for n in range(4)]})
    assert counts == SendCounts(failed=4)


@pytest.mark.parametrize(
    "error",
    [
        refused(400),
        refused(403),
        EndpointConnectionError(endpoint_url="u"),
        ConnectTimeoutError(endpoint_url="u"),
        NoCredentialsError(),
    ],
)
def test_batch_that_was_refused_or_never_sent_failed(error):
    counts = SendCounts()
    add_error(counts, ENTRIES, error)
    assert counts == SendCounts(failed=4)


@pytest.mark.parametrize(
    "error", [refused(500), refused(503), ReadTimeoutError(endpoint_url="u"), ConnectionClosedError(endpoint_url="u")]
)
def test_batch_whose_answer_is_lost_may_be_in_the_queue(error):
    counts = SendCounts()
    add_error(counts, ENTRIES, error)
    assert counts == SendCounts(unknown=4)


def test_batch_of_a_stopped_user_may_be_in_the_queue():
    counts = SendCounts()
    add_unanswered(counts, ENTRIES)
    assert counts == SendCounts(unknown=4)


def test_counts_of_processes_add_up():
    total = SendCounts(accepted=1)
    for counts in (SendCounts(accepted=5, poison=1), SendCounts(failed=2, unknown=3)):
        total.add(counts.as_json())
    assert total == SendCounts(accepted=6, poison=1, failed=2, unknown=3)
