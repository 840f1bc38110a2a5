"""Rogues: handlers with exactly one known bug each, kept to prove that the harness catches it.

:data:`ROGUES` says for each what family its bug is of, which invariant must catch it, and in which scenario that shows
best. The modules are named here and not imported: a rogue is loaded like anybody's handler.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from types import MappingProxyType

__all__ = ["ROGUES", "Rogue"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Rogue:
    """A handler with one bug.

    ``target`` is what `redrive verify` takes, ``family`` what its author got wrong (in the words of the catalogue's
    families), ``caught_by`` the invariant that must catch it, and ``scenario`` the one that does so best. What
    people believe and what happens says the docstring of its module.
    """

    name: str
    target: str
    family: str
    caught_by: str
    scenario: str


def _family(family: str, *rogues: tuple[str, str, str]) -> Iterator[Rogue]:
    for name, caught_by, scenario in rogues:
        target = f"{__name__}.{name}:handler"
        yield Rogue(name=name, target=target, family=family, caught_by=caught_by, scenario=scenario)


_ROGUES = (
    # Messages come more than once, and to two at a time.
    *_family(
        "delivery",
        ("not_idempotent", "effects-once", "duplicate-delivery"),
        ("dedup_by_message_id", "effects-once", "producer-duplicate"),
        ("check_then_act", "effects-once", "concurrent-duplicate"),
        ("duplicate_is_a_failure", "dead-lettered", "lost-acknowledgement"),
        ("dedup_by_hash_with_timestamp", "effects-once", "producer-duplicate"),
        ("dedup_by_request_id", "effects-once", "duplicate-delivery"),
        ("receive_count_means_duplicate", "no-loss", "whole-batch-failure"),
        ("loser_overwrites_the_row", "no-loss", "interleaved-duplicate"),
        ("releases_what_others_claimed", "effects-once", "three-at-once"),
        ("batch_write_with_duplicates", "dead-lettered", "producer-duplicate"),
    ),
    # Something does not work, or dies on the way.
    *_family(
        "failure",
        ("swallowed_exception", "no-loss", "whole-batch-failure"),
        ("completes_before_effect", "no-loss", "crash-after-effect"),
        ("leased_counts_as_done", "no-loss", "crash-while-duplicated"),
        ("long_lease", "dead-lettered", "crash-after-effect"),
        ("loses_exceptions_in_threads", "no-loss", "whole-batch-failure"),
        ("fire_and_forget", "no-loss", "happy-path"),
    ),
    # One message is bad, and its neighbours are not.
    *_family(
        "poison",
        ("stops_at_first_failure_standard", "no-loss", "partial-failure"),
        ("whole_batch_raise", "poison-isolated", "partial-failure"),
        ("retries_until_killed", "poison-isolated", "partial-failure"),
        ("parses_before_the_loop", "poison-isolated", "partial-failure"),
        ("failures_by_prefix", "poison-isolated", "partial-failure"),
        ("gather_cancels_neighbours", "no-loss", "partial-failure"),
        ("catches_base_exception", "poison-isolated", "partial-failure"),
    ),
    # The dead-letter queue, too early or never.
    *_family(
        "dead-letters",
        ("drops_poison", "dead-lettered", "poison-to-dlq"),
        ("gives_up_after_n_receives", "dead-lettered", "poison-to-dlq"),
        ("no_dead_letter_queue", "dead-lettered", "poison-to-dlq"),
        ("swallows_client_error", "dead-lettered", "poison-to-dlq"),
        ("marks_done_in_finally", "dead-lettered", "poison-to-dlq"),
    ),
    # Deadlines and ages.
    *_family(
        "time",
        ("deadline_guard_forgets_the_rest", "no-loss", "deadline-near"),
        ("drops_old_messages", "no-loss", "whole-batch-failure"),
        ("dedup_expires_too_soon", "effects-once", "duplicate-delivery"),
        ("deadline_from_import", "dead-lettered", "whole-batch-failure"),
        ("looks_at_the_clock_once", "deadline-kept", "slow-dependency"),
    ),
    # Order within a message group.
    *_family(
        "fifo",
        ("fifo_newest_only", "no-loss", "fifo-order"),
        ("fifo_reports_only_the_failed", "order-kept", "fifo-interrupted"),
        ("fifo_sorts_by_message_id", "order-kept", "fifo-order"),
        ("fifo_sequence_number_as_float", "no-loss", "fifo-order"),
        ("fifo_outcome_by_group", "no-loss", "fifo-passing-failure"),
        ("fifo_retries_later", "order-kept", "fifo-passing-failure"),
    ),
    # A batch has more than one record.
    *_family(
        "size",
        ("returns_inside_the_loop", "no-loss", "happy-path"),
        ("first_record_only", "no-loss", "happy-path"),
        ("batch_size_of_long_ago", "no-loss", "happy-path"),
        ("last_chunk_is_lost", "no-loss", "happy-path"),
        ("pointer_is_not_followed", "oversize-done", "s3-pointer"),
    ),
    # Bodies and keys that are not what was sent.
    *_family(
        "shape",
        ("reencodes_body", "body-exact", "happy-path"),
        ("strips_body", "body-exact", "happy-path"),
        ("invents_default_key", "no-invention", "partial-failure"),
        ("capitalises_key", "no-invention", "happy-path"),
        ("writes_before_validating", "no-invention", "partial-failure"),
        ("order_number_as_float", "no-invention", "happy-path"),
        ("drops_what_is_not_ascii", "body-exact", "happy-path"),
    ),
    # What an execution environment keeps, and what it does not.
    *_family(
        "state",
        ("buffers_across_invocations", "no-loss", "happy-path"),
        ("dedup_in_memory", "effects-once", "crash-after-effect"),
        ("stale_failures", "response-valid", "poison-to-dlq"),
        ("remembers_before_the_work", "no-loss", "whole-batch-failure"),
        ("results_list_grows", "dead-lettered", "poison-to-dlq"),
        ("shares_mutable_default", "body-exact", "happy-path"),
        ("circuit_never_closes", "same-answer", "leak-between-invocations"),
    ),
    # What shows without being told what is right, by comparing the handler with itself.
    *_family(
        "agreement",
        ("connection_errors_do_not_count", "acknowledged-after-failure", "calls-fail"),
        ("keeps_the_newest_of_alike", "acknowledged-without-work", "alone-and-among-others"),
        ("row_for_each_delivery", "unconditional-write-twice", "done-and-delivered-again"),
        ("tolerates_a_few_failures", "failure-kept", "alone-and-among-others"),
        ("one_transaction_for_all", "outcome-isolated", "alone-and-among-others"),
        ("canary_decides", "order-indifferent", "alone-and-among-others"),
        ("fills_gaps_from_the_last", "warm-as-cold", "odd-bodies-warm"),
    ),
    # Answers that the mapping reads otherwise.
    *_family(
        "response",
        ("forgets_partial_batch_setting", "no-loss", "poison-to-dlq"),
        ("reports_the_successes", "poison-isolated", "happy-path"),
        ("failures_by_receipt_handle", "response-valid", "poison-to-dlq"),
        ("wrong_key_name", "response-valid", "poison-to-dlq"),
        ("empty_identifier", "response-valid", "poison-to-dlq"),
        ("returns_list_of_ids", "response-valid", "poison-to-dlq"),
        ("answers_like_an_api", "response-valid", "happy-path"),
        ("misaligned_failures", "dead-lettered", "poison-to-dlq"),
        ("decorator_drops_the_answer", "dead-lettered", "poison-to-dlq"),
        ("returns_json_text", "response-valid", "happy-path"),
        ("answer_cannot_be_json", "poison-isolated", "happy-path"),
        ("exits_when_done", "dead-lettered", "happy-path"),
    ),
)

ROGUES: Mapping[str, Rogue] = MappingProxyType({rogue.name: rogue for rogue in _ROGUES})
"""Every rogue by name."""
