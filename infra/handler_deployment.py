"""Any Python handler on LocalStack: the zip of its code, and the function with queue, DLQ and mapping, by the APIs.

For LocalStack only: its role allows nothing, and LocalStack does not ask. On AWS a handler has a stack of its own.
"""

from __future__ import annotations

import json
import sys
import time
import zipfile
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from botocore.exceptions import ClientError

from redrive.fixtures.runtimes.in_process import HandlerSource
from redrive.fixtures.stacks import AwsClients

from .deployment import Deployment
from .resources import DeploymentError, delete_resources, function_problem, not_there_yet, refuse_taken, wait_until

__all__ = ["HandlerSettings", "deploy_handler", "zip_handler"]

_WITHIN_S: Final = 120.0
_FILES_MAX: Final = 2_000
_LEFT_OUT: Final = frozenset({"__pycache__"})
_TRUST: Final = {
    "Version": "2012-10-17",
    "Statement": [{"Effect": "Allow", "Action": "sts:AssumeRole", "Principal": {"Service": "lambda.amazonaws.com"}}],
}


@dataclass(frozen=True, slots=True, kw_only=True)
class HandlerSettings:
    """The queue, the mapping and the function."""

    fifo: bool
    visibility_timeout_s: int
    max_receive_count: int
    batch_size: int
    batching_window_s: int
    function_timeout_s: int
    report_batch_item_failures: bool


def zip_handler(output: Path, source: HandlerSource) -> str:
    """Write a zip with the handler's own code; returns the handler as Lambda names it.

    A handler in a package comes with all of that, in a lone file with the modules and packages beside it. What is
    installed is not in the zip: the function's interpreter has to have it. Raises DeploymentError.
    """
    if "." in source.attribute:
        raise DeploymentError(f"{source.attribute!r} is not at the top of its module, where Lambda looks for a handler")
    if source.own is None:
        raise DeploymentError(f"{source.module} is installed, and not somebody's own code to be put into a zip")
    *above, root = source.root.split(".")
    folder = source.own / root
    files = _package(folder) if (folder / "__init__.py").is_file() else _beside(source.own)
    listed = sorted(files)
    if len(listed) > _FILES_MAX:
        raise DeploymentError(f"more than {_FILES_MAX} files beside {source.module}: give it a folder of its own")
    with zipfile.ZipFile(output, "w", zipfile.ZIP_DEFLATED) as archive:
        for path in listed:
            archive.write(path, "/".join([*above, *path.relative_to(source.own).parts]))
    return f"{source.module}.{source.attribute}"


def _package(folder: Path) -> Iterator[Path]:
    """Every file of a package: it may read its own data."""
    for path in folder.rglob("*"):
        if path.is_file() and not _LEFT_OUT.intersection(path.parts):
            yield path


def _beside(folder: Path) -> Iterator[Path]:
    yield from folder.glob("*.py")
    for init in folder.glob("*/__init__.py"):
        yield from _package(init.parent)


def deploy_handler(
    aws: AwsClients,
    *,
    name: str,
    code_zip: Path,
    handler: str,
    environment: Mapping[str, str],
    settings: HandlerSettings,
    progress: Callable[[str], object] = lambda _line: None,
    within_s: float = _WITHIN_S,
) -> Deployment:
    """Create the function `name-consumer` behind the queue `name`; `deployment.remove` takes it away again.

    If it fails, or is interrupted, what it had created is removed. Raises DeploymentError.
    """
    deadline_s = time.monotonic() + within_s
    refuse_taken(aws, name, fifo=settings.fifo)
    progress(f"creating {name}-consumer behind a queue")
    with ExitStack() as undo:
        try:
            made = _Creation(aws, name, undo)
            dlq_url, dlq_arn = made.queue(f"{name}-dlq", settings.fifo, {})
            redrive_policy = {"deadLetterTargetArn": dlq_arn, "maxReceiveCount": settings.max_receive_count}
            attributes = {
                "VisibilityTimeout": str(settings.visibility_timeout_s),
                "RedrivePolicy": json.dumps(redrive_policy),
            }
            queue_url, queue_arn = made.queue(name, settings.fifo, attributes)
            role_name, role_arn = made.role()
            made.function(code_zip, handler, environment, settings, role_arn)
            wait_until(lambda: function_problem(aws, f"{name}-consumer"), deadline_s)
            mapping_uuid = made.mapping(queue_arn, settings)
            deployment = Deployment(
                aws=aws,
                name=name,
                region=aws.client("sqs").meta.region_name,
                fifo=settings.fifo,
                queue_url=queue_url,
                queue_arn=queue_arn,
                dlq_url=dlq_url,
                dlq_arn=dlq_arn,
                function_name=f"{name}-consumer",
                mapping_uuid=mapping_uuid,
                role_name=role_name,
            )
            wait_until(lambda: not_there_yet(deployment), deadline_s)
        except ClientError as error:
            raise DeploymentError(f"{name} cannot be deployed: {error}") from error
        undo.pop_all()
    progress(f"{name} is deployed: {deployment.function_name} behind {deployment.queue_url}")
    return deployment


@dataclass(frozen=True, slots=True)
class _Creation:
    """Creates one thing after the other, and notes how each is undone."""

    aws: AwsClients
    name: str
    undo: ExitStack

    def _undone_by(self, kind: str, name: str) -> None:
        self.undo.callback(delete_resources, self.aws, [(kind, name)])

    def queue(self, queue_name: str, fifo: bool, attributes: dict[str, str]) -> tuple[str, str]:
        sqs = self.aws.client("sqs")
        if fifo:
            queue_name += ".fifo"
            attributes = {**attributes, "FifoQueue": "true", "ContentBasedDeduplication": "true"}
        url: str = sqs.create_queue(QueueName=queue_name, Attributes=attributes)["QueueUrl"]
        self._undone_by("AWS::SQS::Queue", url)
        found = sqs.get_queue_attributes(QueueUrl=url, AttributeNames=["QueueArn"])
        return url, found["Attributes"]["QueueArn"]

    def role(self) -> tuple[str, str]:
        role_name = f"{self.name}-consumer"
        role = self.aws.client("iam").create_role(RoleName=role_name, AssumeRolePolicyDocument=json.dumps(_TRUST))
        self._undone_by("AWS::IAM::Role", role_name)
        return role_name, role["Role"]["Arn"]

    def function(
        self, code_zip: Path, handler: str, environment: Mapping[str, str], settings: HandlerSettings, role_arn: str
    ) -> None:
        self.aws.client("lambda").create_function(
            FunctionName=f"{self.name}-consumer",
            Runtime=f"python{sys.version_info.major}.{sys.version_info.minor}",
            Role=role_arn,
            Handler=handler,
            Code={"ZipFile": code_zip.read_bytes()},
            Timeout=settings.function_timeout_s,
            Environment={"Variables": dict(environment)},
        )
        self._undone_by("AWS::Lambda::Function", f"{self.name}-consumer")

    def mapping(self, queue_arn: str, settings: HandlerSettings) -> str:
        options: dict[str, Any] = (
            {} if settings.fifo else {"MaximumBatchingWindowInSeconds": settings.batching_window_s}
        )
        if settings.report_batch_item_failures:
            options["FunctionResponseTypes"] = ["ReportBatchItemFailures"]
        uuid: str = self.aws.client("lambda").create_event_source_mapping(
            EventSourceArn=queue_arn,
            FunctionName=f"{self.name}-consumer",
            BatchSize=settings.batch_size,
            **options,
        )["UUID"]
        self._undone_by("AWS::Lambda::EventSourceMapping", uuid)
        return uuid
