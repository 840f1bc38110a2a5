"""A queue and a consumer of known capacity in virtual time, for the capacity search to find."""

import heapq
import itertools
import random

from redrive.load.shapes.capacity import CapacitySearch
from redrive.load.shapes.growth import Look

SEND = 10


class SimulatedConsumer:
    """`servers` take up to `batch` messages at once for `service_s`: capacity = servers * batch / service_s.

    `spread` is how much service times differ, `noise` how wrong the numbers of SQS are, both as a share. The sender
    manages `sender_max` messages a second.
    """

    def __init__(self, *, servers, batch, service_s, spread=0.0, noise=0.0, seed=0, sender_max=float("inf")):
        self.capacity = servers * batch / service_s if service_s else 0.0
        self._free, self._batch, self._service_s = servers, batch, service_s
        self._spread, self._noise, self._sender_max = spread, noise, sender_max
        self._rng = random.Random(seed)
        self._waiting = self._in_flight = self._sent = 0
        self._agenda, self._numbers = [], itertools.count()

    def searched(self, plan, *, within_s=100_000):
        """The answer of a search, and how long it took."""
        search = CapacitySearch(plan)
        self._at(1.0, "look")
        rate = changes = 0
        while search.answer is None:
            now_s, _, what, of = heapq.heappop(self._agenda)
            assert now_s < within_s, "the search does not end"
            if what == "send" and of == changes:
                self._waiting += SEND
                self._sent += SEND
                self._at(now_s + SEND / rate, "send", changes)
            elif what == "done":
                self._in_flight -= of
                self._free += 1
            elif what == "look":
                self._at(now_s + self._rng.uniform(0.9, 1.1), "look")
                wanted = search.rate
                search.look(self._look(now_s))
                if search.rate != wanted:
                    search.begin(now_s)
                    changes += 1
                    rate = min(search.rate, self._sender_max)
                    if rate:
                        self._at(now_s + SEND / rate, "send", changes)
            self._receive(now_s)
        return search.answer, now_s

    def _at(self, at_s, what, of=0):
        heapq.heappush(self._agenda, (at_s, next(self._numbers), what, of))

    def _look(self, now_s):
        seen = 1 + self._rng.gauss(0, self._noise)
        backlog = max(0, round((self._waiting + self._in_flight) * seen))
        return Look(at_s=now_s, backlog=backlog, waiting=max(0, round(self._waiting * seen)), sent=self._sent)

    def _receive(self, now_s):
        while self._service_s and self._free and self._waiting:
            taken = min(self._batch, self._waiting)
            self._waiting -= taken
            self._in_flight += taken
            self._free -= 1
            self._at(now_s + self._service_s * self._rng.uniform(1 - self._spread, 1 + self._spread), "done", taken)
