"""Deploying the template, changing what came of it, and taking it away again, as far as moto's CloudFormation goes."""

import json
import re
from pathlib import Path

import pytest

from redrive.fixtures.stacks import Aws
from redrive.infra import deployment as module
from redrive.infra.deployment import DeploymentError, Parameters, deploy, find, remove
from redrive.infra.tuning import tune

REGION = "eu-west-1"


@pytest.fixture
def clients(aws):
    """AWS in this process, empty, as the deployment takes it."""
    return Aws(region=REGION)


@pytest.fixture
def deployed(clients, package_path):
    def deployed(parameters=None, **options):
        return deploy(clients, name="orders", code_zip=package_path, parameters=parameters, **options)

    return deployed


def everything(aws):
    """The names of all that exists."""
    return {
        "queues": aws("sqs").list_queues().get("QueueUrls", []),
        "functions": [each["FunctionName"] for each in aws("lambda").list_functions()["Functions"]],
        "mappings": [each["UUID"] for each in aws("lambda").list_event_source_mappings()["EventSourceMappings"]],
        "tables": aws("dynamodb").list_tables()["TableNames"],
        "roles": [each["RoleName"] for each in aws("iam").list_roles()["Roles"]],
        "log_groups": [each["logGroupName"] for each in aws("logs").describe_log_groups()["logGroups"]],
        "alarms": [each["AlarmName"] for each in aws("cloudwatch").describe_alarms()["MetricAlarms"]],
        "buckets": [each["Name"] for each in aws("s3").list_buckets()["Buckets"]],
    }


KINDS = ("queues", "functions", "mappings", "tables", "roles", "log_groups", "alarms", "buckets")
NOTHING = {kind: [] for kind in KINDS}


@pytest.mark.parametrize("fifo", [False, True])
def test_deployment_says_where_everything_is(deployed, aws, fifo):
    said = []
    deployment = deployed(parameters=Parameters(fifo=fifo, batch_size=5), progress=said.append)
    suffix = ".fifo" if fifo else ""
    assert (deployment.fifo, deployment.region, deployment.table_name) == (fifo, REGION, "orders-ledger")
    assert deployment.queue_url.endswith(f"/orders{suffix}")
    assert deployment.dlq_arn.endswith(f":orders-dlq{suffix}")
    mapping = deployment.client("lambda").get_event_source_mapping(UUID=deployment.mapping_uuid)
    assert (mapping["EventSourceArn"], mapping["BatchSize"]) == (deployment.queue_arn, 5)
    found = everything(aws)
    assert set(deployment.alarms) == set(found["alarms"])
    assert [deployment.bucket] == found["buckets"]
    assert re.fullmatch(r"redrive-orders-[0-9a-f]{12}", deployment.bucket)
    assert said[-1].startswith("orders is deployed: orders-consumer behind ")


def test_removed_leaves_nothing_and_removing_again_is_no_error(deployed, aws):
    deployment = deployed()
    deployment.client("s3").put_object(Bucket=deployment.bucket, Key="of an earlier version", Body=b"")
    remove(deployment)
    assert everything(aws) == NOTHING
    remove(deployment)


def test_deployed_again_is_the_same_with_what_is_new(deployed, aws):
    first = deployed()
    again = deployed(parameters=Parameters(batch_size=2))
    assert again == first
    assert aws("lambda").get_event_source_mapping(UUID=again.mapping_uuid)["BatchSize"] == 2
    assert len(everything(aws)["buckets"]) == 1


def test_found_by_name(deployed, clients):
    assert find(clients, "orders") is None
    assert find(clients, deployed().name) == deployed()


def test_parameters_by_the_templates_names(deployed, aws):
    deployed(parameters={"MaxReceiveCount": "7", "QueueType": "fifo"})
    url = aws("sqs").get_queue_url(QueueName="orders.fifo")["QueueUrl"]
    policy = aws("sqs").get_queue_attributes(QueueUrl=url, AttributeNames=["All"])["Attributes"]["RedrivePolicy"]
    assert json.loads(policy)["maxReceiveCount"] == 7


def test_stack_of_somebody_else_is_left_alone(deployed, deploy, clients, aws):
    deploy()  # by CloudFormation, as anybody would
    with pytest.raises(DeploymentError, match="was not deployed by redrive"):
        deployed()
    with pytest.raises(DeploymentError, match="was not deployed by redrive"):
        find(clients, "orders")
    assert everything(aws)["functions"] == ["orders-consumer"]


def test_queue_of_somebody_else_is_left_alone(deployed, aws):
    aws("sqs").create_queue(QueueName="orders-dlq")
    with pytest.raises(DeploymentError, match="there is a queue orders-dlq already"):
        deployed()
    assert [url.rsplit("/")[-1] for url in everything(aws)["queues"]] == ["orders-dlq"]


def test_protected_table_is_not_removed_and_neither_is_anything_else(deployed, aws):
    deployment = deployed(parameters=Parameters(table_deletion_protection=True))
    with pytest.raises(DeploymentError, match="orders-ledger is protected"):
        remove(deployment)
    assert everything(aws)["functions"] == ["orders-consumer"]


@pytest.mark.parametrize("error", [KeyboardInterrupt(), DeploymentError("told to")])
def test_what_fails_or_is_interrupted_is_removed(deployed, aws, monkeypatch, error):
    def fails(*_):
        raise error

    monkeypatch.setattr(module, "not_there_yet", fails)
    with pytest.raises(type(error)):
        deployed()
    assert everything(aws) == NOTHING


def test_resource_that_is_missing_is_said_whatever_the_stack_says(deployed, aws, monkeypatch):
    real = module._outputs

    def without_dlq(cloudformation, name, deadline_s):
        outputs = real(cloudformation, name, deadline_s)
        aws("sqs").delete_queue(QueueUrl=outputs["DlqUrl"])
        return outputs

    monkeypatch.setattr(module, "_outputs", without_dlq)
    with pytest.raises(DeploymentError, match=r"not in time: there is no queue .*/orders-dlq"):
        deployed(within_s=0.1)
    assert everything(aws) == NOTHING


def test_zip_that_is_not_there_is_said_and_nothing_is_left(clients, aws, tmp_path):
    with pytest.raises(DeploymentError, match="cannot read"):
        deploy(clients, name="orders", code_zip=tmp_path / "no.zip")
    assert everything(aws) == NOTHING


def test_the_defaults_are_the_templates_but_for_the_protection(infra_folder):
    text = Path(infra_folder / "cloudformation/template.yaml").read_text()
    section = text[text.index("Parameters:") : text.index("Rules:")]
    defaults = {
        name: (re.search(r"^    Default: (.*)$", block, re.MULTILINE) or [None, None])[1]
        for name, block in re.findall(r"^  (\w+):\n((?:    .*\n)+)", section, re.MULTILINE)
    }
    given = Parameters().as_template()
    assert set(defaults) - set(given) == {"Name", "CodeBucket", "CodeKey"}
    differ = {name for name, value in given.items() if defaults[name].strip('"') != value}
    assert differ == {"TableDeletionProtection"}


class TestTuned:
    def test_timeouts_are_as_short_as_asked_for(self, deployed, describe, aws):
        deployment = deployed()
        tune(
            deployment,
            visibility_timeout_s=2,
            max_receive_count=3,
            function_timeout_s=1,
            batch_size=1,
            batching_window_s=1,
            alarm_period_s=10,
            environment={"AWS_ENDPOINT_URL": "http://127.0.0.1:1", "REDRIVE_LOG_LEVEL": None},
        )
        found = describe(aws, "orders")
        assert found["queue"]["VisibilityTimeout"] == "2"
        assert found["queue"]["RedrivePolicy"] == {"deadLetterTargetArn": deployment.dlq_arn, "maxReceiveCount": 3}
        assert found["function"]["Timeout"] == 1
        variables = found["function"]["Environment"]["Variables"]
        assert variables["AWS_ENDPOINT_URL"] == "http://127.0.0.1:1"
        assert "REDRIVE_LOG_LEVEL" not in variables
        assert variables["REDRIVE_TABLE"] == "orders-ledger"
        mapping = found["mapping"]
        assert (mapping["BatchSize"], mapping["MaximumBatchingWindowInSeconds"]) == (1, 1)
        assert {alarm["Period"] for alarm in found["alarms"].values()} == {10}
        assert found["alarms"]["orders-dlq-depth"]["TreatMissingData"] == "notBreaching"

    @pytest.mark.parametrize(("visibility_s", "first"), [(2, "Timeout"), (2_000, "Visibility")])
    def test_E04_function_is_at_no_time_allowed_longer_than_the_visibility_timeout(
        self, deployed, monkeypatch, visibility_s, first
    ):
        deployment = deployed()
        changed = []
        for service, operation, what in (
            ("sqs", "SetQueueAttributes", "Visibility"),
            ("lambda", "UpdateFunctionConfiguration", "Timeout"),
        ):
            deployment.client(service).meta.events.register(
                f"before-call.{service}.{operation}", lambda what=what, **_: changed.append(what)
            )
        tune(deployment, visibility_timeout_s=visibility_s, function_timeout_s=1)
        assert (changed[0], len(changed)) == (first, 2)

    def test_what_is_not_given_is_left_alone(self, deployed, describe, aws):
        deployment = deployed()
        before = describe(aws, "orders")["mapping"]["LastModified"]
        tune(deployment, max_receive_count=9)
        found = describe(aws, "orders")
        assert found["queue"]["VisibilityTimeout"] == "180"
        assert found["mapping"]["LastModified"] == before

    def test_refusal_is_one_line(self, deployed):
        deployment = deployed()
        deployment.client("lambda").delete_function(FunctionName=deployment.function_name)
        with pytest.raises(DeploymentError, match=r"orders cannot be changed: .*ResourceNotFound") as caught:
            tune(deployment, function_timeout_s=1)
        assert len(str(caught.value).splitlines()) == 1
