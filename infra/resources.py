"""The resources of a deployment one by one: whether each is there and works, the bucket for code, and their end."""

from __future__ import annotations

import base64
import hashlib
import json
import time
from collections.abc import Callable, Iterable
from contextlib import ExitStack
from pathlib import Path
from typing import Any, Final, Protocol

from botocore.exceptions import ClientError

from redrive.fixtures.stacks import AwsClients

__all__ = [
    "GONE",
    "DeploymentError",
    "Described",
    "code_bucket",
    "delete_bucket",
    "delete_resources",
    "error_code",
    "function_problem",
    "mapping_problem",
    "not_there_yet",
    "put_code",
    "refuse_taken",
    "unless_gone",
    "wait_until",
]

GONE: Final = frozenset(
    {
        "404",
        "AWS.SimpleQueueService.NonExistentQueue",
        "NoSuchBucket",
        "NoSuchEntity",
        "QueueDoesNotExist",
        "ResourceNotFound",
        "ResourceNotFoundException",
    }
)
_PAUSE_S: Final = 0.2


class DeploymentError(Exception):
    """Something cannot be deployed, changed or removed. One line for the user."""


class Described(Protocol):
    """Where the resources of a deployment are."""

    @property
    def aws(self) -> AwsClients: ...
    @property
    def queue_url(self) -> str: ...
    @property
    def queue_arn(self) -> str: ...
    @property
    def dlq_url(self) -> str: ...
    @property
    def dlq_arn(self) -> str: ...
    @property
    def function_name(self) -> str: ...
    @property
    def mapping_uuid(self) -> str: ...
    @property
    def table_name(self) -> str | None: ...
    @property
    def alarms(self) -> tuple[str, ...]: ...


def error_code(error: ClientError) -> str:
    """AWS's word for what went wrong."""
    code: str = error.response.get("Error", {}).get("Code", "")
    return code


def unless_gone(call: Callable[..., Any], /, **arguments: Any) -> Any:
    """What the call gives; None if what it is about is not there."""
    try:
        return call(**arguments)
    except ClientError as error:
        if error_code(error) not in GONE:
            raise
        return None


def wait_until(problem: Callable[[], str | None], deadline_s: float) -> None:
    """Ask until there is no problem. Raises DeploymentError with the last one at the deadline (`time.monotonic`)."""
    while (last := problem()) is not None:
        if time.monotonic() >= deadline_s:
            raise DeploymentError(f"not in time: {last}")
        time.sleep(_PAUSE_S)


def not_there_yet(deployment: Described, code_sha256: str | None = None) -> str | None:
    """The first thing that is not as it should be, None if all is. `code_sha256` is base64, as Lambda has it."""
    aws = deployment.aws
    return (
        _queue_problem(aws, deployment)
        or _table_problem(aws, deployment.table_name)
        or function_problem(aws, deployment.function_name, code_sha256)
        or mapping_problem(aws, deployment)
        or _alarm_problem(aws, deployment.alarms)
    )


def _queue_problem(aws: AwsClients, deployment: Described) -> str | None:
    sqs = aws.client("sqs")
    for url in (deployment.queue_url, deployment.dlq_url):
        found = unless_gone(sqs.get_queue_attributes, QueueUrl=url, AttributeNames=["All"])
        if found is None:
            return f"there is no queue {url}"
        if url == deployment.queue_url:
            policy = json.loads(found["Attributes"].get("RedrivePolicy", "{}"))
            if policy.get("deadLetterTargetArn") != deployment.dlq_arn:
                return f"the queue {url} has no redrive policy to its DLQ"
    return None


def _table_problem(aws: AwsClients, table_name: str | None) -> str | None:
    if table_name is None:
        return None
    found = unless_gone(aws.client("dynamodb").describe_table, TableName=table_name)
    status = "missing" if found is None else found["Table"]["TableStatus"]
    return None if status == "ACTIVE" else f"the table {table_name} is {status}"


def function_problem(aws: AwsClients, function_name: str, code_sha256: str | None = None) -> str | None:
    """What keeps the function from being invoked as it is configured."""
    found = unless_gone(aws.client("lambda").get_function_configuration, FunctionName=function_name)
    if found is None:
        return f"there is no function {function_name}"
    for name, wanted in (("State", "Active"), ("LastUpdateStatus", "Successful")):
        if found.get(name, wanted) != wanted:
            return f"the function {function_name} is {found[name]}: {found.get(f'{name}Reason', 'no reason given')}"
    if code_sha256 is not None and found["CodeSha256"] != code_sha256:
        return f"the function {function_name} has other code than was uploaded"
    return None


def mapping_problem(aws: AwsClients, deployment: Described) -> str | None:
    """What keeps the mapping from polling."""
    found = unless_gone(aws.client("lambda").get_event_source_mapping, UUID=deployment.mapping_uuid)
    if found is None:
        return f"{deployment.function_name} has no event source mapping"
    if found["EventSourceArn"] != deployment.queue_arn:
        return f"the mapping of {deployment.function_name} is for another queue"
    return None if found["State"] == "Enabled" else f"the mapping of {deployment.function_name} is {found['State']}"


def _alarm_problem(aws: AwsClients, alarms: tuple[str, ...]) -> str | None:
    if not alarms:
        return None
    found = aws.client("cloudwatch").describe_alarms(AlarmNames=list(alarms))["MetricAlarms"]
    missing = sorted(set(alarms) - {alarm["AlarmName"] for alarm in found})
    return f"there is no alarm {missing[0]}" if missing else None


def refuse_taken(aws: AwsClients, name: str, *, fifo: bool) -> None:
    """Raises DeploymentError if there are queues of these names: to create one that is there is no error to SQS."""
    suffix = ".fifo" if fifo else ""
    for queue_name in (f"{name}{suffix}", f"{name}-dlq{suffix}"):
        if unless_gone(aws.client("sqs").get_queue_url, QueueName=queue_name) is not None:
            raise DeploymentError(f"there is a queue {queue_name} already: choose another name")


def code_bucket(aws: AwsClients, name: str) -> str:
    """The name of the bucket for the code of a deployment: another one in each account and region, always the same."""
    account = aws.client("sts").get_caller_identity()["Account"]
    region = aws.client("sqs").meta.region_name
    digest = hashlib.sha256(f"{account}/{region}/{name}".encode()).hexdigest()[:12]
    return f"redrive-{name.lower()}-{digest}"


def put_code(aws: AwsClients, bucket: str, code_zip: Path) -> tuple[str, str]:
    """Upload the zip, with a key that is new for new code; the SHA-256 in base64, and the key."""
    s3 = aws.client("s3")
    region = s3.meta.region_name
    # us-east-1 is the only region that S3 does not take as a location.
    place = {} if region == "us-east-1" else {"CreateBucketConfiguration": {"LocationConstraint": region}}
    try:
        s3.create_bucket(Bucket=bucket, **place)
    except ClientError as error:
        if error_code(error) != "BucketAlreadyOwnedByYou":
            raise
    try:
        code = code_zip.read_bytes()
    except OSError as error:
        raise DeploymentError(f"cannot read {code_zip}: {error.strerror or error}") from error
    digest = hashlib.sha256(code)
    key = f"function-{digest.hexdigest()[:16]}.zip"
    s3.put_object(Bucket=bucket, Key=key, Body=code)
    return base64.b64encode(digest.digest()).decode(), key


def delete_bucket(s3: Any, bucket: str) -> None:
    """Delete a bucket and the objects in it, if it is there."""
    while True:
        found = unless_gone(s3.list_objects_v2, Bucket=bucket)
        if found is None:
            return
        for item in found.get("Contents", ()):
            s3.delete_object(Bucket=bucket, Key=item["Key"])
        if not found.get("IsTruncated"):
            break
    unless_gone(s3.delete_bucket, Bucket=bucket)


def delete_resources(aws: AwsClients, resources: Iterable[tuple[str, str]]) -> None:
    """Delete resources, given by CloudFormation's type and id, as far as they are there; the first comes first.

    If one step fails, the others are done. Types that this does not know are left alone.
    """
    deletions: dict[str, Callable[[str], object]] = {
        "AWS::SQS::Queue": lambda url: unless_gone(aws.client("sqs").delete_queue, QueueUrl=url),
        "AWS::DynamoDB::Table": lambda name: unless_gone(aws.client("dynamodb").delete_table, TableName=name),
        "AWS::Logs::LogGroup": lambda name: unless_gone(aws.client("logs").delete_log_group, logGroupName=name),
        "AWS::Lambda::Function": lambda name: unless_gone(aws.client("lambda").delete_function, FunctionName=name),
        "AWS::Lambda::EventSourceMapping": lambda uuid: _delete_mapping(aws.client("lambda"), uuid),
        "AWS::IAM::Role": lambda name: unless_gone(aws.client("iam").delete_role, RoleName=name),
        "AWS::CloudWatch::Alarm": lambda name: aws.client("cloudwatch").delete_alarms(AlarmNames=[name]),
    }
    with ExitStack() as steps:  # goes on with the others when one fails, from the last
        for kind, name in reversed([*resources]):
            if kind in deletions:
                steps.callback(deletions[kind], name)


def _delete_mapping(functions: Any, uuid: str) -> None:
    found = unless_gone(functions.get_event_source_mapping, UUID=uuid)
    if found is not None and found["State"] != "Deleting":
        unless_gone(functions.delete_event_source_mapping, UUID=uuid)
