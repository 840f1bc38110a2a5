"""The stack that a verification on AWS needs for itself, created and removed again.

All of it is named ``redrive-<run id>…`` and tagged as redrive's. A bucket holds the function's zip; the rest is the
CloudFormation template's. :func:`deployed` removes what was created whatever happens meanwhile, and says what it could
not remove. Nothing here waits longer than its deadlines.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

from botocore.exceptions import BotoCoreError, ClientError, WaiterError

from redrive.fixtures.stacks import AwsClients

from .aws_plan import RUN_TAG, Resource, StackPlan
from .deployment import TEMPLATE
from .resources import delete_bucket, error_code

__all__ = ["Deployed", "Leftover", "StackFailed", "deployed"]

_CODE_KEY: Final = "function.zip"
_WAIT: Final = {"Delay": 5, "MaxAttempts": 120}
_SHORT_WAIT: Final = {"Delay": 2, "MaxAttempts": 60}

Progress = Callable[[str], object]


class StackFailed(Exception):
    """The stack could not be created. The message is one line."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Deployed:
    """A stack that is there."""

    plan: StackPlan
    queue_url: str
    dlq_url: str
    table: str
    function: str
    log_group: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Leftover:
    """Something that could not be removed, why, and the commands that remove it."""

    resource: Resource
    reason: str
    commands: tuple[str, ...]


@contextmanager
def deployed(
    aws: AwsClients,
    plan: StackPlan,
    code_zip: Path,
    *,
    handler: str,
    variables: Mapping[str, str],
    progress: Progress = lambda _: None,
    on_left: Callable[[Sequence[Leftover]], object],
) -> Iterator[Deployed]:
    """The planned stack, for as long as it lasts: also a Ctrl-C in the middle of its creation has it removed.

    The function's handler is ``handler``, and it gets ``variables`` besides those of the template. ``on_left`` is told
    what could not be removed; that is also what a second Ctrl-C amid the removal leaves. Raises :class:`StackFailed`.
    """
    removal = _Removal(aws=aws, plan=plan, progress=progress)
    try:
        try:
            stack = _create(aws, plan, code_zip, handler, variables, removal, progress)
        except (ClientError, BotoCoreError) as error:
            raise StackFailed(f"{plan.name} cannot be created: {_one_line(error)}") from error
        yield stack
    finally:
        try:
            removal.run()
        finally:
            if removal.left:
                on_left(tuple(removal.left))


def _create(
    aws: AwsClients,
    plan: StackPlan,
    code_zip: Path,
    handler: str,
    variables: Mapping[str, str],
    removal: _Removal,
    progress: Progress,
) -> Deployed:
    s3, cloudformation = aws.client("s3"), aws.client("cloudformation")
    # What is there already is somebody's, and would be removed as if it had been created here.
    if _described(cloudformation, plan.name) is not None:
        raise StackFailed(f"there is a stack {plan.name} already")
    if _is_there(s3, plan.bucket):
        raise StackFailed(f"there is a bucket {plan.bucket} already")
    progress(f"creating the bucket {plan.bucket}")
    # Planned before it is done: what is interrupted amid a call may have been created.
    removal.add_bucket()
    place = {} if plan.region == "us-east-1" else {"CreateBucketConfiguration": {"LocationConstraint": plan.region}}
    s3.create_bucket(Bucket=plan.bucket, **place)
    s3.put_bucket_tagging(Bucket=plan.bucket, Tagging={"TagSet": _tag_list(plan)})
    s3.put_object(Bucket=plan.bucket, Key=_CODE_KEY, Body=code_zip.read_bytes())
    progress(f"creating the stack {plan.name}, which takes some minutes")
    removal.add_stack()
    given = {**plan.parameters, "Name": plan.name, "CodeBucket": plan.bucket, "CodeKey": _CODE_KEY}
    cloudformation.create_stack(
        StackName=plan.name,
        TemplateBody=TEMPLATE.read_text(encoding="utf-8"),
        Parameters=[{"ParameterKey": key, "ParameterValue": value} for key, value in given.items()],
        Capabilities=["CAPABILITY_IAM"],
        Tags=_tag_list(plan),
    )
    try:
        cloudformation.get_waiter("stack_create_complete").wait(StackName=plan.name, WaiterConfig=_WAIT)
    except BotoCoreError as error:
        raise StackFailed(
            f"{plan.name} cannot be created: {_why(cloudformation, plan.name) or _one_line(error)}"
        ) from error
    stack = _outputs(cloudformation, plan)
    _tune(aws, stack, handler, variables, progress)
    return stack


def _described(cloudformation: Any, name: str) -> tuple[str, dict[str, str]] | None:
    """The status and the tags of a stack, None if there is no such stack."""
    try:
        (stack,) = cloudformation.describe_stacks(StackName=name)["Stacks"]
    except ClientError as error:
        # Its code for every input that it does not like.
        if error_code(error) == "ValidationError" and "does not exist" in str(error):
            return None
        raise
    return stack["StackStatus"], {tag["Key"]: tag["Value"] for tag in stack.get("Tags", ())}


def _is_there(s3: Any, bucket: str) -> bool:
    try:
        s3.head_bucket(Bucket=bucket)
    except ClientError as error:
        if error_code(error) in {"404", "NoSuchBucket"}:
            return False
        raise
    return True


def _outputs(cloudformation: Any, plan: StackPlan) -> Deployed:
    (stack,) = cloudformation.describe_stacks(StackName=plan.name)["Stacks"]
    found = {output["OutputKey"]: output["OutputValue"] for output in stack.get("Outputs", ())}
    try:
        return Deployed(
            plan=plan,
            queue_url=found["QueueUrl"],
            dlq_url=found["DlqUrl"],
            table=found["TableName"],
            function=found["FunctionName"],
            log_group=found["LogGroupName"],
        )
    except KeyError as error:
        raise StackFailed(f"{plan.name} was created without its output {error.args[0]}") from error


def _tune(aws: AwsClients, stack: Deployed, handler: str, variables: Mapping[str, str], progress: Progress) -> None:
    """What verification needs otherwise than operation does: short timeouts, and the journal around the handler."""
    plan = stack.plan
    progress(f"setting up {stack.function} for the run")
    sqs, functions = aws.client("sqs"), aws.client("lambda")
    before = functions.get_function_configuration(FunctionName=stack.function)
    functions.update_function_configuration(
        FunctionName=stack.function,
        Handler=handler,
        Timeout=plan.function_timeout_s,
        Environment={"Variables": {**before.get("Environment", {}).get("Variables", {}), **variables}},
    )
    functions.get_waiter("function_updated_v2").wait(FunctionName=stack.function, WaiterConfig=_SHORT_WAIT)
    # After the function's timeout, which must not be above it (E04).
    sqs.set_queue_attributes(QueueUrl=stack.queue_url, Attributes={"VisibilityTimeout": str(plan.visibility_timeout_s)})
    # CloudFormation hands its tags on; that a queue is redrive's must not hang on that.
    for url in (stack.queue_url, stack.dlq_url):
        sqs.tag_queue(QueueUrl=url, Tags=dict(plan.tags))


def _why(cloudformation: Any, name: str) -> str | None:
    """The first resource that failed, and AWS's reason."""
    try:
        pages = cloudformation.get_paginator("describe_stack_events").paginate(StackName=name)
        failed = [
            event
            for page in pages
            for event in page["StackEvents"]
            if event.get("ResourceStatus", "").endswith("_FAILED") and "ResourceStatusReason" in event
        ]
    except (ClientError, BotoCoreError):
        return None
    # The newest come first.
    return f"{failed[-1]['LogicalResourceId']}: {failed[-1]['ResourceStatusReason']}" if failed else None


@dataclass(slots=True, kw_only=True)
class _Removal:
    """What is to be removed, last created first. A step that fails keeps none of the others from being tried."""

    aws: AwsClients
    plan: StackPlan
    progress: Progress
    left: list[Leftover] = field(default_factory=list)
    _steps: ExitStack = field(default_factory=ExitStack)

    def add_bucket(self) -> None:
        """The bucket may be there from now on."""
        bucket = self.plan.bucket
        command = f"aws s3 rb s3://{bucket} --force --region {self.plan.region}"
        self._add(Resource(type="AWS::S3::Bucket", name=bucket), self._remove_bucket, (command,))

    def add_stack(self) -> None:
        """The stack may be there from now on."""
        name = self.plan.name
        commands = (
            f"aws cloudformation delete-stack --stack-name {name} --region {self.plan.region}",
            f"aws cloudformation wait stack-delete-complete --stack-name {name} --region {self.plan.region}",
        )
        self._add(Resource(type="AWS::CloudFormation::Stack", name=name), self._remove_stack, commands)

    def run(self) -> None:
        """Remove all that was added."""
        self._steps.close()

    def _add(self, resource: Resource, step: Callable[[], object], commands: tuple[str, ...]) -> None:
        def remove() -> None:
            leftover = Leftover(resource=resource, reason="the removal was interrupted", commands=commands)
            self.left.append(leftover)
            self.progress(f"removing {resource.name}")
            try:
                step()
            except (ClientError, BotoCoreError) as error:
                self.left[-1] = Leftover(resource=resource, reason=_one_line(error), commands=commands)
                return
            self.left.remove(leftover)

        self._steps.callback(remove)

    def _remove_stack(self) -> None:
        cloudformation = self.aws.client("cloudformation")
        status, tags = _described(cloudformation, self.plan.name) or ("", {})
        if tags.get(RUN_TAG) != self.plan.tags[RUN_TAG]:
            # It never came to be, or it came from elsewhere in the meantime.
            return
        if status.endswith("_IN_PROGRESS"):
            # What is still being created when the stack is deleted might stay.
            self.progress(f"waiting for {self.plan.name}, which is {status}, to be removable")
            with suppress(WaiterError):
                cloudformation.get_waiter("stack_create_complete").wait(StackName=self.plan.name, WaiterConfig=_WAIT)
        cloudformation.delete_stack(StackName=self.plan.name)
        cloudformation.get_waiter("stack_delete_complete").wait(StackName=self.plan.name, WaiterConfig=_WAIT)

    def _remove_bucket(self) -> None:
        delete_bucket(self.aws.client("s3"), self.plan.bucket)


def _tag_list(plan: StackPlan) -> list[dict[str, str]]:
    return [{"Key": key, "Value": value} for key, value in plan.tags.items()]


def _one_line(error: BaseException) -> str:
    return " ".join(str(error).split())
