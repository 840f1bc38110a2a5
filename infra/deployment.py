"""Deploys the reference handler's stack from its CloudFormation template, and takes it away again.

    DeploymentError      something is not as it should be; one line that says what

What counts is whether each resource is there and works, not what CloudFormation says of the stack: LocalStack's reports
success for what failed. A stack bears a tag, and one without it is nobody's to change here. See `tuning.tune` for
timeouts shorter than the template has them.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass, field, fields
from pathlib import Path
from typing import Any, Final

from botocore.exceptions import ClientError

from redrive.fixtures.stacks import AwsClients

from .resources import (
    GONE,
    DeploymentError,
    code_bucket,
    delete_bucket,
    delete_resources,
    error_code,
    not_there_yet,
    put_code,
    refuse_taken,
    wait_until,
)

__all__ = ["TEMPLATE", "Deployment", "DeploymentError", "Parameters", "deploy", "find", "remove"]

TEMPLATE: Final = Path(__file__).with_name("cloudformation") / "template.yaml"

_TAG: Final = {"Key": "redrive", "Value": "deployment"}
_CREATED: Final = frozenset({"CREATE_COMPLETE", "UPDATE_COMPLETE"})
_WITHIN_S: Final = 300.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Parameters:
    """The template's parameters with its defaults, but for one: a table that is deployed here can be removed again."""

    fifo: bool = False
    max_receive_count: int = 5
    message_retention_s: int = 345_600
    batch_size: int = 10
    batching_window_s: int = 0
    maximum_concurrency: int | None = None
    function_timeout_s: int = 30
    function_memory_mb: int = 256
    architecture: str = "arm64"
    business_key_pointer: str = ""
    payload_bucket: str = ""
    reply_queue: str = ""
    log_level: str = "INFO"
    log_retention_days: int = 30
    table_deletion_protection: bool = False
    oldest_message_age_alarm_s: int = 3_600
    alarm_actions: tuple[str, ...] = ()

    def as_template(self) -> dict[str, str]:
        """Values by the template's names."""
        return {_NAMES[each.name]: _text(getattr(self, each.name)) for each in fields(self) if each.name in _NAMES} | {
            "QueueType": "fifo" if self.fifo else "standard"
        }


_NAMES: Final = {
    "max_receive_count": "MaxReceiveCount",
    "message_retention_s": "MessageRetentionSeconds",
    "batch_size": "BatchSize",
    "batching_window_s": "BatchingWindowSeconds",
    "maximum_concurrency": "MaximumConcurrency",
    "function_timeout_s": "FunctionTimeoutSeconds",
    "function_memory_mb": "FunctionMemoryMegabytes",
    "architecture": "Architecture",
    "business_key_pointer": "BusinessKeyPointer",
    "payload_bucket": "PayloadBucket",
    "reply_queue": "ReplyQueue",
    "log_level": "LogLevel",
    "log_retention_days": "LogRetentionDays",
    "table_deletion_protection": "TableDeletionProtection",
    "oldest_message_age_alarm_s": "OldestMessageAgeAlarmSeconds",
    "alarm_actions": "AlarmActions",
}


def _text(value: object) -> str:
    match value:
        case None:
            return ""
        case bool():
            return str(value).lower()
        case tuple():
            return ",".join(value)
        case _:
            return str(value)


@dataclass(frozen=True, slots=True, kw_only=True)
class Deployment:
    """A function behind a queue that is there and works. `table_name` and `bucket` are None where there is none.

    `stack_name` is None for what was made without CloudFormation; then `role_name` is the function's role.
    """

    aws: AwsClients = field(repr=False, compare=False)
    name: str
    region: str
    fifo: bool
    queue_url: str
    queue_arn: str
    dlq_url: str
    dlq_arn: str
    function_name: str
    mapping_uuid: str
    table_name: str | None = None
    bucket: str | None = None
    alarms: tuple[str, ...] = ()
    stack_name: str | None = None
    role_name: str | None = None

    def client(self, service: str, /) -> Any:
        return self.aws.client(service)

    def resource(self, service: str, /) -> Any:
        return self.aws.resource(service)


def deploy(
    aws: AwsClients,
    *,
    name: str,
    code_zip: Path,
    parameters: Parameters | Mapping[str, str] | None = None,
    progress: Callable[[str], object] = lambda _line: None,
    within_s: float = _WITHIN_S,
) -> Deployment:
    """Deploy the stack `name` with the function's zip, or bring the one that is there up to date.

    `parameters` may also be given by the template's names. If it fails, or is interrupted, what it had begun to create
    is removed. Raises DeploymentError.
    """
    deadline_s = time.monotonic() + within_s
    given = parameters.as_template() if isinstance(parameters, Parameters) else dict(parameters or {})
    given = {**Parameters().as_template(), **given}
    cloudformation = aws.client("cloudformation")
    before = _stack(cloudformation, name)
    if before is not None:
        _refuse_foreign(before, name)
        if before["StackStatus"] not in _CREATED:
            progress(f"removing what is left of an earlier {name} ({before['StackStatus']})")
            _delete_stack(aws, name, deadline_s)
            before = None
    if before is None:
        refuse_taken(aws, name, fifo=given["QueueType"] == "fifo")
    bucket = code_bucket(aws, name)
    try:
        code_sha256, key = put_code(aws, bucket, code_zip)
        progress(f"{'updating' if before else 'creating'} the stack {name}")
        request = {
            "StackName": name,
            "TemplateBody": TEMPLATE.read_text(encoding="utf-8"),
            "Parameters": [
                {"ParameterKey": parameter, "ParameterValue": value}
                for parameter, value in {**given, "Name": name, "CodeBucket": bucket, "CodeKey": key}.items()
            ],
            "Capabilities": ["CAPABILITY_IAM"],
            "Tags": [_TAG],
        }
        _apply(cloudformation, request, update=before is not None)
        outputs = _outputs(cloudformation, name, deadline_s)
        deployment = _deployment(aws, name, outputs, bucket=bucket)
        wait_until(lambda: not_there_yet(deployment, code_sha256), deadline_s)
    except BaseException as error:
        if before is None:
            # Whatever comes of it, the error that led here is the one to tell.
            with suppress(DeploymentError, ClientError):
                _remove(aws, name, bucket=bucket, within_s=within_s)
        if isinstance(error, ClientError):
            raise DeploymentError(f"{name} cannot be deployed: {error}") from error
        raise
    progress(f"{name} is deployed: {deployment.function_name} behind {deployment.queue_url}")
    return deployment


def find(aws: AwsClients, name: str) -> Deployment | None:
    """The deployment `name`, if there is one. Raises DeploymentError if a stack of that name is not ours, or broken."""
    stack = _stack(aws.client("cloudformation"), name)
    if stack is None:
        return None
    _refuse_foreign(stack, name)
    outputs = {output["OutputKey"]: output["OutputValue"] for output in stack.get("Outputs", ())}
    return _deployment(aws, name, outputs, bucket=code_bucket(aws, name))


def remove(deployment: Deployment, *, within_s: float = _WITHIN_S) -> None:
    """Delete everything of a deployment, with all that is in it; what is gone already is no error.

    Raises DeploymentError, before anything is deleted, for a table that is protected.
    """
    aws = deployment.aws
    if deployment.table_name is not None:
        _refuse_protected(aws, deployment.table_name)
    if deployment.stack_name is not None:
        _remove(aws, deployment.stack_name, bucket=deployment.bucket, within_s=within_s)
        return
    made: list[tuple[str, str | None]] = [
        ("AWS::Lambda::EventSourceMapping", deployment.mapping_uuid),
        ("AWS::Lambda::Function", deployment.function_name),
        ("AWS::SQS::Queue", deployment.queue_url),
        ("AWS::SQS::Queue", deployment.dlq_url),
        ("AWS::DynamoDB::Table", deployment.table_name),
        ("AWS::Logs::LogGroup", f"/aws/lambda/{deployment.function_name}"),
        ("AWS::IAM::Role", deployment.role_name),
    ]
    delete_resources(aws, [(kind, name) for kind, name in made if name is not None])


def _remove(aws: AwsClients, name: str, *, bucket: str | None, within_s: float) -> None:
    try:
        _delete_stack(aws, name, time.monotonic() + within_s)
    finally:
        if bucket is not None:
            delete_bucket(aws.client("s3"), bucket)


def _refuse_foreign(stack: Mapping[str, Any], name: str) -> None:
    if _TAG not in stack.get("Tags", ()):
        raise DeploymentError(f"there is a stack {name} that was not deployed by redrive: choose another name")


def _refuse_protected(aws: AwsClients, table_name: str) -> None:
    try:
        table = aws.client("dynamodb").describe_table(TableName=table_name)["Table"]
    except ClientError as error:
        if error_code(error) in GONE:
            return
        raise
    if table.get("DeletionProtectionEnabled"):
        raise DeploymentError(f"the table {table_name} is protected: deploy with TableDeletionProtection=false first")


def _apply(cloudformation: Any, request: Mapping[str, Any], *, update: bool) -> None:
    if not update:
        cloudformation.create_stack(**request, OnFailure="DO_NOTHING")
        return
    try:
        cloudformation.update_stack(**request)
    except ClientError as error:
        if "No updates" not in str(error):
            raise


def _stack(cloudformation: Any, name: str) -> dict[str, Any] | None:
    try:
        stacks = cloudformation.describe_stacks(StackName=name)["Stacks"]
    except ClientError as error:
        if error_code(error) == "ValidationError" and "does not exist" in str(error):
            return None
        raise
    found = [stack for stack in stacks if stack["StackStatus"] != "DELETE_COMPLETE"]
    return dict(found[0]) if found else None


def _outputs(cloudformation: Any, name: str, deadline_s: float) -> dict[str, str]:
    last: dict[str, Any] = {}

    def unsettled() -> str | None:
        last.update(_stack(cloudformation, name) or {"StackStatus": "gone"})
        return f"the stack {name} is {last['StackStatus']}" if last["StackStatus"].endswith("_IN_PROGRESS") else None

    wait_until(unsettled, deadline_s)
    if last["StackStatus"] not in _CREATED:
        why = next(_failures(cloudformation, name), "and says no reason")
        raise DeploymentError(f"the stack {name} is {last['StackStatus']}: {why}")
    outputs = {output["OutputKey"]: output["OutputValue"] for output in last.get("Outputs", ())}
    failures = list(_failures(cloudformation, name))
    if failures and "QueueUrl" not in outputs:
        raise DeploymentError(f"the stack {name} is incomplete: {failures[-1]}")
    return outputs


def _failures(cloudformation: Any, name: str) -> Iterator[str]:
    """What went wrong, the latest first."""
    for event in cloudformation.describe_stack_events(StackName=name)["StackEvents"]:
        if event.get("ResourceStatus", "").endswith("_FAILED"):
            yield f"{event['LogicalResourceId']}: {event.get('ResourceStatusReason', 'no reason given')}"


def _deployment(aws: AwsClients, name: str, outputs: Mapping[str, str], *, bucket: str) -> Deployment:
    missing = sorted({"QueueUrl", "QueueArn", "DlqUrl", "DlqArn", "FunctionName", "TableName"} - set(outputs))
    if missing:
        raise DeploymentError(f"the stack {name} has no output {missing[0]}")
    return Deployment(
        aws=aws,
        name=name,
        region=aws.client("sqs").meta.region_name,
        fifo=outputs["QueueArn"].endswith(".fifo"),
        queue_url=outputs["QueueUrl"],
        queue_arn=outputs["QueueArn"],
        dlq_url=outputs["DlqUrl"],
        dlq_arn=outputs["DlqArn"],
        function_name=outputs["FunctionName"],
        mapping_uuid=_mapping_uuid(aws.client("cloudformation"), name),
        table_name=outputs["TableName"],
        bucket=bucket,
        alarms=(f"{name}-dlq-depth", f"{name}-oldest-message-age"),
        stack_name=name,
    )


def _mapping_uuid(cloudformation: Any, name: str) -> str:
    for resource in cloudformation.describe_stack_resources(StackName=name)["StackResources"]:
        if resource.get("ResourceType") == "AWS::Lambda::EventSourceMapping" and resource.get("PhysicalResourceId"):
            uuid: str = resource["PhysicalResourceId"]
            return uuid
    raise DeploymentError(f"the stack {name} has no event source mapping")


def _delete_stack(aws: AwsClients, name: str, deadline_s: float) -> None:
    cloudformation = aws.client("cloudformation")
    if _stack(cloudformation, name) is None:
        return
    created = [
        (resource.get("ResourceType", ""), resource["PhysicalResourceId"])
        for resource in cloudformation.describe_stack_resources(StackName=name)["StackResources"]
        # What could not be created may be somebody else's, of the same name.
        if resource.get("PhysicalResourceId") and resource["ResourceStatus"] != "CREATE_FAILED"
    ]
    cloudformation.delete_stack(StackName=name)
    failed: list[str] = []

    def still_there() -> str | None:
        stack = _stack(cloudformation, name)
        if stack is None:
            return None
        if stack["StackStatus"] == "DELETE_FAILED":
            failed.append(next(_failures(cloudformation, name), "it says no reason"))
            return None
        return f"the stack {name} is {stack['StackStatus']}"

    wait_until(still_there, deadline_s)
    if failed:
        raise DeploymentError(f"the stack {name} cannot be deleted: {failed[0]}")
    # What the stack should have taken with it. LocalStack's does not always, and says that it did.
    delete_resources(aws, created)
