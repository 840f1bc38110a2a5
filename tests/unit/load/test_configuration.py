import json

import boto3
import pytest
from botocore.stub import Stubber

from redrive.load.reporting.configuration import read_configuration
from redrive.load.reporting.record import ConsumerConfiguration

URL = "https://sqs.eu-west-1.amazonaws.com/123456789012/orders"
ARN = "arn:aws:sqs:eu-west-1:123456789012:orders"
FUNCTION_ARN = "arn:aws:lambda:eu-west-1:123456789012:function:orders-consumer"
ATTRIBUTES = {
    "QueueArn": ARN,
    "VisibilityTimeout": "90",
    "MessageRetentionPeriod": "345600",
    "RedrivePolicy": json.dumps({"deadLetterTargetArn": f"{ARN}-dlq", "maxReceiveCount": "5"}),
}
MAPPING = {
    "UUID": "00000000-0000-0000-0000-000000000001",
    "State": "Enabled",
    "FunctionArn": FUNCTION_ARN,
    "BatchSize": 10,
    "MaximumBatchingWindowInSeconds": 2,
    "ScalingConfig": {"MaximumConcurrency": 20},
    "FunctionResponseTypes": ["ReportBatchItemFailures"],
}


class StubbedAws:
    """boto3's clients with answers that were laid down; one that is not asked for is a failure."""

    def __init__(self):
        self.clients, self.stubs = {}, {}
        for service in ("sqs", "lambda"):
            self.clients[service] = boto3.client(
                service, region_name="eu-west-1", aws_access_key_id="testing", aws_secret_access_key="testing"
            )
            self.stubs[service] = Stubber(self.clients[service])
            self.stubs[service].activate()

    def client(self, service, /):
        return self.clients[service]

    def resource(self, service, /):
        raise AssertionError(service)

    def answers(self, service, operation, answer):
        if isinstance(answer, str):
            self.stubs[service].add_client_error(operation, answer, "not allowed\nto you")
        else:
            self.stubs[service].add_response(operation, answer)


@pytest.fixture
def read():
    aws = StubbedAws()

    def read(*, queue, mappings=None, function=None, reserved=None, url=URL):
        aws.answers("sqs", "get_queue_attributes", queue)
        for operation, answer in (
            ("list_event_source_mappings", mappings),
            ("get_function_configuration", function),
            ("get_function_concurrency", reserved),
        ):
            if answer is not None:
                aws.answers("lambda", operation, answer)
        found = read_configuration(aws, url)
        for stub in aws.stubs.values():
            stub.assert_no_pending_responses()
        return found

    return read


FUNCTION = {"Timeout": 15, "MemorySize": 256, "Architectures": ["arm64"]}


def test_all_is_read(read):
    found = read(
        queue={"Attributes": ATTRIBUTES},
        mappings={"EventSourceMappings": [MAPPING]},
        function=FUNCTION,
        reserved={"ReservedConcurrentExecutions": 30},
    )
    assert found == ConsumerConfiguration(
        visibility_timeout_s=90,
        retention_s=345_600,
        dead_letter_queue=True,
        max_receive_count=5,
        batch_size=10,
        batching_window_s=2.0,
        maximum_concurrency=20,
        partial_batch_response=True,
        function_name="orders-consumer",
        function_timeout_s=15,
        memory_mb=256,
        architecture="arm64",
        reserved_concurrency=30,
    )


def test_what_is_not_set_is_none_and_not_unread(read):
    plain = {**MAPPING, "FunctionResponseTypes": []}
    del plain["ScalingConfig"]
    found = read(
        queue={"Attributes": {name: value for name, value in ATTRIBUTES.items() if name != "RedrivePolicy"}},
        mappings={"EventSourceMappings": [plain]},
        function=FUNCTION,
        reserved={},
    )
    assert (found.dead_letter_queue, found.max_receive_count) == (False, None)
    assert (found.maximum_concurrency, found.reserved_concurrency) == (None, None)
    assert found.partial_batch_response is False
    assert found.unread == ()


def test_without_any_right_everything_is_unread_on_one_line_each(read):
    found = read(queue="AccessDenied", url=f"{URL}.fifo")
    assert found.fifo
    assert found.visibility_timeout_s is None
    assert found.dead_letter_queue is None
    assert found.partial_batch_response is None
    assert len(found.unread) == 3
    assert "AccessDenied" in found.unread[0]
    assert "not allowed to you" in found.unread[0]


def test_each_right_is_for_itself(read):
    found = read(
        queue={"Attributes": ATTRIBUTES},
        mappings={"EventSourceMappings": [MAPPING]},
        function="AccessDeniedException",
        reserved="AccessDeniedException",
    )
    assert (found.batch_size, found.memory_mb, found.reserved_concurrency) == (10, None, None)
    assert [line.partition(":")[0] for line in found.unread] == [
        "function timeout, memory, architecture",
        "reserved concurrency",
    ]


def test_mappings_that_may_not_be_listed(read):
    found = read(queue={"Attributes": ATTRIBUTES}, mappings="AccessDeniedException")
    assert found.visibility_timeout_s == 90
    assert found.batch_size is None
    assert ["AccessDenied" in line or "not known" in line for line in found.unread] == [True, True]


def test_queue_without_a_mapping(read):
    found = read(queue={"Attributes": ATTRIBUTES}, mappings={"EventSourceMappings": []})
    assert "the queue has no event source mapping" in found.unread[0]


def test_of_several_mappings_the_enabled_one_is_read_and_the_others_are_said(read):
    disabled = {**MAPPING, "State": "Disabled", "UUID": "00000000-0000-0000-0000-000000000002", "BatchSize": 1}
    found = read(
        queue={"Attributes": ATTRIBUTES},
        mappings={"EventSourceMappings": [disabled, MAPPING]},
        function=FUNCTION,
        reserved={},
    )
    assert found.batch_size == 10
    assert found.unread == (f"2 mappings take from this queue; what is said is of {MAPPING['UUID']}",)


def test_disabled_mapping_is_said(read):
    found = read(
        queue={"Attributes": ATTRIBUTES},
        mappings={"EventSourceMappings": [{**MAPPING, "State": "Disabled"}]},
        function=FUNCTION,
        reserved={},
    )
    assert found.unread == ("the mapping is Disabled",)


def test_alias_of_a_function_is_asked_for_as_it_is_and_its_concurrency_is_the_functions():
    aws = StubbedAws()
    alias = f"{FUNCTION_ARN}:live"
    aws.answers("sqs", "get_queue_attributes", {"Attributes": ATTRIBUTES})
    aws.answers("lambda", "list_event_source_mappings", {"EventSourceMappings": [{**MAPPING, "FunctionArn": alias}]})
    stub = aws.stubs["lambda"]
    stub.add_response("get_function_configuration", FUNCTION, {"FunctionName": alias})
    stub.add_response("get_function_concurrency", {}, {"FunctionName": FUNCTION_ARN})
    assert read_configuration(aws, URL).function_name == "orders-consumer"


@pytest.mark.parametrize(
    "attributes", [{}, {**ATTRIBUTES, "RedrivePolicy": "{"}, {**ATTRIBUTES, "VisibilityTimeout": "x"}]
)
def test_answer_that_aws_would_not_give_is_unread(read, attributes):
    found = read(queue={"Attributes": attributes})
    assert "the answer cannot be read" in found.unread[0]
