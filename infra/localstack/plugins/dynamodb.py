"""DynamoDB by moto inside LocalStack: ``PROVIDER_OVERRIDE_DYNAMODB=moto``. LocalStack's own needs Java and a download.

moto's tables are plain dictionaries: one call at a time, so that of racing conditional writes one wins.
"""

from __future__ import annotations

import threading
from typing import Any, Final

from localstack.aws.api.dynamodb import DynamodbApi
from localstack.aws.forwarder import ForwardingFallbackDispatcher
from localstack.services.moto import call_moto
from localstack.services.plugins import Service

__all__ = ["service"]

_ONE_AT_A_TIME: Final = threading.RLock()


def service() -> Any:
    """The service, with moto behind each of its operations."""
    return Service.for_provider(
        DynamodbApi(), dispatch_table_factory=lambda api: ForwardingFallbackDispatcher(api, _call)
    )


def _call(context: Any, _: Any) -> Any:
    with _ONE_AT_A_TIME:
        return call_moto(context)
