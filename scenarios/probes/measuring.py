"""Putting questions to an endpoint: one after the other where time is virtual, some at once where it is real."""

import threading
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor, as_completed
from dataclasses import dataclass

from botocore.exceptions import BotoCoreError

from ..errors import one_line
from .endpoint import Endpoint
from .probe import Answer, Probe, Word

__all__ = ["Measured", "measure"]

AT_ONCE = 8
TWICE_S = 30
"""A question that takes no longer is asked again if the answer differs: a machine that is busy may have been late."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Measured:
    """What an environment answered, by the id of the probe. ``mapping`` says in a word whose its mapping is."""

    environment: str
    version: str
    mapping: str | None
    answers: dict[str, Answer]
    seconds: float


def measure(
    at: Endpoint,
    probes: Sequence[Probe],
    *,
    stop: threading.Event,
    on_answer: Callable[[Probe, Answer], object] = lambda _probe, _answer: None,
) -> Measured:
    """Put all questions to an endpoint; ``on_answer`` is told of each answer, in this thread, as it comes.

    Where time is real, what differs is asked once more, and counts if it differs again.

    Whatever ends it early, Ctrl-C too, sets ``stop`` and waits for what is going on to delete what it made.
    """
    begun_s = time.monotonic()
    answers: dict[str, Answer] = {}

    def answered(probe: Probe, answer: Answer) -> None:
        answers[probe.id] = answer
        on_answer(probe, answer)

    if at.virtual:
        for probe in probes:
            answered(probe, _answer(probe, at))
    else:
        _at_once(at, probes, stop, answered)
    return Measured(
        environment=at.name,
        version=at.version,
        mapping=at.mapping.kind if not isinstance(at.mapping, str) else None,
        answers={probe.id: answers[probe.id] for probe in probes},
        seconds=time.monotonic() - begun_s,
    )


def _at_once(
    at: Endpoint, probes: Sequence[Probe], stop: threading.Event, answered: Callable[[Probe, Answer], None]
) -> None:
    # Those that take long first, so that nobody waits for one of them alone at the end.
    in_order = sorted(probes, key=lambda probe: -probe.takes_s)
    with ThreadPoolExecutor(AT_ONCE, thread_name_prefix="probe") as executor:
        try:
            doubted = []
            for probe, answer in _as_they_come(executor, at, in_order):
                if answer.word is Word.DIFFERS and probe.takes_s <= TWICE_S:
                    doubted.append(probe)
                else:
                    answered(probe, answer)
            for probe, answer in _as_they_come(executor, at, doubted):
                answered(probe, answer)
        except BaseException:
            stop.set()
            executor.shutdown(cancel_futures=True)
            raise


def _as_they_come(
    executor: ThreadPoolExecutor, at: Endpoint, probes: Sequence[Probe]
) -> Iterator[tuple[Probe, Answer]]:
    asked = {executor.submit(_answer, probe, at): probe for probe in probes}
    for future in as_completed(asked):
        yield asked[future], future.result()


def _answer(probe: Probe, at: Endpoint) -> Answer:
    try:
        return probe.answer(at)
    except BotoCoreError as error:
        return Answer(word=Word.NOT_ASKED, how=(f"it did not answer: {one_line(error)}",))
    except Exception as error:
        if at.virtual:
            raise
        return Answer(word=Word.NOT_ASKED, how=(f"its answer cannot be understood: {one_line(error)}",))
