"""Reads from the reference handler's table which messages of the run are done, and when they were.

DynamoDB tells no change by itself: the table is read page after page, round and round, whatever else is in it. That
costs read units for the whole table in each round.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Any, Final

from ..sending.correlation import Mark
from .queue_watch import FAILURES, Problems
from .tally import NUMBER_MAX, Tally

__all__ = ["LedgerObserver", "mark_of_row", "processed_at_ms"]

_PAGES: Final = 5
_PAGES_MAX: Final = 500


class LedgerObserver:
    """Looks for rows of the run that are `done`. `fire` is as with replies.

    `keys_are_ours` says that business keys begin with the run's id: then DynamoDB need not send the other rows.
    """

    def __init__(
        self,
        dynamodb: Any,
        table: str,
        tally: Tally,
        problems: Problems,
        *,
        keys_are_ours: bool,
        fire: Callable[[str, str, float, int], object],
    ) -> None:
        self._dynamodb = dynamodb
        self._table = table
        self._tally = tally
        self._problems = problems
        self._fire = fire
        self._next: Mapping[str, Any] | None = None
        self._written_twice: set[str] = set()
        self._filter: dict[str, Any] = {}
        if keys_are_ours:
            self._filter = {
                "FilterExpression": "begins_with(business_key, :run)",
                "ExpressionAttributeValues": {":run": {"S": f"{tally.run}-"}},
            }

    @property
    def written_twice(self) -> int:
        """How many business keys had their effect more than once."""
        return len(self._written_twice)

    def look(self, *, whole: bool = False) -> None:
        """Read on by some pages; `whole` reads the table from its beginning to its end."""
        if whole:
            self._next = None
        try:
            for _ in range(_PAGES_MAX if whole else _PAGES):
                self._next = self._page(self._next)
                if self._next is None:
                    return
        except FAILURES as error:
            self._problems.tell("the ledger could not be read", error)
            return
        if whole:
            self._problems.tell(f"the ledger has more than {_PAGES_MAX} pages: not all of it was read")

    def _page(self, begin: Mapping[str, Any] | None) -> Mapping[str, Any] | None:
        request: dict[str, Any] = {
            "TableName": self._table,
            "ConsistentRead": True,
            "ProjectionExpression": "business_key, #status, revision, processed_at, #message",
            "ExpressionAttributeNames": {"#status": "status", "#message": "message"},
            **self._filter,
        }
        if begin is not None:
            request["ExclusiveStartKey"] = begin
        answer = self._dynamodb.scan(**request)
        for row in answer["Items"]:
            if row.get("status") == {"S": "done"}:
                self._take(row)
        following: Mapping[str, Any] | None = answer.get("LastEvaluatedKey")
        return following

    def _take(self, row: Mapping[str, Any]) -> None:
        mark = mark_of_row(row, self._tally.run)
        if mark is None:
            return
        if int(row.get("revision", {"N": "1"})["N"]) > 1:
            self._written_twice.add(row["business_key"]["S"])
        at_ms = processed_at_ms(row)
        latency_ms = self._tally.add_done(mark, at_ms if mark.due_at_ms else None)
        if latency_ms is not None:
            self._fire("SQS", "message end-to-end", latency_ms, 0)


def mark_of_row(row: Mapping[str, Any], run: str) -> Mark | None:
    """The mark of the message that a row was written for; None if it is of no message of the run.

    The sink of the reference handler keeps the message with its attributes in the row. A ledger alone keeps the key,
    which says which message it was and not when it was due: then that is 0.
    """
    message = row.get("message", {}).get("B", b"")
    # A mark ends with the milliseconds of this age, which have 13 digits.
    found = re.search(rf"{run}\.([^.\s]{{1,64}})\.(\d{{1,10}})\.(\d{{13}})".encode(), message)
    if found is not None:
        sender, number, due = (part.decode(errors="replace") for part in found.groups())
        return Mark(run=run, sender=sender, number=int(number), due_at_ms=int(due))
    key = re.fullmatch(rf"{run}-([^.\s]{{1,64}})-(\d{{1,10}})", row["business_key"]["S"], re.ASCII)
    if key is None or int(key[2]) >= NUMBER_MAX:
        return None
    return Mark(run=run, sender=key[1], number=int(key[2]), due_at_ms=0)


def processed_at_ms(row: Mapping[str, Any]) -> float | None:
    """When the row was written, by the function's clock; None if it does not say."""
    try:
        return datetime.fromisoformat(row["processed_at"]["S"]).timestamp() * 1000
    except (KeyError, TypeError, ValueError):
        return None
