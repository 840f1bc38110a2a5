import pytest

from redrive.load.observing.gathering import Counted, RunCounts


class Clock:
    def __init__(self):
        self.now_s = 100.0

    def __call__(self):
        return self.now_s


def worker(accepted=0, failed=0, unknown=0, times_ms=()):
    counted = Counted()
    counted.begin(1_000)
    counted.messages.accepted, counted.messages.failed, counted.messages.unknown = accepted, failed, unknown
    for time_ms in times_ms:
        counted.add_batch(began_at_ms=2_000, response_time_ms=time_ms, failed=False, accepted_bytes=50)
    return counted


def report(counted, sender="1", final=False):
    return counted.as_report(run="0f0f0f0f", sender=sender, final=final)


def test_reports_are_whole_so_that_a_lost_or_doubled_one_changes_nothing():
    counts, counted = RunCounts(), worker(accepted=10, times_ms=[5])
    first = report(counted)
    counted.messages.accepted = 20
    counted.add_batch(began_at_ms=3_000, response_time_ms=9, failed=True, accepted_bytes=50)
    second = report(counted)
    for one in (first, second, second):
        counts.take("a", one)
    assert counts.total().accepted == 20
    assert (counts.sum("batches"), counts.sum("batches_failed"), counts.sum("bytes")) == (2, 1, 100)
    assert counts.send_batch().count == 2
    assert counts.seconds == pytest.approx(2.009)


def test_histograms_of_workers_are_added_up():
    counts = RunCounts()
    counts.take("a", report(worker(times_ms=[1, 2]), sender="0"))
    counts.take("b", report(worker(times_ms=[100]), sender="1"))
    assert counts.send_batch().count == 3
    assert counts.send_batch().max == pytest.approx(100_000, rel=1e-3)


def test_window_has_the_batches_since_it_was_last_asked():
    counts, counted = RunCounts(), worker(times_ms=[1, 2])
    counts.take("a", report(counted))
    assert counts.taken_window().count == 2
    counts.take("a", report(counted))
    assert counts.taken_window().count == 0
    counts.counted.add_batch(began_at_ms=0, response_time_ms=1, failed=False, accepted_bytes=0)
    assert counts.taken_window().count == 1


def test_worker_without_a_last_word_is_lost_with_when_it_was_last_heard_of():
    clock = Clock()
    counts = RunCounts(clock)
    for client_id in ("a", "b", "c"):
        counts.expect(client_id, client_id.upper())
    counts.take("a", report(worker(accepted=5)))
    counts.take("b", report(worker(accepted=7), sender="2", final=True))
    clock.now_s += 4.5
    first, second = counts.lost()
    assert (first.client_id, first.sender, first.silent_s, first.report.messages["accepted"]) == ("a", "A", 4.5, 5)
    assert (second.client_id, second.sender, second.silent_s, second.report) == ("c", "C", 4.5, None)
    assert [counts.owes_last_word(client_id) for client_id in ("a", "b", "c", "unknown")] == [True, False, True, False]
    assert counts.total().accepted == 12


def test_after_its_last_word_a_worker_says_nothing():
    counts = RunCounts()
    counts.take("a", report(worker(accepted=7), final=True))
    counts.take("a", report(worker(accepted=6)))
    assert counts.total().accepted == 7
    assert counts.lost() == []


def test_made_by_sender_tells_those_that_the_queue_may_not_have():
    counts = RunCounts()
    counts.own.accepted = 3
    counts.take("a", report(worker(accepted=5, failed=2, unknown=1), sender="4"))
    assert counts.made_by_sender("0") == {"0": (3, 0), "4": (8, 3)}


def test_new_test_forgets_the_one_before():
    counts = RunCounts()
    counts.take("a", report(worker(accepted=5, times_ms=[1])))
    counts.reset()
    assert (counts.total().accepted, counts.lost(), counts.taken_window().count, counts.seconds) == (0, [], 0, 0.0)


@pytest.mark.parametrize("broken", [{}, {"send_batch": "no histogram"}])
def test_what_is_no_report_is_refused_as_a_whole(broken):
    counts = RunCounts()
    with pytest.raises((KeyError, ValueError)):
        counts.take("a", {**(report(worker(accepted=1)) if broken else {}), **broken})
    assert counts.total().accepted == 0
