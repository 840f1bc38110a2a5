"""Between two runs on AWS: what a run left that did not come to its end."""

import pytest
from botocore.exceptions import ClientError

from redrive.scenarios.consumer import Consumer, QueueSpec
from redrive.scenarios.environments import aws as environment_module
from redrive.scenarios.environments.aws import AwsEnvironment
from redrive.scenarios.environments.aws_run import Clock
from redrive.scenarios.environments.aws_site import Site
from redrive.scenarios.environments.live_queue import LiveQueue
from redrive.scenarios.errors import EnvironmentFailed, TargetError
from redrive.scenarios.history import History
from redrive.scenarios.plan import Plan

PLAN = Plan(messages=())
CONSUMER = Consumer(handler="a:b", valid=str)


class Queue:
    """A queue that gets empty after some looks."""

    def __init__(self, looks, *, purging=False):
        self.looks = looks
        self.purging = purging
        self.purged = 0

    def get_queue_attributes(self, **given):
        self.looks -= 1
        waiting = 1 if self.looks >= 0 else 0
        return {"Attributes": dict.fromkeys(given["AttributeNames"], str(waiting))}

    def purge_queue(self, **_):
        self.purged += 1
        if self.purging:
            error = {"Error": {"Code": "AWS.SimpleQueueService.PurgeQueueInProgress", "Message": "once a minute"}}
            raise ClientError(error, "PurgeQueue")


@pytest.fixture
def environment(monkeypatch):
    """Makes an environment whose runs end as they are told to, and which counts them."""

    def make(queue, *ends, is_own):
        live = LiveQueue(
            client=queue, url="queue", arn="arn", fifo=False, visibility_timeout_s=1, dlq_url=None, dlq_arn=None
        )
        finished = iter(ends)

        class Run:
            def __init__(self, plan, *_, **__):
                self.plan = plan

            def history(self):
                end = next(finished)
                if isinstance(end, BaseException):
                    raise end
                return History(
                    plan=self.plan, queue=QueueSpec(), events=(), finished=end, looks_at_effects=False, start_ms=0
                )

        monkeypatch.setattr(environment_module, "AwsRun", Run)
        now = [0.0]

        def sleep(duration_s):
            now[0] += duration_s

        site = Site(queue=live, spec=QueueSpec(visibility_timeout_s=1), is_own=is_own)
        return AwsEnvironment(None, (site,), clock=Clock(monotonic_s=lambda: now[0], sleep=sleep))

    return make


def run_twice(environment):
    for _ in range(2):
        environment.run(PLAN, CONSUMER, lambda *_: None, seed=0)


def test_after_a_run_that_came_to_its_end_nothing_is_to_be_done(environment):
    queue = Queue(0)
    run_twice(environment(queue, True, True, is_own=True))
    assert queue.purged == 0


def test_after_one_that_did_not_an_own_queue_is_purged(environment):
    queue = Queue(2)
    run_twice(environment(queue, False, True, is_own=True))
    assert queue.purged == 1


def test_a_purge_that_is_under_way_is_waited_for(environment):
    queue = Queue(2, purging=True)
    run_twice(environment(queue, False, True, is_own=True))
    assert queue.looks < 0


def test_a_queue_of_somebody_else_is_never_purged(environment):
    queue = Queue(2)
    run_twice(environment(queue, False, True, is_own=False))
    assert queue.purged == 0


def test_one_that_does_not_get_empty_ends_it(environment):
    with pytest.raises(EnvironmentFailed, match="does not get empty"):
        run_twice(environment(Queue(10_000), False, True, is_own=False))


def test_a_run_that_raised_counts_as_one_without_an_end(environment):
    queue = Queue(1)
    made = environment(queue, RuntimeError("the log"), True, is_own=True)
    with pytest.raises(RuntimeError):
        made.run(PLAN, CONSUMER, lambda *_: None, seed=0)
    made.run(PLAN, CONSUMER, lambda *_: None, seed=0)
    assert queue.purged == 1


def test_effects_that_cannot_be_looked_at_are_told_before_anything_is_sent(environment):
    def effects(_):
        raise LookupError("no such table")

    with pytest.raises(TargetError, match="no such table"):
        environment(Queue(0), is_own=False).check(Consumer(handler="a:b", valid=str, effects=effects))


def test_effects_have_the_consumers_variables_and_the_users_own_credentials(environment, monkeypatch):
    import os

    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "the user's")
    seen = {}
    consumer = Consumer(
        handler="a:b",
        valid=str,
        effects=lambda _: seen.update(os.environ) or [],
        environment={"TABLE": "orders", "AWS_ACCESS_KEY_ID": "the function's"},
    )
    environment(Queue(0), is_own=False).check(consumer)
    assert (seen["TABLE"], seen["AWS_ACCESS_KEY_ID"]) == ("orders", "the user's")
    assert "TABLE" not in os.environ
