"""Bodies in S3: what is a pointer, what is fetched, and that what cannot be had fails alone and says nothing of it."""

import hashlib
import io
import json

import pytest
from botocore.exceptions import ClientError, IncompleteReadError, ReadTimeoutError
from botocore.response import StreamingBody

from redrive.fixtures import sample_events
from redrive.fixtures.event_builder import MessageAttribute, fifo_record, standard_record
from redrive.reference_handler.batch import batch_item_failures
from redrive.reference_handler.deadline import Deadline
from redrive.reference_handler.event import MalformedRecord, Pointer, parse_event
from redrive.reference_handler.keys import KeySource
from redrive.reference_handler.payloads import OutOfTime, S3Payloads, pointer_of

NAME = "software.amazon.payloadoffloading.PayloadS3Pointer"
OLD_NAME = "com.amazon.sqs.javamessaging.MessageS3Pointer"
BUCKET = "large-orders"
TIME = Deadline(remaining_ms=lambda: 30_000, reserve_ms=1_000)
MIB = 1_048_576


def pointing(key, bucket=BUCKET, name=NAME):
    return json.dumps([name, {"s3BucketName": bucket, "s3Key": key}])


def standard(*bodies):
    return [standard_record(body, number=n, message_id=f"m{n}") for n, body in enumerate(bodies)]


class Bucket:
    """As much of S3's client as is used. An object that is an error is raised."""

    def __init__(self, **objects):
        self.objects = objects
        self.asked = []
        self.read_bytes = 0

    def get_object(self, *, Bucket, Key):  # noqa: N803 - the SDK's names
        self.asked.append((Bucket, Key))
        found = self.objects.get(Key, ClientError({"Error": {"Code": "NoSuchKey"}}, "GetObject"))
        if isinstance(found, Exception):
            raise found
        bucket = self

        class Stream(io.BytesIO):
            def read(self, amount=-1):
                chunk = super().read(amount)
                bucket.read_bytes += len(chunk)
                return chunk

        return {"ContentLength": len(found), "Body": StreamingBody(Stream(found), len(found))}


def payloads(bucket, *, bytes_max=10 * MIB):
    return S3Payloads(lambda: bucket, buckets={BUCKET}, bytes_max=bytes_max)


def fates(items):
    return [(str(item.fate), item.reason) for item in items]


class TestWhatIsAPointer:
    @pytest.mark.parametrize("name", [NAME, OLD_NAME])
    def test_both_names_of_the_library(self, record_of, name):
        assert pointer_of(record_of(pointing("a", name=name))) == Pointer(bucket=BUCKET, key="a")

    def test_E25_the_samples_are(self):
        records = [received.content for received in parse_event(sample_events.load("extended-client-pointer"))]
        assert [pointer_of(record).bucket for record in records] == ["orders-large-bodies"] * 2

    @pytest.mark.parametrize(
        "body",
        [
            "",
            "[",
            "[" * 100_000,
            '{"order": 1}',
            json.dumps(["some.other.Class", {"s3BucketName": "b", "s3Key": "k"}]),
            json.dumps([NAME, {"s3BucketName": "b"}]),
            json.dumps([NAME, {"s3BucketName": "b", "s3Key": ""}]),
            json.dumps([NAME, {"s3BucketName": "b", "s3Key": 1}]),
            json.dumps([NAME, {"s3BucketName": "b", "s3Key": "k"}, 3]),
            json.dumps([[NAME], {"s3BucketName": "b", "s3Key": "k"}]),
        ],
        ids=range(10),
    )
    def test_anything_else_is_an_ordinary_body(self, record_of, body):
        assert pointer_of(record_of(body)) is None

    @pytest.mark.parametrize("name", ["ExtendedPayloadSize", "SQSLargePayloadSize"])
    def test_attribute_without_a_pointer_fails(self, record_of, name):
        record = record_of("{}", message_attributes={name: MessageAttribute.number(1_500_000)})
        with pytest.raises(MalformedRecord, match="does not say where"):
            pointer_of(record)


@pytest.fixture
def record_of():
    def record_of(body, **options):
        (received,) = parse_event({"Records": [standard_record(body, **options)]})
        return received.content

    return record_of


class TestInABatch:
    def test_body_and_its_md5_are_those_in_s3_and_the_key_is_found_there(self, world):
        body = '{"order": "Größe 42"}'
        bucket = Bucket(a=body.encode())
        items = world.run(
            *standard(pointing("a"), '{"order": "B"}'),
            payloads=payloads(bucket),
            key_source=KeySource(pointer=("order",)),
        )
        assert [item.key for item in items] == ["Größe 42", "B"]
        assert world.sink.bodies == [body, '{"order": "B"}']
        assert world.sink.written[0].message.md5_of_body == hashlib.md5(body.encode()).hexdigest()
        assert [row.pointer for row in world.sink.written] == [Pointer(bucket=BUCKET, key="a"), None]
        assert bucket.asked == [(BUCKET, "a")]

    def test_same_key_by_pointer_and_in_full_is_one_effect(self, world):
        body = '{"order": "A"}'
        records = standard(pointing("a"), body, pointing("b"))
        bucket = Bucket(a=body.encode(), b=body.encode())
        items = world.run(*records, payloads=payloads(bucket), key_source=KeySource(pointer=("order",)))
        assert [str(item.fate) for item in items] == ["processed", "duplicate", "duplicate"]
        assert len(world.sink.written) == 1

    def test_without_payloads_a_pointer_is_a_body_like_any_other(self, world):
        assert [str(item.fate) for item in world.run(*standard(pointing("a")))] == ["processed"]
        assert world.sink.bodies == [pointing("a")]

    @pytest.mark.parametrize(
        ("key", "bucket_name", "reason"),
        [
            ("missing", BUCKET, "payload: ClientError(NoSuchKey)"),
            ("refused", BUCKET, "payload: ClientError(AccessDenied)"),
            ("slow", BUCKET, "payload: ReadTimeoutError"),
            ("good", "somebody-elses", "malformed: its payload is in a bucket that the configuration does not name"),
            ("large", BUCKET, "malformed: its payload is larger than 100 bytes"),
            ("binary", BUCKET, "malformed: its payload is not UTF-8"),
        ],
    )
    def test_what_cannot_be_had_fails_alone_and_is_not_quoted(self, world, key, bucket_name, reason):
        bucket = Bucket(
            good=b"secret",
            refused=ClientError({"Error": {"Code": "AccessDenied", "Message": "secret"}}, "GetObject"),
            slow=ReadTimeoutError(endpoint_url="secret"),
            large=b"x" * 101,
            binary=b"\xffsecret",
        )
        items = world.run(*standard("a", pointing(key, bucket_name), "c"), payloads=payloads(bucket, bytes_max=100))
        assert fates(items) == [("processed", None), ("failed", reason), ("processed", None)]
        assert batch_item_failures(items) == {"batchItemFailures": [{"itemIdentifier": "m1"}]}
        assert world.sink.bodies == ["a", "c"]
        assert world.ledger.of("claim") == ["m0", "m2"]

    def test_foreign_bucket_is_not_even_asked(self, world):
        bucket = Bucket(good=b"secret")
        world.run(*standard(pointing("good", "somebody-elses")), payloads=payloads(bucket))
        assert bucket.asked == []

    def test_too_large_is_not_read(self, world):
        bucket = Bucket(large=b"x" * MIB, fits=b"x" * (MIB - 1))
        records = standard(pointing("large"), pointing("fits"))
        items = world.run(*records, payloads=payloads(bucket, bytes_max=MIB - 1))
        assert [str(item.fate) for item in items] == ["failed", "processed"]
        assert bucket.read_bytes == MIB - 1

    def test_order_of_its_group_is_kept(self, world):
        bodies = [("a", "g1"), (pointing("missing"), "g1"), (pointing("good"), "g1"), (pointing("good"), "g2")]
        records = [fifo_record(body, group, number=n, message_id=f"m{n}") for n, (body, group) in enumerate(bodies)]
        items = world.run(*records, payloads=payloads(Bucket(good=b"good")))
        assert [str(item.fate) for item in items] == ["processed", "failed", "unprocessed", "processed"]

    def test_behind_a_malformed_record_of_its_group_nothing_is_fetched(self, world):
        broken = {**fifo_record("a", "g1", message_id="m0"), "body": None}
        bucket = Bucket(good=b"good")
        world.run(broken, fifo_record(pointing("good"), "g1", number=1, message_id="m1"), payloads=payloads(bucket))
        assert bucket.asked == []

    def test_nothing_is_fetched_when_time_runs_out(self, new_world):
        world = new_world(timeout_ms=999)
        bucket = Bucket(good=b"good")
        items = world.run(*standard(pointing("good")), payloads=payloads(bucket))
        assert fates(items) == [("unprocessed", "the invocation's time was running out")]
        assert bucket.asked == []


class TestS3:
    def test_reading_ends_when_time_runs_out(self):
        left_ms = iter([1_500, 900])
        deadline = Deadline(remaining_ms=lambda: next(left_ms), reserve_ms=1_000)
        bucket = Bucket(large=b"x" * 5 * MIB)
        with pytest.raises(OutOfTime):
            payloads(bucket).fetch(Pointer(bucket=BUCKET, key="large"), deadline)
        assert bucket.read_bytes == 2 * MIB

    def test_client_is_made_with_the_first_pointer_and_once(self):
        made = []

        def make_client():
            made.append(Bucket(a=b"a"))
            return made[-1]

        source = S3Payloads(make_client, buckets={BUCKET}, bytes_max=10)
        assert made == []
        for _ in range(2):
            assert source.fetch(Pointer(bucket=BUCKET, key="a"), TIME) == b"a"
        assert len(made) == 1

    def test_body_that_breaks_off_is_an_error(self):
        class Cut(Bucket):
            def get_object(self, **names):
                return {"ContentLength": 10, "Body": StreamingBody(io.BytesIO(b"half"), 10)}

        with pytest.raises(IncompleteReadError):
            payloads(Cut()).fetch(Pointer(bucket=BUCKET, key="a"), TIME)
