import pytest
import time_machine

from redrive.fixtures.event_builder import SENT_AT_MS
from redrive.fixtures.stacks import moto_aws

from .moto_endpoint import Clock, moto_endpoint


@pytest.fixture(scope="package")
def moto():
    """Moto's queues, and a clock for them that the tests move."""
    with moto_aws() as aws, time_machine.travel(SENT_AT_MS / 1000, tick=False) as traveller:
        yield moto_endpoint(aws.client("sqs"), Clock(traveller))
