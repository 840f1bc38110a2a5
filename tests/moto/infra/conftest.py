"""The stack on moto, however it was deployed, and what moto lacks for that."""

import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import boto3
import pytest
from moto import mock_aws
from moto.core.common_models import CloudFormationModel
from moto.sqs.models import Queue

import redrive.infra
from redrive.infra.package_function import build_package, find_handler_folder

REGION = "eu-west-1"

Client = Callable[[str], Any]


class Alarm(CloudFormationModel):
    """AWS::CloudWatch::Alarm, which moto's CloudFormation does not know. Being a subclass registers it."""

    def __init__(self, name: str) -> None:
        self.name = name

    @property
    def physical_resource_id(self) -> str:
        return self.name

    @staticmethod
    def cloudformation_name_type() -> str:
        return "AlarmName"

    @staticmethod
    def cloudformation_type() -> str:
        return "AWS::CloudWatch::Alarm"

    @classmethod
    def create_from_cloudformation_json(
        cls, resource_name, cloudformation_json, account_id, region_name, **kwargs
    ) -> "Alarm":
        properties = dict(cloudformation_json["Properties"])
        # CloudFormation turns a parameter into the type that the property has.
        properties["Threshold"] = float(properties["Threshold"])
        boto3.client("cloudwatch", region_name=region_name).put_metric_alarm(**properties)
        return cls(resource_name)

    @classmethod
    def delete_from_cloudformation_json(cls, resource_name, cloudformation_json, account_id, region_name) -> None:
        boto3.client("cloudwatch", region_name=region_name).delete_alarms(AlarmNames=[resource_name])


@pytest.fixture
def moto_reports_allow_policy(monkeypatch):
    """moto takes a queue's RedriveAllowPolicy, and leaves it out when asked for the queue's attributes."""

    def keep(queue: Queue, policy: Any) -> None:
        # CloudFormation gives an object, the API its JSON.
        queue.__dict__["allow_policy"] = policy if isinstance(policy, str) else json.dumps(policy)

    kept = property(lambda queue: queue.__dict__.get("allow_policy"), keep)
    monkeypatch.setattr(Queue, "redrive_allow_policy", kept, raising=False)
    monkeypatch.setattr(Queue, "BASE_ATTRIBUTES", [*Queue.BASE_ATTRIBUTES, "RedriveAllowPolicy"])


@pytest.fixture
def credentials(monkeypatch):
    """Credentials that AWS would refuse."""
    for name in ("AWS_PROFILE", "AWS_ENDPOINT_URL", "AWS_CA_BUNDLE"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "testing")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "testing")
    monkeypatch.setenv("AWS_DEFAULT_REGION", REGION)


@pytest.fixture
def aws(credentials, moto_reports_allow_policy) -> Iterator[Client]:
    """AWS in this process, empty: a function from a service to its client."""
    with mock_aws():
        yield lambda service: boto3.client(service, region_name=REGION)


@pytest.fixture(scope="session")
def package_path(tmp_path_factory) -> Path:
    """The function's zip."""
    path = tmp_path_factory.mktemp("package") / "function.zip"
    return build_package(path, handler_folder=find_handler_folder()).path


@pytest.fixture(scope="session")
def infra_folder() -> Path:
    """Where the template and the module are."""
    return Path(redrive.infra.__path__[0])


@pytest.fixture
def deploy(aws, package_path, infra_folder) -> Callable[..., dict[str, str]]:
    """Deploys the template with the given parameters; returns the outputs of the stack, which is named `orders`."""

    def deploy(template: str | None = None, **parameters: str) -> dict[str, str]:
        aws("s3").create_bucket(Bucket="code", CreateBucketConfiguration={"LocationConstraint": REGION})
        aws("s3").upload_file(str(package_path), "code", "function.zip")
        given = {
            "Name": "orders",
            "CodeBucket": "code",
            "CodeKey": "function.zip",
            "TableDeletionProtection": "false",
            **parameters,
        }
        aws("cloudformation").create_stack(
            StackName="orders",
            TemplateBody=template or (infra_folder / "cloudformation/template.yaml").read_text(),
            Parameters=[{"ParameterKey": key, "ParameterValue": value} for key, value in given.items()],
            Capabilities=["CAPABILITY_IAM"],
        )
        (stack,) = aws("cloudformation").describe_stacks(StackName="orders")["Stacks"]
        assert stack["StackStatus"] == "CREATE_COMPLETE"
        return {output["OutputKey"]: output["OutputValue"] for output in stack["Outputs"]}

    return deploy


@pytest.fixture
def describe() -> Callable[..., dict[str, Any]]:
    """Reads a deployed stack back from the services, in one form however it was deployed."""
    return describe_stack


def describe_stack(client: Client, name: str, *, suffix: str = "") -> dict[str, Any]:
    """Every resource of the stack `name`; `suffix` is that of the queues' names."""
    function = client("lambda").get_function_configuration(FunctionName=f"{name}-consumer")
    (mapping,) = client("lambda").list_event_source_mappings()["EventSourceMappings"]
    (table,) = client("dynamodb").list_tables()["TableNames"]
    (log_group,) = client("logs").describe_log_groups()["logGroups"]
    return {
        "queue": _queue(client, f"{name}{suffix}"),
        "dlq": _queue(client, f"{name}-dlq{suffix}"),
        "function": function,
        "mapping": mapping,
        "role": _role(client, function["Role"].rsplit("/", 1)[-1]),
        "table": client("dynamodb").describe_table(TableName=table)["Table"],
        "log_group": log_group,
        "alarms": {alarm["AlarmName"]: alarm for alarm in client("cloudwatch").describe_alarms()["MetricAlarms"]},
    }


def _queue(client: Client, name: str) -> dict[str, Any]:
    url = client("sqs").get_queue_url(QueueName=name)["QueueUrl"]
    attributes = client("sqs").get_queue_attributes(QueueUrl=url, AttributeNames=["All"])["Attributes"]
    for policy in ("RedrivePolicy", "RedriveAllowPolicy"):
        if policy in attributes:
            attributes[policy] = json.loads(attributes[policy])
    return attributes


def _role(client: Client, name: str) -> dict[str, Any]:
    iam = client("iam")
    assert iam.list_attached_role_policies(RoleName=name)["AttachedPolicies"] == []
    statements = [
        statement
        for policy in iam.list_role_policies(RoleName=name)["PolicyNames"]
        for statement in iam.get_role_policy(RoleName=name, PolicyName=policy)["PolicyDocument"]["Statement"]
    ]
    return {
        "trust": iam.get_role(RoleName=name)["Role"]["AssumeRolePolicyDocument"]["Statement"],
        "statements": {statement["Sid"]: statement for statement in statements},
    }
