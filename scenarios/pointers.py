"""Bodies in S3, for which their messages have but a pointer, as the Extended Client Library sends large ones (E25)."""

import hashlib
import json
from collections.abc import Callable
from typing import TYPE_CHECKING

from .plan import PointerKind

if TYPE_CHECKING:
    from .consumer import Aws

__all__ = ["BUCKET", "FOREIGN_BUCKET", "extended_client"]

BUCKET = "redrive-large-bodies"
FOREIGN_BUCKET = "somebody-elses-bucket"

_CLASS = "software.amazon.payloadoffloading.PayloadS3Pointer"


def extended_client(
    bucket: str = BUCKET, foreign_bucket: str = FOREIGN_BUCKET
) -> Callable[["Aws", str, PointerKind], str]:
    """Puts bodies into ``bucket`` and gives the pointers of the Extended Client Library.

    The bucket is made where it is missing. A foreign bucket has the object too: what keeps a consumer from it is its
    own care, as its permissions may be wider than they should.
    """

    def pointer(aws: "Aws", body: str, kind: PointerKind) -> str:
        name = foreign_bucket if kind is PointerKind.FOREIGN else bucket
        # Found by its content, so that the same plan gives the same keys.
        key = hashlib.sha256(body.encode()).hexdigest()
        s3 = aws.client("s3")
        s3.create_bucket(Bucket=name)
        if kind is not PointerKind.MISSING:
            s3.put_object(Bucket=name, Key=key, Body=body.encode())
        return json.dumps([_CLASS, {"s3BucketName": name, "s3Key": key}], separators=(",", ":"))

    return pointer
