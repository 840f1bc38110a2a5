"""Moto's queues in this process, at a time that stands still but for what is let pass; and the simulator as a peer."""

from redrive.fixtures.event_builder import SENT_AT_MS
from redrive.fixtures.stacks import reset_moto
from redrive.scenarios.parity import Peer, peer
from redrive.scenarios.probes.simulated_sqs import SimulatedSqs

from .queue_comparison import Endpoint


class Clock:
    """Milliseconds that pass when told to, for whoever reads the clock of this process."""

    def __init__(self, traveller=None):
        self._traveller = traveller
        self.start()

    def start(self):
        self._set(SENT_AT_MS)

    def now_ms(self):
        return self._now_ms

    def passes(self, step_ms):
        self._set(self._now_ms + step_ms)

    def _set(self, now_ms):
        self._now_ms = now_ms
        if self._traveller is not None:
            # Moto reckons in floating-point seconds: half a millisecond more keeps it from rounding down.
            self._traveller.move_to((now_ms + 0.5) / 1000)


def moto_endpoint(client, clock):
    """An endpoint for ``client``, whose calls moto answers; ``clock`` moves the time of this process."""

    def begin():
        reset_moto()
        clock.start()

    return Endpoint(
        peer=peer("moto"), client=client, begin=begin, now_ms=clock.now_ms, passes=clock.passes, resolution_ms=2
    )


def simulated_endpoint():
    """The simulator itself as an environment that differs in nothing."""
    clock = Clock()
    same = Peer(environment="simulated", distribution="redrive", version="this one", asked=frozenset(), deviations=())
    return Endpoint(
        peer=same,
        client=SimulatedSqs(clock.now_ms, seed=1),
        begin=clock.start,
        now_ms=clock.now_ms,
        passes=clock.passes,
        resolution_ms=1,
    )
