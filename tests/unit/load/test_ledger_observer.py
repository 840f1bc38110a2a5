import pytest

from redrive.load.observing.ledger_observer import LedgerObserver, mark_of_row, processed_at_ms
from redrive.load.observing.queue_watch import Problems
from redrive.load.observing.tally import Tally
from redrive.load.sending.correlation import Mark

RUN = "0f0f0f0f"
DUE_MS = 1_767_225_600_000


def row(number, *, sender="0", run=RUN, status="done", revision=1, message=True, at="2026-01-01T00:00:00.250000+00:00"):
    found = {"business_key": {"S": f"{run}-{sender}-{number}"}, "status": {"S": status}}
    if message:
        mark = f"\x0a\x2a{run}.{sender}.{number}.{DUE_MS}\x2a\x06String".encode()
        found |= {"message": {"B": mark}, "processed_at": {"S": at}, "revision": {"N": str(revision)}}
    return found


class FakeDynamoDB:
    """A table of pages."""

    def __init__(self, *pages):
        self.pages = list(pages)
        self.requests = []
        self.error = None

    def scan(self, **request):
        self.requests.append(request)
        if self.error:
            raise self.error
        at = int(request.get("ExclusiveStartKey", {"at": "0"})["at"])
        following = {"LastEvaluatedKey": {"at": str(at + 1)}} if at + 1 < len(self.pages) else {}
        return {"Items": self.pages[at], **following}


@pytest.fixture
def fired():
    return []


@pytest.fixture
def said():
    return []


@pytest.fixture
def observer(fired, said):
    def make(dynamodb, *, keys_are_ours=True):
        tally = Tally(RUN, ours=lambda _sender, their_ms: their_ms, began_at_ms=0)
        made = LedgerObserver(
            dynamodb,
            "orders",
            tally,
            Problems(said.append),
            keys_are_ours=keys_are_ours,
            fire=lambda *request: fired.append(request),
        )
        return made, tally

    return make


def test_done_rows_of_the_run_count_once_with_their_latency(observer, fired):
    dynamodb = FakeDynamoDB([row(0), row(1, status="in_progress"), row(2, run="ffffffff"), row(3, sender="1")])
    ledger, tally = observer(dynamodb)
    for _ in range(3):
        ledger.look()
    assert tally.processed == 2
    assert fired == [("SQS", "message end-to-end", 250.0, 0)] * 2
    assert dynamodb.requests[0]["ConsistentRead"] is True
    assert dynamodb.requests[0]["ExpressionAttributeValues"] == {":run": {"S": f"{RUN}-"}}


def test_table_is_read_on_where_it_was_left(observer):
    dynamodb = FakeDynamoDB(*([row(number)] for number in range(12)))
    ledger, tally = observer(dynamodb)
    ledger.look()
    assert tally.processed == 5
    ledger.look()
    assert tally.processed == 10
    ledger.look()
    assert (tally.processed, len(dynamodb.requests)) == (12, 12)
    dynamodb.pages[0].append(row(99))
    ledger.look(whole=True)
    assert (tally.processed, len(dynamodb.requests)) == (13, 24)


def test_effect_that_was_written_twice_is_one_of_the_problems(observer):
    ledger, _ = observer(FakeDynamoDB([row(0, revision=2), row(1)]))
    ledger.look()
    ledger.look()
    assert ledger.written_twice == 1


def test_ledger_without_rows_counts_by_key_and_gives_no_latency(observer, fired):
    ledger, tally = observer(FakeDynamoDB([row(0, message=False)]))
    ledger.look()
    assert (tally.processed, fired) == (1, [])


def test_bodies_of_the_users_own_are_known_by_the_mark_alone(observer):
    foreign = {**row(4), "business_key": {"S": "order-1"}}
    dynamodb = FakeDynamoDB([foreign, {"business_key": {"S": "order-2"}, "status": {"S": "done"}}])
    ledger, tally = observer(dynamodb, keys_are_ours=False)
    ledger.look()
    assert tally.processed == 1
    assert "FilterExpression" not in dynamodb.requests[0]


def test_failure_is_told_once(observer, said):
    dynamodb = FakeDynamoDB([row(0)])
    dynamodb.error = OSError("gone")
    ledger, tally = observer(dynamodb)
    ledger.look()
    ledger.look(whole=True)
    dynamodb.error = None
    ledger.look()
    assert tally.processed == 1
    assert said == ["the ledger could not be read: OSError: gone"]


def test_mark_is_cut_where_its_time_ends():
    message = f"{RUN}.12.345.{DUE_MS}99".encode()
    found = mark_of_row({"business_key": {"S": "k"}, "message": {"B": message}}, RUN)
    assert found == Mark(run=RUN, sender="12", number=345, due_at_ms=DUE_MS)


@pytest.mark.parametrize("key", [f"{RUN}-0", f"{RUN}-0-", f"{RUN}-0-9999999999", f"x{RUN}-0-1", "order-1"])
def test_other_keys_are_nobodys(key):
    assert mark_of_row({"business_key": {"S": key}}, RUN) is None


def test_time_of_a_row_is_in_milliseconds():
    assert processed_at_ms({"processed_at": {"S": "2026-01-01T00:00:00.250000+00:00"}}) == DUE_MS + 250
    assert processed_at_ms({}) is None
    assert processed_at_ms({"processed_at": {"S": "yesterday"}}) is None
