from redrive.load.observing.observers import QueueDepth, wait_until_drained


def look(*totals):
    depths = iter(totals)
    return lambda: QueueDepth(visible=next(depths), in_flight=0, delayed=0)


class Clock:
    def __init__(self):
        self.now_s = 0.0

    def __call__(self):
        return self.now_s

    def sleep(self, seconds):
        self.now_s += seconds


def wait(depth, *, within_s, seen=None):
    clock = Clock()
    looked = [] if seen is None else seen
    drained = wait_until_drained(
        depth, within_s=within_s, on_look=looked.append, every_s=1.0, now_s=clock, sleep=clock.sleep
    )
    return drained, clock.now_s


def test_queue_is_drained_when_seen_empty_twice_in_a_row():
    assert wait(look(5, 0, 3, 0, 0), within_s=60) == (True, 4.0)


def test_deadline_ends_the_wait():
    assert wait(look(*[1] * 99), within_s=10) == (False, 10.0)


def test_deadline_of_zero_looks_once():
    seen = []
    assert wait(look(7), within_s=0, seen=seen) == (False, 0.0)
    assert [depth.total for depth in seen] == [7]


def test_depth_counts_every_message_in_the_queue():
    assert QueueDepth(visible=1, in_flight=2, delayed=4).total == 7
