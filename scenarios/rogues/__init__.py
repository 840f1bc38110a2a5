"""Rogues: handlers with exactly one known bug each, kept to prove that the harness catches it.

:data:`ROGUES` says for each which invariant must catch it, and in which scenario that shows best. The modules are named
here and not imported: a rogue is loaded like anybody's handler.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType

__all__ = ["ROGUES", "Rogue"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Rogue:
    """A handler with one bug: its target, the invariant that must catch it, and the scenario that does so best."""

    name: str
    target: str
    caught_by: str
    scenario: str


def _rogue(name: str, caught_by: str, scenario: str) -> Rogue:
    return Rogue(name=name, target=f"{__name__}.{name}:handler", caught_by=caught_by, scenario=scenario)


_ROGUES = (
    # Messages that are gone.
    _rogue("swallowed_exception", "no-loss", "whole-batch-failure"),
    _rogue("stops_at_first_failure_standard", "no-loss", "partial-failure"),
    _rogue("returns_inside_the_loop", "no-loss", "happy-path"),
    _rogue("first_record_only", "no-loss", "happy-path"),
    _rogue("fifo_newest_only", "no-loss", "fifo-order"),
    _rogue("buffers_across_invocations", "no-loss", "happy-path"),
    _rogue("forgets_partial_batch_setting", "no-loss", "poison-to-dlq"),
    _rogue("deadline_guard_forgets_the_rest", "no-loss", "deadline-near"),
    _rogue("completes_before_effect", "no-loss", "crash-after-effect"),
    _rogue("leased_counts_as_done", "no-loss", "crash-while-duplicated"),
    _rogue("drops_old_messages", "no-loss", "whole-batch-failure"),
    # Work that is done again.
    _rogue("not_idempotent", "effects-once", "duplicate-delivery"),
    _rogue("dedup_by_message_id", "effects-once", "producer-duplicate"),
    _rogue("dedup_in_memory", "effects-once", "crash-after-effect"),
    _rogue("check_then_act", "effects-once", "concurrent-duplicate"),
    # Neighbours that are harmed.
    _rogue("whole_batch_raise", "poison-isolated", "partial-failure"),
    _rogue("retries_until_killed", "poison-isolated", "partial-failure"),
    _rogue("reports_the_successes", "poison-isolated", "happy-path"),
    # The dead-letter queue, too early or never.
    _rogue("drops_poison", "dead-lettered", "poison-to-dlq"),
    _rogue("gives_up_after_n_receives", "dead-lettered", "poison-to-dlq"),
    _rogue("no_dead_letter_queue", "dead-lettered", "poison-to-dlq"),
    _rogue("long_lease", "dead-lettered", "crash-after-effect"),
    _rogue("duplicate_is_a_failure", "dead-lettered", "lost-acknowledgement"),
    # Answers that the mapping reads otherwise.
    _rogue("failures_by_receipt_handle", "response-valid", "poison-to-dlq"),
    _rogue("wrong_key_name", "response-valid", "poison-to-dlq"),
    _rogue("empty_identifier", "response-valid", "poison-to-dlq"),
    _rogue("returns_list_of_ids", "response-valid", "poison-to-dlq"),
    _rogue("stale_failures", "response-valid", "poison-to-dlq"),
    _rogue("answers_like_an_api", "response-valid", "happy-path"),
    # Bodies and keys that are not what was sent.
    _rogue("reencodes_body", "body-exact", "happy-path"),
    _rogue("strips_body", "body-exact", "happy-path"),
    _rogue("invents_default_key", "no-invention", "partial-failure"),
    _rogue("capitalises_key", "no-invention", "happy-path"),
    _rogue("writes_before_validating", "no-invention", "partial-failure"),
    # Order that is lost.
    _rogue("fifo_reports_only_the_failed", "order-kept", "fifo-interrupted"),
    _rogue("fifo_sorts_by_message_id", "order-kept", "fifo-order"),
)

ROGUES: Mapping[str, Rogue] = MappingProxyType({rogue.name: rogue for rogue in _ROGUES})
"""Every rogue by name."""
