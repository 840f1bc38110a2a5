"""Where other environments differ from AWS, and so from the simulator, in few words: one line each, by question.

Data only. An entry has the id of the probe that shows it (:mod:`.probes`), which says what AWS does. Tests put all
questions to the environment: a difference that is not here fails there, and so does an entry that no longer differs.
What exactly was seen, ``redrive parity`` measures anew.
"""

from dataclasses import dataclass

from .probes import PROBES

__all__ = ["PEERS", "Deviation", "Peer", "peer"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Deviation:
    """One difference. ``id`` is that of a probe; ``aws`` is what the simulator does as well."""

    id: str
    aws: str
    peer: str

    @property
    def rule_id(self) -> str:
        """The rule that the environment does not keep."""
        return self.id.partition("-")[0]


@dataclass(frozen=True, slots=True, kw_only=True)
class Peer:
    """An environment that was compared: ``distribution`` at ``version``, in the rules ``asked``.

    What is not asked cannot be seen through its API. Rules of the mapping (E) are those of our own poller, in front of
    the environment's queues.
    """

    environment: str
    distribution: str
    version: str
    asked: frozenset[str]
    deviations: tuple[Deviation, ...]

    def of_rule(self, rule_id: str) -> tuple[Deviation, ...]:
        """How this environment differs in one rule."""
        return tuple(deviation for deviation in self.deviations if deviation.rule_id == rule_id)


def peer(environment: str) -> Peer:
    """The environment with this name; raises ``KeyError``."""
    return {one.environment: one for one in PEERS}[environment]


def _asked(text: str) -> frozenset[str]:
    return frozenset(text.split())


_AWS = {probe.id: probe.aws for probe in PROBES}


def _differs(probe_id: str, peer: str) -> Deviation:
    return Deviation(id=probe_id, aws=_AWS[probe_id], peer=peer)


_MOTO = (
    _differs("S01-empty", "accepts an empty body"),
    _differs("S01-bytes", "counts characters"),
    _differs("S01-attributes", "leaves message attributes out"),
    _differs("S02-entries", "refuses the whole batch for one entry, unless it is for a delay over 900 s"),
    _differs("S02-ids", "accepts letters of any alphabet, and a line feed at the end"),
    _differs("S02-size", "counts characters"),
    _differs("S02-delete", "has no limit, does not look at the ids, and refuses a receipt handle given twice"),
    _differs("S02-visibility", "accepts any number of entries, none included, and any ids"),
    _differs("S02-group", "answers MissingParameter"),
    _differs("S03-characters", "accepts any character"),
    _differs(
        "S04-attributes",
        "accepts more, reserved names, dots anywhere, names over 256, empty values, numbers that are none",
    ),
    _differs("S04-enqueued", "refuses an attribute name with a space, and enqueues the message"),
    _differs("S05-negative", "accepts negative ones"),
    _differs("S06-limit", "counts them from the send"),
    _differs("S06-receipt", "acts on the message with any receipt handle that it ever had, in flight or not"),
    _differs("S06-gone", "answers ReceiptHandleIsInvalid"),
    _differs("S06-batch", "refuses the batch, with the entries before it done"),
    _differs("S08-status", "answers HTTP 400"),
    _differs("S08-expired", "lets it delete the message"),
    _differs("S08-foreign", "deletes from the dead-letter queue with a receipt handle of the source queue"),
    _differs("S09-gone", "answers ReceiptHandleIsInvalid"),
    _differs("S10-range", "accepts 0, and more than 1,000"),
    _differs("S11-fifo", "keeps it, as a standard one"),
    _differs("S12-absent", "has no message move tasks"),
    _differs("S13-range", "accepts any retention"),
    _differs("S13-kept", "keeps and counts it, and delivers nothing that was sent after it in that receive"),
    _differs("S14-negative", "accepts negative ones"),
    _differs("S14-fifo", "lets a 0 override it"),
    _differs("S18-order", "lets the last of them come first"),
    _differs("S18-few", "stops short in a group when a message of another one has just become visible again"),
    _differs("S18-groups", "takes messages in the order of all groups together"),
    _differs("S19-first", "answers with an id of its own"),
    _differs("S19-deleted", "forgets it when the message is deleted"),
    _differs("S19-scope", "deduplicates over the whole queue"),
    _differs("S19-id", "accepts any text as an id"),
    _differs("S19-standard", "accepts one"),
    _differs("S20-sequence", "gives random numbers, and none without a deduplication id of the message's own"),
    _differs("S20-group", "accepts any text"),
    _differs("S21-group", "accepts any text"),
    _differs("S23-source", "leaves it out"),
    _differs("S23-trace", "drops it in batches"),
    _differs("S24-ignored", "ignores the attempt id"),
    _differs("S24-standard", "accepts one"),
    _differs("E18-order", "its queue gives the last one first when they are visible again together (S18-order)"),
)

PEERS: tuple[Peer, ...] = (
    Peer(
        environment="moto",
        distribution="moto",
        version="5.2.5",
        asked=_asked(
            "S01 S02 S03 S04 S05 S06 S07 S08 S09 S10 S11 S12 S13 S14 S16 S18 S19 S20 S21 S22 S23 S24 "
            "E02 E05 E06 E07 E08 E09 E10 E12 E13 E14 E18 E19 E20 E21 E22 E24 E25"
        ),
        deviations=_MOTO,
    ),
)
"""The environments that were compared with the simulator."""
