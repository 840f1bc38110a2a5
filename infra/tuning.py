"""Changes a deployment through the services' own APIs, to what the template does not offer: timeouts of seconds.

For tests, where nobody wants to wait a minute for a message to come back. The template's rules are not asked: what is
left of them is that a visibility timeout is never shorter than the function's (E04).
"""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Mapping
from typing import Any, Final

from botocore.exceptions import ClientError

from .deployment import Deployment
from .resources import DeploymentError, function_problem, mapping_problem, wait_until

__all__ = ["tune"]

_WITHIN_S: Final = 60.0
_OF_AN_ALARM: Final = frozenset(
    {
        *("AlarmName", "AlarmDescription", "ActionsEnabled", "OKActions", "AlarmActions", "InsufficientDataActions"),
        *("MetricName", "Namespace", "Statistic", "Dimensions", "Period", "EvaluationPeriods", "DatapointsToAlarm"),
        *("Threshold", "ComparisonOperator", "TreatMissingData"),
    }
)


def tune(
    deployment: Deployment,
    *,
    visibility_timeout_s: int | None = None,
    max_receive_count: int | None = None,
    function_timeout_s: int | None = None,
    environment: Mapping[str, str | None] | None = None,
    batch_size: int | None = None,
    batching_window_s: int | None = None,
    alarm_period_s: int | None = None,
    within_s: float = _WITHIN_S,
) -> None:
    """Change what is given, and wait until it has been taken up. `environment` is added to the function's variables;
    None takes one away.

    Raises DeploymentError. What was changed before stays changed. An alarm's period of less than 60 s is for
    LocalStack: AWS has no metrics of SQS that are as fine.
    """
    deadline_s = time.monotonic() + within_s
    function = _given(Timeout=function_timeout_s)
    if environment is not None:
        function["Environment"] = {"Variables": _variables(deployment, environment)}
    mapping = _given(BatchSize=batch_size, MaximumBatchingWindowInSeconds=batching_window_s)
    queue: dict[str, str] = {}
    if visibility_timeout_s is not None:
        queue["VisibilityTimeout"] = str(visibility_timeout_s)
    if max_receive_count is not None:
        policy = {"deadLetterTargetArn": deployment.dlq_arn, "maxReceiveCount": max_receive_count}
        queue["RedrivePolicy"] = json.dumps(policy)
    steps: list[Callable[[], None]] = [
        lambda: _change_queue(deployment, queue),
        lambda: _change_function(deployment, function, deadline_s),
    ]
    if visibility_timeout_s is not None and visibility_timeout_s < _visibility_timeout_s(deployment):
        steps.reverse()  # at no time is the function's timeout the longer one (E04)
    try:
        for step in steps:
            step()
        _change_mapping(deployment, mapping, deadline_s)
        if alarm_period_s is not None:
            _change_alarms(deployment, alarm_period_s)
    except ClientError as error:
        raise DeploymentError(f"{deployment.name} cannot be changed: {error}") from error


def _given(**values: Any) -> dict[str, Any]:
    return {name: value for name, value in values.items() if value is not None}


def _visibility_timeout_s(deployment: Deployment) -> int:
    sqs = deployment.client("sqs")
    found = sqs.get_queue_attributes(QueueUrl=deployment.queue_url, AttributeNames=["VisibilityTimeout"])
    return int(found["Attributes"]["VisibilityTimeout"])


def _variables(deployment: Deployment, changes: Mapping[str, str | None]) -> dict[str, str]:
    found = deployment.client("lambda").get_function_configuration(FunctionName=deployment.function_name)
    variables = {**found.get("Environment", {}).get("Variables", {}), **changes}
    return {name: value for name, value in variables.items() if value is not None}


def _change_queue(deployment: Deployment, attributes: Mapping[str, str]) -> None:
    if attributes:
        deployment.client("sqs").set_queue_attributes(QueueUrl=deployment.queue_url, Attributes=dict(attributes))


def _change_function(deployment: Deployment, changes: Mapping[str, Any], deadline_s: float) -> None:
    if changes:
        functions = deployment.client("lambda")
        functions.update_function_configuration(FunctionName=deployment.function_name, **changes)
        wait_until(lambda: function_problem(deployment.aws, deployment.function_name), deadline_s)


def _change_mapping(deployment: Deployment, changes: Mapping[str, Any], deadline_s: float) -> None:
    if changes:
        deployment.client("lambda").update_event_source_mapping(UUID=deployment.mapping_uuid, **changes)
        wait_until(lambda: mapping_problem(deployment.aws, deployment), deadline_s)


def _change_alarms(deployment: Deployment, period_s: int) -> None:
    cloudwatch = deployment.client("cloudwatch")
    for alarm in cloudwatch.describe_alarms(AlarmNames=list(deployment.alarms))["MetricAlarms"]:
        kept = {name: value for name, value in alarm.items() if name in _OF_AN_ALARM}
        cloudwatch.put_metric_alarm(**{**kept, "Period": period_s})
