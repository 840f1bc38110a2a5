"""A queue that is there, and what is behind it: looked at with calls that change nothing."""

import json

import pytest

from redrive.infra.aws_plan import CREATED_BY, TAG
from redrive.infra.aws_stack import Deployed
from redrive.scenarios.environments.aws_site import site_of_queue, site_of_stack
from redrive.scenarios.errors import EnvironmentFailed

from ..stubbed_aws import REGION, StubbedAws, clients_of, plan

URL = f"https://sqs.{REGION}.amazonaws.com/123456789012/orders"
ARN = f"arn:aws:sqs:{REGION}:123456789012:orders"
MAPPING = {
    "FunctionArn": f"arn:aws:lambda:{REGION}:123456789012:function:shop",
    "BatchSize": 20,
    "MaximumBatchingWindowInSeconds": 2,
    "FunctionResponseTypes": ["ReportBatchItemFailures"],
}
FUNCTION = {"FunctionName": "shop", "Handler": "journal_handler.handler", "Timeout": 30}


class Aws(StubbedAws):
    def has_queue(self, *, waiting=0, dlq=True):
        attributes = {"QueueArn": ARN, "VisibilityTimeout": "180"}
        if dlq:
            attributes["RedrivePolicy"] = json.dumps({"deadLetterTargetArn": f"{ARN}-dlq", "maxReceiveCount": 4})
        sqs = self.stubs["sqs"]
        sqs.add_response(
            "get_queue_attributes", {"Attributes": attributes}, {"QueueUrl": URL, "AttributeNames": ["All"]}
        )
        if dlq:
            expected = {"QueueName": "orders-dlq", "QueueOwnerAWSAccountId": "123456789012"}
            sqs.add_response("get_queue_url", {"QueueUrl": f"{URL}-dlq"}, expected)
        self.waiting = waiting

    def is_asked_how_many_wait(self):
        names = ("", "NotVisible", "Delayed")
        counted = {f"ApproximateNumberOfMessages{name}": "0" for name in names}
        counted["ApproximateNumberOfMessagesNotVisible"] = str(self.waiting)
        self.stubs["sqs"].add_response("get_queue_attributes", {"Attributes": counted})

    def has_function(self, *mappings, **function):
        found = {"EventSourceMappings": list(mappings or [MAPPING])}
        self.stubs["lambda"].add_response("list_event_source_mappings", found, {"EventSourceArn": ARN})
        self.stubs["lambda"].add_response("get_function_configuration", {**FUNCTION, **function})


@pytest.fixture(scope="module")
def clients():
    return clients_of("sqs", "lambda", "logs")


@pytest.fixture
def aws(clients):
    with Aws(clients) as aws:
        yield aws


def site(aws):
    aws.is_asked_how_many_wait()
    return site_of_queue(aws, URL, since_ms=0)


def test_the_configuration_is_what_is_there(aws):
    aws.has_queue()
    aws.has_function()
    found = site(aws)
    assert (found.spec.visibility_timeout_s, found.spec.max_receive_count) == (180, 4)
    assert (found.spec.batch_size, found.spec.batching_window_s, found.spec.function_timeout_s) == (20, 2, 30)
    assert found.spec.report_batch_item_failures
    assert (found.queue.dlq_url, found.function) == (f"{URL}-dlq", "shop")
    assert found.unseen is None
    assert found.log is not None
    assert not found.is_own


def test_E08_a_mapping_without_partial_batch_responses_is_seen(aws):
    aws.has_queue(dlq=False)
    aws.has_function({key: value for key, value in MAPPING.items() if key != "FunctionResponseTypes"})
    found = site(aws)
    assert not found.spec.report_batch_item_failures
    assert found.spec.max_receive_count is None
    assert found.queue.dlq_url is None


@pytest.mark.parametrize("handler", ["journal_handler.handler", "src/journal_handler.handler"])
def test_the_log_is_where_the_function_says(aws, handler):
    aws.has_queue()
    aws.has_function(LoggingConfig={"LogGroup": "/shop/logs"}, Handler=handler)
    found = site(aws)
    aws.stubs["logs"].add_response("filter_log_events", {}, {"logGroupName": "/shop/logs", "startTime": 0})
    assert found.log.read() == ()


def test_a_function_without_the_journal_is_not_seen(aws):
    aws.has_queue()
    aws.has_function(Handler="orders.handler")
    found = site(aws)
    assert found.log is None
    assert "keeps no journal" in found.unseen
    assert found.spec.function_timeout_s == 30


def test_batches_that_are_too_large_for_a_journal_are_not_seen(aws):
    aws.has_queue()
    aws.has_function({**MAPPING, "BatchSize": 5000})
    assert "too large" in site(aws).unseen


@pytest.mark.parametrize("count", [0, 2])
def test_a_queue_needs_one_mapping(aws, count):
    aws.has_queue()
    found = {"EventSourceMappings": [MAPPING] * count}
    aws.stubs["lambda"].add_response("list_event_source_mappings", found)
    assert f"{count} event source mappings" in site(aws).unseen


def test_who_may_not_look_at_the_function_does_not_see_invocations(aws):
    aws.has_queue()
    aws.stubs["lambda"].add_client_error("list_event_source_mappings", "AccessDeniedException", "not you")
    assert "AccessDenied" in site(aws).unseen


def test_a_queue_in_use_is_refused(aws):
    aws.has_queue(waiting=3)
    aws.has_function()
    with pytest.raises(EnvironmentFailed, match="about 3 messages"):
        site(aws)


def test_a_queue_that_is_not_there_is_one_line(aws):
    aws.stubs["sqs"].add_client_error("get_queue_attributes", "QueueDoesNotExist", "gone")
    with pytest.raises(EnvironmentFailed, match="cannot be used: QueueDoesNotExist"):
        site_of_queue(aws, URL, since_ms=0)


def deployed():
    return Deployed(plan=plan(), queue_url=URL, dlq_url=f"{URL}-dlq", table="t", function="shop", log_group="g")


@pytest.mark.parametrize("tags", [{}, {"Owner": "somebody"}, {TAG: "somebody"}])
def test_without_queue_url_a_queue_that_redrive_did_not_create_is_refused(aws, tags):
    aws.stubs["sqs"].add_response("list_queue_tags", {"Tags": tags})
    with pytest.raises(EnvironmentFailed, match="not created by redrive"):
        site_of_stack(aws, deployed(), since_ms=0)


def test_with_its_tag_it_is_redrives_own(aws):
    aws.stubs["sqs"].add_response("list_queue_tags", {"Tags": {TAG: CREATED_BY}})
    aws.has_queue()
    aws.has_function()
    assert site_of_stack(aws, deployed(), since_ms=0).is_own
