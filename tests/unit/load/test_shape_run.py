"""A run with a shape, from its first slot to its last line, without Locust."""

from types import SimpleNamespace

import pytest

from redrive.load.shapes.capacity import Limit
from redrive.load.shapes.shape_run import ShapeRun
from redrive.load.shapes.shares import Hand, Progress
from redrive.load.shapes.written_shapes import read_shape


class Clock:
    now_s = 100.0

    def __call__(self):
        return self.now_s


class Switch:
    def __init__(self):
        self.done = []

    def disable(self):
        self.done.append("disable")

    def enable(self):
        self.done.append("enable")

    def restore(self):
        self.done.append("restore")


@pytest.fixture
def made():
    def make(text, *, samples=list, observe="depth", **more):
        clock, switch = Clock(), Switch()
        options = SimpleNamespace(batch_size=10, observe=observe)
        run = ShapeRun(read_shape(text), options, samples=samples, switch=lambda _: switch, clock=clock, **more)
        return SimpleNamespace(run=run, clock=clock, switch=switch, hands={})

    return make


def tick(made, senders, *, takes=True, seconds=0.25):
    """What the master and its workers do in one turn; the slots that were sent."""
    made.clock.now_s += seconds
    now_s, sent = made.run.now_s(), []
    for name, dealt in made.run.deal(now_s, senders).items():
        made.hands.setdefault(name, Hand()).add(dealt["dues_s"], last=dealt["last"], drop=dealt["drop"])
    for name, hand in made.hands.items():
        while takes and name in senders and hand.wait_s(now_s) == 0:
            sent.append(hand.take())
        behind_s = hand.behind_s(now_s)
        made.run.progress[name] = Progress(taken=hand.taken, dropped=hand.dropped, behind_s=behind_s, done=hand.ended)
    return sent


def test_all_slots_are_sent_once_by_processes_that_come_and_go(made):
    one = made("constant:100/10s")
    one.run.prepare()
    sent, there = [], [["a"], ["a", "b"], ["b"]]
    while not one.run.is_over(one.run.now_s(), ["b"]):
        sent += tick(one, there[min(2, int(one.run.now_s() / 4))])
        assert one.clock.now_s < 200
    lost = sorted(set(range(100)) - {round(due_s * 10) for due_s in sent})
    assert len(sent) == len(set(sent)) == 100 - len(lost)
    assert 0 < len(lost) <= 10  # half of the two seconds that were dealt when "a" went
    assert one.run.not_sent_messages() == 10 * len(lost)
    assert one.run.lines() == [f"late      {10 * len(lost)} messages were due and had not been sent at the end"]


def test_due_and_behind_are_seen_and_stand_still_at_the_end(made):
    one = made("constant:100")
    assert (one.run.now_s(), one.run.due_messages()) == (-1.0, 0)
    one.run.prepare()
    tick(one, ["a"], takes=False, seconds=0)
    tick(one, ["a"], takes=False, seconds=2.07)
    assert one.run.due_messages() == 210
    assert one.run.behind_s() == pytest.approx(2.07)
    one.run.stop()
    one.clock.now_s += 60
    assert one.run.due_messages() == 210
    assert one.run.not_sent_messages() == 190


def test_a_run_whose_senders_are_all_gone_ends(made):
    one = made("constant:100/5s")
    one.run.prepare()
    tick(one, ["a"])
    one.clock.now_s += 6
    assert not one.run.is_over(one.run.now_s(), [])
    one.clock.now_s += 2
    assert one.run.is_over(one.run.now_s(), [])


def test_drain_fills_first_and_puts_back_last(made):
    one = made("drain:50000")
    one.run.prepare()
    assert one.switch.done == ["disable"]
    sent = tick(one, ["a", "b"])
    assert len(sent) == 4000
    while not one.run.is_over(one.run.now_s(), ["a", "b"]):
        sent += tick(one, ["a", "b"])
    assert sent == [None] * 5000
    one.run.finish()
    one.run.stop()
    one.run.restore()
    assert one.switch.done == ["disable", "enable", "enable", "restore"]
    assert one.run.lines() == []


def test_a_capacity_search_steers_the_rate(made):
    per_s, state = 45.0, SimpleNamespace(left=0.0, samples=[])
    one = made("capacity:20", samples=lambda: state.samples)
    one.run.prepare()
    for n in range(4 * 3_000):
        state.left = max(0.0, state.left - per_s / 4)
        state.left += 10 * len(tick(one, ["a", "b"]))
        if n % 4 == 0:
            state.samples = [
                *state.samples[-50:],
                {"at_s": n / 4, "visible": round(state.left), "in_flight": 0, "delayed": 0, "oldest_age_s": None},
            ]
        assert one.run.look(one.run.now_s(), users=2) is None
        if one.run.is_over(one.run.now_s(), ["a", "b"]):
            break
    answer = one.run.search.answer
    assert answer.limit is Limit.NONE
    assert answer.low <= per_s * 1.02
    assert answer.high >= per_s * 0.98
    assert answer.high <= answer.low * 1.1
    assert one.run.lines() == [f"capacity  {answer}"]


def test_a_search_that_is_cut_short_says_so(made):
    one = made("capacity")
    one.run.prepare()
    one.run.stop()
    assert one.run.lines() == ["capacity  not known; the run was ended before the search was"]


@pytest.mark.parametrize("looks", [0, 10])
def test_a_search_that_sees_the_queue_no_longer_ends(made, looks):
    state = SimpleNamespace(samples=[])
    one = made("capacity", samples=lambda: state.samples)
    one.run.prepare()
    while not one.run.is_over(one.run.now_s(), ["a"]):
        tick(one, ["a"], seconds=1)
        if one.run.now_s() <= looks:
            seen = {"at_s": one.run.now_s(), "visible": 0, "in_flight": 0, "delayed": 0, "oldest_age_s": None}
            state.samples = [*state.samples, seen]
        one.run.look(one.run.now_s(), users=2)
        assert one.run.now_s() < 200
    assert one.run.now_s() == pytest.approx(looks + 122, abs=2)
    assert "the queue could not be looked at for 120 s" in str(one.run.search.answer)


def test_a_search_that_sees_nothing_is_refused(made):
    with pytest.raises(ValueError, match="leave out --observe none"):
        made("capacity", observe="none")
