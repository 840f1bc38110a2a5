"""The stack of a run on AWS, created and removed on moto: tags, what is set up for the run, and that nothing stays."""

import boto3
import pytest

from redrive.infra.aws_plan import CREATED_BY, TAG, is_created_by_redrive, plan_stack
from redrive.infra.aws_stack import StackFailed, deployed
from redrive.infra.journal_handler import HANDLER, HANDLER_VARIABLE
from redrive.infra.journal_package import INNER_HANDLER, build_journalled

REGION = "eu-west-1"


@pytest.fixture
def account(aws):
    """moto, as the stacks of runs want it."""

    class Account:
        client = staticmethod(aws)

        def resource(self, service):
            return boto3.resource(service, region_name=REGION)

    return Account()


@pytest.fixture(scope="session")
def journalled(tmp_path_factory):
    path = tmp_path_factory.mktemp("package") / "function.zip"
    return build_journalled(path, with_dependencies=False)


@pytest.fixture(params=[False, True], ids=["standard", "fifo"])
def plan(request):
    return plan_stack(
        "r1",
        account="123456789012",
        region=REGION,
        fifo=request.param,
        batch_size=10,
        max_receive_count=3,
        function_timeout_s=5,
        visibility_timeout_s=15,
        business_key_pointer="/order",
    )


def deploy(account, plan, journalled, left):
    return deployed(
        account,
        plan,
        journalled.path,
        handler=HANDLER,
        variables={HANDLER_VARIABLE: INNER_HANDLER},
        on_left=left.extend,
    )


def names(client):
    """Everything of a run that has a name, by service."""
    return {
        "queues": client("sqs").list_queues().get("QueueUrls", []),
        "tables": client("dynamodb").list_tables()["TableNames"],
        "functions": [each["FunctionName"] for each in client("lambda").list_functions()["Functions"]],
        "mappings": client("lambda").list_event_source_mappings()["EventSourceMappings"],
        "buckets": [each["Name"] for each in client("s3").list_buckets()["Buckets"]],
        "roles": [each["RoleName"] for each in client("iam").list_roles()["Roles"]],
        "log groups": [each["logGroupName"] for each in client("logs").describe_log_groups()["logGroups"]],
    }


def test_the_zip_has_the_journal_beside_the_handler(journalled):
    assert {"journal_handler.py", "reference_handler/app.py"} <= set(journalled.entries)
    assert not any(entry.startswith("journal_handler.py/") for entry in journalled.entries)


def test_it_is_tagged_set_up_for_the_run_and_removed(account, plan, journalled):
    left = []
    with deploy(account, plan, journalled, left) as stack:
        client = account.client
        for url in (stack.queue_url, stack.dlq_url):
            assert is_created_by_redrive(client("sqs"), url)
        found = {tag["Key"]: tag["Value"] for tag in client("s3").get_bucket_tagging(Bucket=plan.bucket)["TagSet"]}
        assert found[TAG] == CREATED_BY
        attributes = client("sqs").get_queue_attributes(QueueUrl=stack.queue_url, AttributeNames=["All"])["Attributes"]
        assert attributes["VisibilityTimeout"] == "15"
        function = client("lambda").get_function_configuration(FunctionName=stack.function)
        assert (function["Handler"], function["Timeout"]) == (HANDLER, 5)
        variables = function["Environment"]["Variables"]
        assert variables[HANDLER_VARIABLE] == INNER_HANDLER
        assert variables["REDRIVE_TABLE"] == stack.table == plan.table
        assert (stack.function, stack.log_group) == (plan.function, plan.log_group)
        assert stack.queue_url.endswith(f"/{plan.queue_name}")
        assert stack.dlq_url.endswith(f"/{plan.dlq_name}")
        assert sum(map(len, names(client).values())) == 8
    assert left == []
    assert not any(names(account.client).values())


def test_ctrl_c_in_the_middle_of_the_creation_leaves_nothing(account, plan, journalled, monkeypatch):
    functions = account.client("lambda")

    def interrupted(**_):
        assert names(account.client)["functions"]
        raise KeyboardInterrupt

    monkeypatch.setattr(functions, "update_function_configuration", interrupted)
    real = account.client
    monkeypatch.setattr(account, "client", lambda service: functions if service == "lambda" else real(service))
    with pytest.raises(KeyboardInterrupt), deploy(account, plan, journalled, []):
        pytest.fail("it was interrupted")
    assert not any(names(real).values())


def test_a_failure_in_the_middle_leaves_nothing(account, plan, journalled, monkeypatch):
    functions = account.client("lambda")
    monkeypatch.setattr(functions, "get_waiter", lambda _: functions.no_such_thing)
    real = account.client
    monkeypatch.setattr(account, "client", lambda service: functions if service == "lambda" else real(service))
    with pytest.raises(AttributeError), deploy(account, plan, journalled, []):
        pytest.fail("it failed")
    assert not any(names(real).values())


def test_what_is_there_already_is_left_alone(account, plan, journalled):
    cloudformation = account.client("cloudformation")
    cloudformation.create_stack(StackName=plan.name, TemplateBody='{"Resources": {}}')
    with pytest.raises(StackFailed, match="already"), deploy(account, plan, journalled, []):
        pytest.fail("it was there already")
    assert cloudformation.describe_stacks(StackName=plan.name)["Stacks"]
