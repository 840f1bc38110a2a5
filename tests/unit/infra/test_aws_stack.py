"""The stack of a run on AWS: created, interrupted and removed against answers that are written down."""

import pytest
from botocore.stub import ANY

from redrive.infra.aws_plan import CREATED_BY, TAG, is_created_by_redrive
from redrive.infra.aws_stack import StackFailed, deployed
from redrive.infra.journal_handler import HANDLER

from ..stubbed_aws import ACCOUNT, REGION, StubbedAws, clients_of, plan

QUEUE = f"https://sqs.{REGION}.amazonaws.com/{ACCOUNT}/redrive-r1"


class Account(StubbedAws):
    """What creates and removes the stack of :func:`plan`."""

    def will_create(self) -> None:
        """The answers of a creation that succeeds."""
        self.will_put_code()
        self.stubs["cloudformation"].add_response("create_stack", {"StackId": "id"}, ANY_STACK)
        outputs = {
            "QueueUrl": QUEUE,
            "DlqUrl": f"{QUEUE}-dlq",
            "TableName": "redrive-r1-ledger",
            "FunctionName": "redrive-r1-consumer",
            "LogGroupName": "/aws/lambda/redrive-r1-consumer",
        }
        listed = [{"OutputKey": key, "OutputValue": value} for key, value in outputs.items()]
        for _ in range(2):  # the waiter, and the outputs
            self.stubs["cloudformation"].add_response("describe_stacks", stack("CREATE_COMPLETE", listed))
        functions = self.stubs["lambda"]
        before = {"Environment": {"Variables": {"REDRIVE_TABLE": "t"}}}
        functions.add_response("get_function_configuration", before, {"FunctionName": "redrive-r1-consumer"})
        functions.add_response(
            "update_function_configuration",
            {},
            {
                "FunctionName": "redrive-r1-consumer",
                "Handler": HANDLER,
                "Timeout": 5,
                "Environment": {"Variables": {"REDRIVE_TABLE": "t", "NAMED": "inner"}},
            },
        )
        functions.add_response("get_function", {"Configuration": {"LastUpdateStatus": "Successful"}})
        sqs = self.stubs["sqs"]
        sqs.add_response("set_queue_attributes", {}, {"QueueUrl": QUEUE, "Attributes": {"VisibilityTimeout": "15"}})
        for url in (QUEUE, f"{QUEUE}-dlq"):
            sqs.add_response("tag_queue", {}, {"QueueUrl": url, "Tags": {TAG: CREATED_BY, "redrive:run": "r1"}})

    def has_nothing_yet(self) -> None:
        self.stubs["cloudformation"].add_client_error("describe_stacks", "ValidationError", "does not exist", 400)
        self.stubs["s3"].add_client_error("head_bucket", "404", "Not Found", 404)

    def will_put_code(self) -> None:
        self.has_nothing_yet()
        bucket = plan().bucket
        s3 = self.stubs["s3"]
        place = {"LocationConstraint": REGION}
        s3.add_response("create_bucket", {}, {"Bucket": bucket, "CreateBucketConfiguration": place})
        s3.add_response("put_bucket_tagging", {}, {"Bucket": bucket, "Tagging": {"TagSet": TAGS}})
        s3.add_response("put_object", {}, {"Bucket": bucket, "Key": "function.zip", "Body": b"zip"})

    def will_remove_stack(self) -> None:
        self.stubs["cloudformation"].add_response("describe_stacks", stack("CREATE_COMPLETE"))
        self.stubs["cloudformation"].add_response("delete_stack", {}, {"StackName": "redrive-r1"})
        self.stubs["cloudformation"].add_client_error("describe_stacks", "ValidationError", "does not exist", 400)

    def will_remove_bucket(self) -> None:
        bucket = plan().bucket
        found = {"Contents": [{"Key": "function.zip"}], "IsTruncated": False}
        self.stubs["s3"].add_response("list_objects_v2", found, {"Bucket": bucket})
        self.stubs["s3"].add_response("delete_object", {}, {"Bucket": bucket, "Key": "function.zip"})
        self.stubs["s3"].add_response("delete_bucket", {}, {"Bucket": bucket})


TAGS = [{"Key": TAG, "Value": CREATED_BY}, {"Key": "redrive:run", "Value": "r1"}]
ANY_STACK = {
    "StackName": "redrive-r1",
    "TemplateBody": ANY,
    "Parameters": ANY,
    "Capabilities": ["CAPABILITY_IAM"],
    "Tags": TAGS,
}


def stack(status, outputs=(), tags=TAGS):
    described = {"StackName": "redrive-r1", "CreationTime": 0, "StackStatus": status}
    return {"Stacks": [{**described, "Outputs": list(outputs), "Tags": tags}]}


@pytest.fixture(scope="module")
def clients():
    """Made once: that takes longer than all the tests."""
    return clients_of("s3", "cloudformation", "sqs", "lambda")


@pytest.fixture
def aws(clients):
    with Account(clients) as aws:
        yield aws


@pytest.fixture
def code_zip(tmp_path):
    path = tmp_path / "function.zip"
    path.write_bytes(b"zip")
    return path


def deploy(aws, code_zip, left, said=None):
    return deployed(
        aws,
        plan(),
        code_zip,
        handler=HANDLER,
        variables={"NAMED": "inner"},
        progress=(said if said is not None else []).append,
        on_left=left.extend,
    )


def test_a_queue_of_redrives_is_known_by_its_tag(aws):
    for tags, expected in (({TAG: CREATED_BY}, True), ({TAG: "somebody"}, False), ({}, False)):
        aws.stubs["sqs"].add_response("list_queue_tags", {"Tags": tags}, {"QueueUrl": QUEUE})
        assert is_created_by_redrive(aws.client("sqs"), QUEUE) is expected
    aws.stubs["sqs"].add_response("list_queue_tags", {}, {"QueueUrl": QUEUE})
    assert is_created_by_redrive(aws.client("sqs"), QUEUE) is False


def test_it_is_created_with_tags_and_removed(aws, code_zip):
    aws.will_create()
    aws.will_remove_stack()
    aws.will_remove_bucket()
    left, said = [], []
    with deploy(aws, code_zip, left, said) as stack:
        assert (stack.queue_url, stack.table) == (QUEUE, "redrive-r1-ledger")
    aws.assert_all_asked()
    assert left == []
    assert [line.split()[0] for line in said] == ["creating", "creating", "setting", "removing", "removing"]


def test_in_us_east_1_a_bucket_has_no_location(aws, code_zip):
    here = plan(region="us-east-1")
    aws.has_nothing_yet()
    aws.stubs["s3"].add_response("create_bucket", {}, {"Bucket": here.bucket})
    aws.stubs["s3"].add_client_error("put_bucket_tagging", "AccessDenied", "no")
    aws.will_remove_bucket()
    with (
        pytest.raises(StackFailed, match="AccessDenied"),
        deployed(aws, here, code_zip, handler=HANDLER, variables={}, on_left=[].extend),
    ):
        pytest.fail("it was not created")
    aws.assert_all_asked()


@pytest.mark.parametrize("error", [KeyboardInterrupt, RuntimeError])
def test_an_error_or_ctrl_c_during_the_run_has_it_removed(aws, code_zip, error):
    aws.will_create()
    aws.will_remove_stack()
    aws.will_remove_bucket()
    with pytest.raises(error), deploy(aws, code_zip, []):
        raise error
    aws.assert_all_asked()


def test_ctrl_c_amid_the_creation_of_the_stack_has_it_removed(aws, code_zip, monkeypatch):
    aws.will_put_code()
    aws.will_remove_stack()
    aws.will_remove_bucket()

    def interrupted(**_):
        raise KeyboardInterrupt

    monkeypatch.setattr(aws.clients["cloudformation"], "create_stack", interrupted)
    with pytest.raises(KeyboardInterrupt), deploy(aws, code_zip, []):
        pytest.fail("it was not created")
    aws.assert_all_asked()


@pytest.mark.parametrize("settled", ["CREATE_COMPLETE", "ROLLBACK_COMPLETE"])
def test_what_is_still_being_created_is_removed_once_it_is_settled(aws, code_zip, settled):
    aws.will_create()
    cloudformation = aws.stubs["cloudformation"]
    cloudformation.add_response("describe_stacks", stack("CREATE_IN_PROGRESS"))
    cloudformation.add_response("describe_stacks", stack(settled))
    cloudformation.add_response("delete_stack", {}, {"StackName": "redrive-r1"})
    cloudformation.add_client_error("describe_stacks", "ValidationError", "does not exist", 400)
    aws.will_remove_bucket()
    left = []
    with deploy(aws, code_zip, left):
        pass
    aws.assert_all_asked()
    assert left == []


def test_a_stack_that_fails_says_why_and_is_removed(aws, code_zip):
    aws.will_put_code()
    cloudformation = aws.stubs["cloudformation"]
    cloudformation.add_response("create_stack", {"StackId": "id"}, ANY_STACK)
    cloudformation.add_response("describe_stacks", stack("ROLLBACK_COMPLETE"))
    cloudformation.add_response("describe_stack_events", events("the first reason", "Resource creation cancelled"))
    aws.will_remove_stack()
    aws.will_remove_bucket()
    with pytest.raises(StackFailed, match="FunctionRole: the first reason"), deploy(aws, code_zip, []):
        pytest.fail("it was not created")
    aws.assert_all_asked()


def events(*reasons):
    return {
        "StackEvents": [
            {
                "StackId": "id",
                "EventId": str(number),
                "StackName": "redrive-r1",
                "Timestamp": 0,
                "LogicalResourceId": "FunctionRole",
                "ResourceStatus": "CREATE_FAILED",
                "ResourceStatusReason": reason,
            }
            for number, reason in enumerate(reversed(reasons))
        ]
    }


def test_what_cannot_be_removed_is_named_with_commands_and_the_rest_is_removed(aws, code_zip):
    aws.will_create()
    aws.stubs["cloudformation"].add_response("describe_stacks", stack("CREATE_COMPLETE"))
    aws.stubs["cloudformation"].add_client_error("delete_stack", "AccessDenied", "not you")
    aws.will_remove_bucket()
    left = []
    with deploy(aws, code_zip, left):
        pass
    aws.assert_all_asked()
    (leftover,) = left
    assert (leftover.resource.type, leftover.resource.name) == ("AWS::CloudFormation::Stack", "redrive-r1")
    assert "not you" in leftover.reason
    assert leftover.commands[0] == f"aws cloudformation delete-stack --stack-name redrive-r1 --region {REGION}"


def test_a_second_ctrl_c_amid_the_removal_leaves_what_was_not_removed_with_commands(aws, code_zip, monkeypatch):
    aws.will_create()
    aws.stubs["cloudformation"].add_response("describe_stacks", stack("CREATE_COMPLETE"))
    aws.will_remove_bucket()

    def interrupted(**_):
        raise KeyboardInterrupt

    left = []
    with pytest.raises(KeyboardInterrupt), deploy(aws, code_zip, left):
        monkeypatch.setattr(aws.clients["cloudformation"], "delete_stack", interrupted)
    assert [leftover.resource.name for leftover in left] == ["redrive-r1"]
    assert left[0].reason == "the removal was interrupted"
    aws.assert_all_asked()


def test_a_stack_that_is_there_already_is_left_alone(aws, code_zip):
    aws.stubs["cloudformation"].add_response("describe_stacks", stack("CREATE_COMPLETE", tags=[]))
    with pytest.raises(StackFailed, match="there is a stack redrive-r1 already"), deploy(aws, code_zip, []):
        pytest.fail("it was not created")
    aws.assert_all_asked()


def test_a_bucket_that_is_there_already_is_left_alone(aws, code_zip):
    aws.stubs["cloudformation"].add_client_error("describe_stacks", "ValidationError", "does not exist", 400)
    aws.stubs["s3"].add_response("head_bucket", {})
    with pytest.raises(StackFailed, match="there is a bucket redrive-r1-code-123456789012 already"):
        deploy(aws, code_zip, []).__enter__()
    aws.assert_all_asked()


def test_a_stack_without_the_runs_tag_is_not_removed(aws, code_zip):
    aws.will_create()
    aws.stubs["cloudformation"].add_response("describe_stacks", stack("CREATE_COMPLETE", tags=[TAGS[0]]))
    aws.will_remove_bucket()
    left = []
    with deploy(aws, code_zip, left):
        pass
    aws.assert_all_asked()
    assert left == []


def test_an_error_of_the_run_is_not_called_one_of_the_creation(aws, code_zip):
    aws.will_create()
    aws.will_remove_stack()
    aws.will_remove_bucket()
    aws.stubs["sqs"].add_client_error("purge_queue", "AccessDenied", "not you")
    with pytest.raises(aws.client("sqs").exceptions.ClientError), deploy(aws, code_zip, []):
        aws.client("sqs").purge_queue(QueueUrl=QUEUE)
