"""The stack that a verification on AWS needs for itself, as a value: what is created, and how it is known."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

__all__ = ["CREATED_BY", "RUN_TAG", "TAG", "Resource", "StackPlan", "is_created_by_redrive", "plan_stack"]

TAG: Final = "redrive:created-by"
"""The tag by which what redrive created is recognised, with :data:`CREATED_BY` for its value."""
CREATED_BY: Final = "redrive verify"
RUN_TAG: Final = "redrive:run"
"""The tag with the run's id: only what has it is removed after the run."""

_STANDARD: Final = {"QueueType": "standard", "BatchingWindowSeconds": "1"}
_FIFO: Final = {"QueueType": "fifo", "BatchingWindowSeconds": "0"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Resource:
    """Something to be created: its CloudFormation type, and its name. A name that AWS makes up is a pattern."""

    type: str
    name: str


@dataclass(frozen=True, slots=True, kw_only=True)
class StackPlan:
    """What is to be created, and where. ``parameters`` are the template's, but for the code's place."""

    name: str
    account: str
    region: str
    fifo: bool
    parameters: Mapping[str, str]
    tags: Mapping[str, str]
    function_timeout_s: int
    visibility_timeout_s: int

    @property
    def bucket(self) -> str:
        """The bucket for the function's zip. The account's number makes the name its own."""
        return f"{self.name}-code-{self.account}"

    @property
    def queue_name(self) -> str:
        """The queue's name."""
        return f"{self.name}.fifo" if self.fifo else self.name

    @property
    def dlq_name(self) -> str:
        """The dead-letter queue's name."""
        return f"{self.name}-dlq.fifo" if self.fifo else f"{self.name}-dlq"

    @property
    def function(self) -> str:
        """The function's name."""
        return f"{self.name}-consumer"

    @property
    def table(self) -> str:
        """The name of the table with ledger and effects."""
        return f"{self.name}-ledger"

    @property
    def log_group(self) -> str:
        """The name of the function's log group."""
        return f"/aws/lambda/{self.function}"

    @property
    def resources(self) -> tuple[Resource, ...]:
        """All that is created, in order: the bucket and the stack by redrive, the rest by CloudFormation."""
        return (
            Resource(type="AWS::S3::Bucket", name=self.bucket),
            Resource(type="AWS::CloudFormation::Stack", name=self.name),
            Resource(type="AWS::SQS::Queue", name=self.dlq_name),
            Resource(type="AWS::SQS::Queue", name=self.queue_name),
            Resource(type="AWS::DynamoDB::Table", name=self.table),
            Resource(type="AWS::Logs::LogGroup", name=self.log_group),
            Resource(type="AWS::IAM::Role", name=f"{self.name}-FunctionRole-*"),
            Resource(type="AWS::IAM::Policy", name="consumer"),
            Resource(type="AWS::Lambda::Function", name=self.function),
            Resource(type="AWS::Lambda::EventSourceMapping", name=f"of {self.queue_name} to {self.function}"),
            Resource(type="AWS::CloudWatch::Alarm", name=f"{self.name}-dlq-depth"),
            Resource(type="AWS::CloudWatch::Alarm", name=f"{self.name}-oldest-message-age"),
        )


def plan_stack(
    run_id: str,
    *,
    account: str,
    region: str,
    fifo: bool,
    batch_size: int,
    max_receive_count: int,
    function_timeout_s: int,
    visibility_timeout_s: int,
    architecture: str = "arm64",
    business_key_pointer: str = "",
) -> StackPlan:
    """The plan of a run's stack. ``run_id`` is of lower-case letters and digits, 20 at most."""
    if not (run_id.isascii() and run_id.isalnum() and run_id == run_id.lower() and len(run_id) <= 20):
        raise ValueError(f"not a run id: {run_id!r}")
    parameters = {
        **(_FIFO if fifo else _STANDARD),
        "MaxReceiveCount": str(max_receive_count),
        "BatchSize": str(batch_size),
        # The fewest that there can be: so more of the messages come together.
        "MaximumConcurrency": "2",
        "FunctionTimeoutSeconds": "10",
        "Architecture": architecture,
        "BusinessKeyPointer": business_key_pointer,
        "LogRetentionDays": "1",
        "TableDeletionProtection": "false",
    }
    return StackPlan(
        name=f"redrive-{run_id}{'-fifo' if fifo else ''}",
        account=account,
        region=region,
        fifo=fifo,
        parameters=parameters,
        tags={TAG: CREATED_BY, RUN_TAG: run_id},
        function_timeout_s=function_timeout_s,
        visibility_timeout_s=visibility_timeout_s,
    )


def is_created_by_redrive(sqs: Any, queue_url: str) -> bool:
    """Whether the queue has redrive's tag. ``sqs`` is a boto3 client."""
    tags = sqs.list_queue_tags(QueueUrl=queue_url).get("Tags", {})
    return bool(tags.get(TAG) == CREATED_BY)
