"""Each slot is dealt to one process and to no other, whoever joins or leaves."""

from hypothesis import given
from hypothesis import strategies as st

from redrive.load.shapes.schedule import Fill, PieceSchedule, constant
from redrive.load.shapes.shares import AHEAD_MAX, Dealer, Hand, KeepingUp


def test_shares_interleave_to_the_whole_schedule():
    schedule = PieceSchedule(constant(100, 10), batch_size=10)
    hands = Dealer(schedule).deal(5.0, ["a", "b", "c"], {})
    assert [hands["abc"[n % 3]][n // 3] for n in range(50)] == [schedule.due_s(n) for n in range(50)]
    assert sum(map(len, hands.values())) == 50


@given(st.lists(st.tuples(st.floats(0, 3), st.frozensets(st.sampled_from("abcd"))), max_size=30), st.integers(1, 10))
def test_each_slot_is_dealt_once_whoever_is_there(ticks, batch_size):
    schedule = PieceSchedule(constant(40, 30), batch_size=batch_size)
    dealer, dealt, at_s = Dealer(schedule), [], 0.0
    for later_s, there in [*ticks, (100, frozenset("a"))]:
        at_s += later_s
        hands = dealer.deal(at_s, sorted(there), {})
        assert set(hands) <= there
        for due_s in (due_s for hand in hands.values() for due_s in hand):
            assert due_s < at_s
            dealt.append(due_s)
    assert sorted(dealt) == [schedule.due_s(n) for n in range(dealer.total)]
    assert dealer.ended
    assert sum(dealer.dealt.values()) == len(dealt)


def test_a_process_that_takes_nothing_is_passed_over_and_the_others_go_on():
    dealer = Dealer(Fill(messages=10 * AHEAD_MAX, batch_size=1))
    hands = dealer.deal(1.0, ["dead", "well"], {})
    assert {name: len(hand) for name, hand in hands.items()} == {"dead": AHEAD_MAX, "well": AHEAD_MAX}
    assert hands["well"][0] is None
    assert dealer.deal(1.0, ["dead", "well"], {}) == {}
    hands = dealer.deal(1.0, ["dead", "well"], {"well": 30})
    assert {name: len(hand) for name, hand in hands.items()} == {"well": 30}


def test_a_hand_waits_until_the_next_slot_is_due():
    hand = Hand()
    assert hand.wait_s(0.0) is None
    hand.add([1.0, 2.0])
    assert hand.wait_s(0.25) == 0.75
    assert (hand.wait_s(1.5), hand.behind_s(1.5)) == (0, 0.5)
    assert hand.take() == 1.0
    assert (hand.wait_s(1.5), hand.behind_s(1.5), hand.taken) == (0.5, 0, 1)
    hand.add([], last=True)
    assert not hand.ended
    hand.take()
    assert hand.ended


def test_slots_without_a_time_are_due_at_once_and_never_late():
    hand = Hand()
    hand.add([None, None])
    assert (hand.wait_s(7.0), hand.behind_s(7.0), hand.take()) == (0, 0, None)


def test_dropped_slots_are_counted():
    hand = Hand()
    hand.add([1.0, 2.0])
    hand.add([3.0], drop=True)
    assert (hand.dropped, hand.take(), hand.taken) == (2, 3.0, 1)


def run_behind(watch, *, wanted, managed, users=4, seconds=20):
    said = []
    for at_s in range(seconds):
        behind_s = at_s * (1 - managed / wanted)
        said.append(watch.look(at_s, due=at_s * wanted, taken=at_s * managed, behind_s=behind_s, users=users))
    return [line for line in said if line]


def test_too_few_users_are_told_once_how_many_would_do():
    said = run_behind(KeepingUp(), wanted=100, managed=40, users=4)
    assert said == [
        (
            "4 users send 40 of 100 messages/s and are 5 s behind: about 12 users (-u 12) would do, "
            "in more processes (--processes) if the CPU is the limit"
        )
    ]


def test_enough_users_are_told_nothing():
    assert run_behind(KeepingUp(), wanted=100, managed=100) == []
    watch = KeepingUp()
    for at_s in range(20):  # late after a spike, and catching up
        assert watch.look(at_s, due=1000 + 10 * at_s, taken=20 * at_s, behind_s=10.0, users=1) is None
