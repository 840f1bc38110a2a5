"""A queue on AWS with the function behind it: what there is, and how much of it can be seen."""

import json
from dataclasses import dataclass, replace
from typing import Any, Final

from botocore.exceptions import BotoCoreError, ClientError

from redrive.infra.aws_plan import is_created_by_redrive
from redrive.infra.aws_stack import Deployed
from redrive.infra.journal_handler import BATCH_SIZE_MAX, HANDLER

from ..consumer import Aws, QueueSpec
from ..errors import EnvironmentFailed, one_line
from .aws_log import FunctionLog
from .live_queue import LiveQueue

__all__ = ["Site", "site_of_queue", "site_of_stack"]

_WAITING: Final = (
    "ApproximateNumberOfMessages",
    "ApproximateNumberOfMessagesNotVisible",
    "ApproximateNumberOfMessagesDelayed",
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Site:
    """Where plans are run: the queue, its configuration, and the function's log where it has a journal.

    ``is_own`` says that redrive created the queue, so that it may be purged. ``unseen`` is the reason why invocations
    cannot be seen, None if they can.
    """

    queue: LiveQueue
    spec: QueueSpec
    is_own: bool
    log: FunctionLog | None = None
    function: str | None = None
    unseen: str | None = None

    def waiting(self) -> int:
        """How many messages are in the queue, roughly, in flight and delayed ones included."""
        attributes = self.queue.client.get_queue_attributes(QueueUrl=self.queue.url, AttributeNames=list(_WAITING))
        return sum(int(attributes["Attributes"][name]) for name in _WAITING)


def site_of_stack(aws: Aws, stack: Deployed, *, since_ms: int) -> Site:
    """The stack that redrive has created. Raises :class:`EnvironmentFailed` if its queue is not marked as redrive's."""
    sqs = aws.client("sqs")
    if not is_created_by_redrive(sqs, stack.queue_url):
        raise EnvironmentFailed(
            f"{stack.queue_url} was not created by redrive: to verify what is there, give --queue-url"
        )
    return _site(aws, stack.queue_url, is_own=True, since_ms=since_ms)


def site_of_queue(aws: Aws, queue_url: str, *, since_ms: int) -> Site:
    """A queue that is there already, with what is behind it; nothing of it is changed.

    Raises :class:`EnvironmentFailed` if there is no such queue, or it is in use.
    """
    try:
        # Not purged, even if it is a left-over of redrive's own: it was named, so it is somebody's.
        site = _site(aws, queue_url, is_own=False, since_ms=since_ms)
        waiting = site.waiting()
    except (ClientError, BotoCoreError) as error:
        raise EnvironmentFailed(f"{queue_url} cannot be used: {one_line(error)}") from error
    if waiting:
        raise EnvironmentFailed(
            f"{queue_url} has about {waiting} messages: a queue that is used meanwhile cannot be judged, and nothing "
            "was sent"
        )
    return site


def _site(aws: Aws, queue_url: str, *, is_own: bool, since_ms: int) -> Site:
    sqs = aws.client("sqs")
    attributes = sqs.get_queue_attributes(QueueUrl=queue_url, AttributeNames=["All"])["Attributes"]
    policy = json.loads(attributes.get("RedrivePolicy", "{}"))
    dlq_arn: str | None = policy.get("deadLetterTargetArn")
    queue = LiveQueue(
        client=sqs,
        url=queue_url,
        arn=attributes["QueueArn"],
        fifo=attributes["QueueArn"].endswith(".fifo"),
        visibility_timeout_s=int(attributes["VisibilityTimeout"]),
        dlq_url=None if dlq_arn is None else _url_of(sqs, dlq_arn),
        dlq_arn=dlq_arn,
    )
    count = policy.get("maxReceiveCount")
    spec = QueueSpec(
        fifo=queue.fifo,
        visibility_timeout_s=queue.visibility_timeout_s,
        max_receive_count=None if count is None else int(count),
    )
    return _with_function(aws, Site(queue=queue, spec=spec, is_own=is_own), since_ms=since_ms)


def _url_of(sqs: Any, arn: str) -> str:
    account, name = arn.split(":")[-2:]
    url: str = sqs.get_queue_url(QueueName=name, QueueOwnerAWSAccountId=account)["QueueUrl"]
    return url


def _with_function(aws: Aws, site: Site, *, since_ms: int) -> Site:
    """What is known of the mapping and the function, and whether it keeps a journal."""
    functions = aws.client("lambda")
    try:
        found = functions.list_event_source_mappings(EventSourceArn=site.queue.arn)["EventSourceMappings"]
        if len(found) != 1:
            return _unseen(site, f"the queue has {len(found)} event source mappings, and one is needed")
        (mapping,) = found
        function = functions.get_function_configuration(FunctionName=mapping["FunctionArn"])
    except (ClientError, BotoCoreError) as error:
        return _unseen(site, f"the function behind the queue cannot be looked at: {one_line(error)}")
    spec = replace(
        site.spec,
        batch_size=mapping.get("BatchSize", 10),
        batching_window_s=mapping.get("MaximumBatchingWindowInSeconds", 0),
        function_timeout_s=function["Timeout"],
        report_batch_item_failures="ReportBatchItemFailures" in mapping.get("FunctionResponseTypes", ()),
    )
    name = function["FunctionName"]
    known = replace(site, spec=spec, function=name)
    if function.get("Handler", "").rpartition("/")[2] != HANDLER:
        return _unseen(known, f"the function {name} keeps no journal (its handler is not {HANDLER})")
    if spec.batch_size > BATCH_SIZE_MAX:
        return _unseen(known, f"batches of up to {spec.batch_size} messages are too large for a journal")
    group = function.get("LoggingConfig", {}).get("LogGroup") or f"/aws/lambda/{name}"
    log = FunctionLog(aws.client("logs"), group, since_ms=since_ms)
    return replace(known, log=log)


def _unseen(site: Site, reason: str) -> Site:
    return replace(site, unseen=reason)
