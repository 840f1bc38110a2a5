"""What a verification on AWS does, on LocalStack: deployed, run, read from the function's log, and removed."""

from dataclasses import replace
from functools import partial

import pytest

from redrive.infra.journal_package import build_journalled
from redrive.scenarios.aws_verification import plan_on_queue, plan_on_stack, running
from redrive.scenarios.environments.aws_account import Account
from redrive.scenarios.judgement import Verdict
from redrive.scenarios.scheduling import verify
from redrive.scenarios.target import REFERENCE, load_target
from redrive.simulator import trace


@pytest.fixture
def aws_account(localstack_aws, account):
    return Account(account=account, arn=f"arn:aws:iam::{account}:root", region="us-east-1", aws=localstack_aws)


@pytest.fixture
def deploy():
    """Deploys as for a verification; protobuf is there where LocalStack runs functions."""
    return partial(running, progress=print, build=partial(build_journalled, with_dependencies=False))


def quick(planned):
    """The same with a shorter visibility timeout: functions start sooner here than on AWS."""
    return replace(planned, stacks=tuple(replace(stack, visibility_timeout_s=6) for stack in planned.stacks))


def ask(planned, environment):
    """The verdicts by scenario, and the histories of all runs."""
    histories = []
    inner = environment.run

    def run(*given, **named):
        histories.append(inner(*given, **named))
        return histories[-1]

    environment.run = run
    place = replace(planned.place, made=environment)
    report = verify(planned.target, jobs=planned.jobs, examples=planned.examples, place=place)
    return {result.name: (result.verdict, result.reason) for result in report.scenarios}, histories


def test_the_journal_tells_deliveries_retries_and_the_way_to_the_dlq(aws_account, deploy):
    planned = quick(plan_on_stack(load_target(REFERENCE), aws_account, ("happy-path", "poison-to-dlq"), examples=1))
    left = []
    with deploy(planned, on_left=left.extend) as environment:
        verdicts, histories = ask(planned, environment)
    assert verdicts == {"happy-path": (Verdict.HOLDS, None), "poison-to-dlq": (Verdict.HOLDS, None)}
    poison = [fate for history in histories for fate in history.fates if fate.dead_lettered_after is not None]
    assert poison
    for fate in poison:
        assert [delivery.receive_count for delivery in fate.deliveries] == [1, 2, 3]
        assert fate.dead_lettered_after == 3
    began = [event for history in histories for event in history.events if isinstance(event, trace.Began)]
    assert [event.cold for event in began].count(True) >= 1
    assert left == []
    client = aws_account.aws.client
    assert client("sqs").list_queues().get("QueueUrls", []) == []
    assert client("s3").list_buckets()["Buckets"] == []
    assert client("dynamodb").list_tables()["TableNames"] == []


def test_a_queue_that_is_there_is_verified_without_creating_anything(aws_account, deploy):
    reference = load_target(REFERENCE)
    stack = quick(plan_on_stack(reference, aws_account, ("happy-path",), examples=1))
    with deploy(stack, on_left=[].extend):
        sqs = aws_account.aws.client("sqs")
        url = sqs.get_queue_url(QueueName=stack.stacks[0].queue_name)["QueueUrl"]
        planned = plan_on_queue(stack.target, aws_account, ("happy-path",), queue_url=url, examples=1)
        assert planned.site is not None
        assert planned.site.unseen is None
        assert planned.stacks == ()
        with deploy(planned, on_left=[].extend) as environment:
            verdicts, _ = ask(planned, environment)
        assert verdicts == {"happy-path": (Verdict.HOLDS, None)}
        # It is not redrive's to remove.
        assert sqs.get_queue_url(QueueName=stack.stacks[0].queue_name)["QueueUrl"] == url
