"""Rogues are caught by LocalStack's own queue, mapping and Lambda too, each by its invariant in its scenario."""

import pytest

from redrive.scenarios.rogue_matrix import run_matrix

CAUGHT = [
    # Their work is not what it should be.
    "reencodes_body",
    "capitalises_key",
    "order_number_as_float",
    "buffers_across_invocations",
    # Something fails, or the process dies.
    "swallowed_exception",
    "completes_before_effect",
    # Messages come twice.
    "not_idempotent",
    "dedup_by_message_id",
    # A message is bad.
    "invents_default_key",
    # A message group has an order.
    "fifo_newest_only",
]


@pytest.fixture(scope="module")
def matrix(place):
    """All of them, some at once."""
    return run_matrix(only=CAUGHT, place=place, examples=2, processes=6)


@pytest.mark.parametrize("name", CAUGHT)
def test_rogue_is_caught_there_too(matrix, name):
    ((rogue, row),) = [(rogue, row) for rogue, row in matrix.rogues if rogue.name == name]
    assert list(row.verdicts) == [rogue.scenario], "where time is real it is asked this one alone"
    assert row.is_caught_as(rogue), (row.verdicts, row.violated, row.reason)
