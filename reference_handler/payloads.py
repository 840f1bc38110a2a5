"""Bodies that are in S3, and of which the message has but a pointer (E25).

The Extended Client Library sends large bodies this way, and the event source mapping resolves nothing. A pointer comes
with a message: whoever may send one could have any object read that the function's role may read. So only the buckets
that the configuration names are read.
"""

from __future__ import annotations

import hashlib
import json
import threading
from collections.abc import Callable, Collection
from contextlib import closing
from dataclasses import replace
from typing import TYPE_CHECKING, Any, Protocol

from .deadline import Deadline
from .event import MalformedRecord, Pointer, Record

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client

__all__ = ["OutOfTime", "Payloads", "S3Payloads", "pointer_of", "with_payload"]

# The library's two names for one thing, before and after it was shared with SNS.
_CLASSES = frozenset(
    {"software.amazon.payloadoffloading.PayloadS3Pointer", "com.amazon.sqs.javamessaging.MessageS3Pointer"}
)
_SIZE_ATTRIBUTES = frozenset({"ExtendedPayloadSize", "SQSLargePayloadSize"})
# A pointer has a bucket of at most 63 characters and a key of at most 1024 bytes, every one of which may be escaped.
_POINTER_CHARS_MAX = 16_384
_CHUNK_BYTES = 1_048_576


class OutOfTime(Exception):
    """The invocation's time was running out before the whole body was there."""


class Payloads(Protocol):
    """Where bodies are."""

    def fetch(self, pointer: Pointer, deadline: Deadline) -> bytes:
        """The body. Raises MalformedRecord if it is not to be had, OutOfTime, and what the storage raises."""
        ...


def pointer_of(record: Record) -> Pointer | None:
    """Where the record's body is, None for a body that is no pointer.

    Raises MalformedRecord for a record whose attributes say that its body is in S3, and which does not say where.
    """
    pointer = _pointer_in(record.body)
    if pointer is None and not _SIZE_ATTRIBUTES.isdisjoint(record.message_attributes):
        raise MalformedRecord("its attributes say that its body is in S3, and its body does not say where")
    return pointer


def with_payload(record: Record, pointer: Pointer, payload: bytes) -> Record:
    """The record with the body that it points to, and that body's MD5. Raises MalformedRecord if it is not UTF-8."""
    try:
        body = payload.decode()
    except UnicodeDecodeError:
        raise MalformedRecord("its payload is not UTF-8") from None
    # What SQS gives for a body (S22), not a protection.
    md5 = hashlib.md5(payload, usedforsecurity=False).hexdigest()
    return replace(record, body=body, md5_of_body=md5, pointer=pointer)


class S3Payloads:
    """Bodies of at most `bytes_max` bytes in some buckets of S3.

    `make_client` is called with the first pointer, so that a function that gets none does not load the SDK's S3.
    """

    def __init__(self, make_client: Callable[[], S3Client], *, buckets: Collection[str], bytes_max: int) -> None:
        self._make_client = make_client
        self._buckets = frozenset(buckets)
        self._bytes_max = bytes_max
        self._made: S3Client | None = None
        self._lock = threading.Lock()  # boto3's session makes clients for one thread at a time

    def fetch(self, pointer: Pointer, deadline: Deadline) -> bytes:
        """See `Payloads.fetch`."""
        if pointer.bucket not in self._buckets:
            raise MalformedRecord("its payload is in a bucket that the configuration does not name")
        found = self._s3().get_object(Bucket=pointer.bucket, Key=pointer.key)
        # Not `with found["Body"]`: that gives what is below it, which does not mind a body that breaks off.
        with closing(found["Body"]) as stream:
            if found["ContentLength"] > self._bytes_max:
                raise MalformedRecord(f"its payload is larger than {self._bytes_max} bytes")
            chunks: list[bytes] = []
            while chunk := stream.read(_CHUNK_BYTES):
                chunks.append(chunk)
                # One call ends within seconds; the chunks of a large body on a slow line are no single call.
                if not deadline.may_begin():
                    raise OutOfTime
        return b"".join(chunks)

    def _s3(self) -> S3Client:
        with self._lock:
            if self._made is None:
                self._made = self._make_client()
            return self._made


def _pointer_in(body: str) -> Pointer | None:
    if not body.lstrip().startswith("[") or len(body) > _POINTER_CHARS_MAX:
        return None
    try:
        value: Any = json.loads(body)
    except (ValueError, RecursionError):
        return None
    match value:
        case [str(name), {"s3BucketName": str(bucket), "s3Key": str(key)}] if name in _CLASSES and bucket and key:
            return Pointer(bucket=bucket, key=key)
        case _:
            return None
