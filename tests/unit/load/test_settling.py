import threading
from dataclasses import replace

import pytest

from redrive.load.observing.account import Basis
from redrive.load.observing.queue_attributes import QueueDepth
from redrive.load.observing.queue_watch import QueueSeen
from redrive.load.observing.settling import Evidence, account_of, settle

EVIDENCE = Evidence(sent=100, unknown=0, duplicates=0, processed=100, basis=Basis.MESSAGE)


def seen(left=0, dead=0):
    return QueueSeen(depth=QueueDepth(visible=left, in_flight=0, delayed=0), dead_lettered=dead)


class World:
    """A queue as it looks second after second, the last look for ever."""

    def __init__(self, *looks):
        self.looks = list(looks)
        self.now_s = 0.0
        self.accounts = []

    def look(self):
        return self.looks.pop(0) if len(self.looks) > 1 else self.looks[0]

    def sleep(self, seconds):
        self.now_s += seconds

    def settle(self, **more):
        return settle(
            self.look,
            within_s=more.pop("within_s", 60),
            on_look=self.accounts.append,
            now_s=lambda: self.now_s,
            sleep=self.sleep,
            **more,
        )


def evidence(processed, **more):
    return replace(EVIDENCE, processed=processed, **more)


def test_balanced_when_drained_ends_it_with_the_second_empty_look():
    world = World((evidence(80), seen(20)), (evidence(100), seen(0)))
    settled = world.settle()
    assert settled.account.problem is None
    assert (settled.drained_s, world.now_s) == (1.0, 2.0)
    assert [account.processed for account in world.accounts] == [80, 100, 100]


def test_what_is_still_on_its_way_is_waited_for():
    looks = [(evidence(processed), seen(0)) for processed in (10, 10, 10, 60, 60, 60, 60, 100)]
    world = World(*looks)
    assert world.settle().account.problem is None
    assert world.now_s == 7.0


def test_what_does_not_come_is_not_waited_for_for_ever():
    world = World((evidence(99), seen(0)))
    settled = world.settle()
    assert settled.account.difference == -1
    assert settled.drained_s == 0.0
    assert 5 < world.now_s < 15


def test_depth_alone_has_nothing_to_wait_for_but_an_empty_queue():
    world = World((evidence(None, basis=Basis.NOT_SEEN), seen(0, dead=3)))
    settled = world.settle()
    assert (settled.account.processed, settled.account.dead_lettered, settled.account.problem) == (97, 3, None)
    assert world.now_s == 1.0


def test_at_aws_numbers_need_time_to_settle_where_nothing_else_tells():
    depth = World((evidence(None, basis=Basis.NOT_SEEN), seen(0)))
    depth.settle(at_aws=True)
    assert depth.now_s == 14.0
    replies = World((EVIDENCE, seen(0)))
    replies.settle(at_aws=True)
    assert replies.now_s == 1.0


def test_queue_that_fills_again_was_not_drained():
    world = World((EVIDENCE, seen(0)), (EVIDENCE, seen(4)), (EVIDENCE, seen(0)))
    assert world.settle().drained_s == 2.0


def test_deadline_leaves_what_is_left():
    world = World((evidence(60), seen(40)))
    settled = world.settle(within_s=5)
    assert (settled.account.left, settled.account.problem, settled.drained_s) == (40, None, None)
    assert world.now_s == 5.0


def test_deadline_of_zero_looks_once():
    world = World((evidence(60), seen(40)))
    world.settle(within_s=0)
    assert (len(world.accounts), world.now_s) == (1, 0.0)


def test_hurry_ends_it_with_the_next_look():
    hurry = threading.Event()
    hurry.set()
    world = World((evidence(60), seen(40)))
    assert world.settle(hurry=hurry).account.left == 40
    assert world.now_s == 0.0


def test_lost_worker_cannot_balance_and_is_not_waited_for():
    world = World((evidence(90, sent_at_least=True), seen(0)))
    assert world.settle().account.problem is not None
    assert world.now_s < 5


def test_one_look_that_fails_changes_nothing():
    world = World((EVIDENCE, seen(7)), (EVIDENCE, None), (EVIDENCE, seen(0)))
    settled = world.settle()
    assert (settled.account.left, settled.account.problem, settled.drained_s) == (0, None, 2.0)


def test_queue_that_is_never_seen_gives_no_account():
    world = World((EVIDENCE, None))
    settled = world.settle(within_s=3)
    assert "could not be looked at" in settled.account.problem
    assert settled.drained_s is None


def test_dlq_that_is_not_seen_gives_no_account_where_messages_may_be_in_it():
    not_seen = replace(seen(0), dead_lettered=None)
    by_subtraction = account_of(evidence(None, basis=Basis.NOT_SEEN), not_seen)
    assert "the DLQ could not be looked at" in by_subtraction.problem
    assert "the DLQ could not be looked at" in account_of(evidence(99), not_seen).problem
    assert account_of(evidence(100), not_seen).problem is None


@pytest.mark.parametrize("basis", [Basis.KEY, Basis.MESSAGE])
def test_account_has_what_is_known(basis):
    known = replace(EVIDENCE, basis=basis, unknown=1, duplicates=2, written_twice=3, there_before=4, sent_at_least=True)
    account = account_of(known, seen(left=5, dead=6))
    assert (account.sent, account.processed, account.left, account.dead_lettered) == (100, 100, 5, 6)
    assert (account.unknown, account.duplicates, account.written_twice) == (1, 2, 3)
    assert (account.there_before, account.sent_at_least, account.basis) == (4, True, basis)
