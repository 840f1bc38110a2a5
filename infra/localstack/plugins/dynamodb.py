"""DynamoDB by moto inside LocalStack: ``PROVIDER_OVERRIDE_DYNAMODB=moto``. LocalStack's own needs Java and a download.

moto's tables are plain dictionaries: one call at a time, so that of racing conditional writes one wins. And it takes
bytes for as long as their base64 is, a third too much for the limit of an item.
"""

from __future__ import annotations

import base64
import threading
from typing import Any, Final

from localstack.aws.api.dynamodb import DynamodbApi
from localstack.aws.forwarder import ForwardingFallbackDispatcher
from localstack.services.moto import call_moto
from localstack.services.plugins import Service
from moto.dynamodb.models.dynamo_type import DynamoType

__all__ = ["service"]

_ONE_AT_A_TIME: Final = threading.RLock()

_size: Final = DynamoType.size


def service() -> Any:
    """The service, with moto behind each of its operations."""
    DynamoType.size = _size_on_aws  # type: ignore[method-assign, assignment]
    return Service.for_provider(
        DynamodbApi(), dispatch_table_factory=lambda api: ForwardingFallbackDispatcher(api, _call)
    )


def _call(context: Any, _: Any) -> Any:
    with _ONE_AT_A_TIME:
        return call_moto(context)


def _size_on_aws(value: Any) -> int:
    """How much an attribute's value counts toward the 400 KB of an item, in bytes."""
    if value.is_binary() and isinstance(value.value, str):
        return len(base64.b64decode(value.value))
    size: int = _size(value)
    return size
