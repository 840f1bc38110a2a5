"""Tells whoever asked for it, over HTTP, how each invocation begins and ends.

A function asks with its environment variable ``REDRIVE_RECORDER_URL``. The recorder can answer that the mapping is to
lose the deletion of a message: so a message that was processed is delivered again (S17, E11).
"""

from __future__ import annotations

import http.client
import json
import logging
import threading
import time
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any, Final
from urllib.parse import urlsplit

__all__ = ["LOST_DELETIONS", "RECORDER_URL", "Ending", "LostDeletions", "Recorder"]

RECORDER_URL: Final = "REDRIVE_RECORDER_URL"

_HOST: Final = "127.0.0.1"
# A recorder may have invocations take turns.
_ANSWER_WITHIN_S: Final = 60.0
_ANSWER_BYTES_MAX: Final = 1024 * 1024
_LOST_MAX: Final = 100_000

LOG = logging.getLogger(__name__)


class Ending(StrEnum):
    """How an invocation ended, in the simulator's words (E23)."""

    RETURNED = "returned"
    RAISED = "raised"
    TIMED_OUT = "timed out"
    CRASHED = "crashed"


class LostDeletions:
    """The messages whose next deletion is to be lost, by their ids."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._message_ids: dict[str, None] = {}

    def add(self, message_ids: Iterable[str]) -> None:
        """Lose the next deletion of each of these; a message that is there already is not lost twice."""
        with self._lock:
            self._message_ids.update(dict.fromkeys(message_ids))
            for oldest in list(self._message_ids)[: max(0, len(self._message_ids) - _LOST_MAX)]:
                del self._message_ids[oldest]

    def take(self, message_ids: Collection[str]) -> set[str]:
        """Those of these messages whose deletion is to be lost; it is lost this once."""
        with self._lock:
            lost = {message_id for message_id in message_ids if message_id in self._message_ids}
            for message_id in lost:
                del self._message_ids[message_id]
        return lost


LOST_DELETIONS: Final = LostDeletions()
"""Filled by the functions' recorders, emptied by the mappings' pollers."""


@dataclass(slots=True, kw_only=True)
class Recorder:
    """The recorder at ``url``, or none.

    Only ``http://127.0.0.1:PORT`` is one: events hold what is in the messages, and go nowhere else. One that does not
    answer is warned of once; the invocations go on.
    """

    url: str | None
    lost: LostDeletions = field(default_factory=lambda: LOST_DELETIONS)
    _warned: bool = field(default=False, init=False)

    def __post_init__(self) -> None:
        if self.url is not None and not _is_local(self.url):
            LOG.warning("%s=%r is refused: a recorder is at http://%s:PORT", RECORDER_URL, self.url, _HOST)
            self.url = None

    def began(self, said: Mapping[str, Any], event: str) -> None:
        """The process is there and gets the event, JSON text that is sent on as it is, when this returns."""
        if self.url is not None:
            text = json.dumps({**said, "at_ms": _now_ms()})
            # A number of many digits would not survive being read and written once more.
            self._post("began", f'{text[:-1]}, "event": {event or "null"}}}')

    def ended(self, request_id: str, ending: Ending, payload: str | None) -> None:
        """The invocation is over. The mapping sees the result when this returns."""
        if self.url is not None:
            said = {"request_id": request_id, "ending": ending.value, "payload": payload, "at_ms": _now_ms()}
            answer = self._post("ended", json.dumps(said))
            self.lost.add(_message_ids(answer))

    def _post(self, path: str, body: str) -> bytes:
        assert self.url is not None
        url = urlsplit(self.url)
        connection = http.client.HTTPConnection(_HOST, url.port, timeout=_ANSWER_WITHIN_S)
        try:
            target = f"{url.path.rstrip('/')}/{path}"
            connection.request("POST", target, body=body.encode(), headers={"Content-Type": "application/json"})
            response = connection.getresponse()
            answer = response.read(_ANSWER_BYTES_MAX)
            if response.status >= http.HTTPStatus.BAD_REQUEST:
                raise http.client.HTTPException(f"status {response.status}")
        except (OSError, http.client.HTTPException) as error:
            if not self._warned:
                LOG.warning("The recorder at %s does not answer: %s", self.url, repr(error))
            self._warned = True
            return b""
        finally:
            connection.close()
        return answer


def _is_local(url: str) -> bool:
    try:
        parts = urlsplit(url)
        return parts.scheme == "http" and parts.hostname == _HOST and parts.port is not None
    except ValueError:
        return False


def _message_ids(answer: bytes) -> list[str]:
    """What the answer to ``ended`` says is to be lost; nothing if it says nothing that can be read."""
    try:
        said = json.loads(answer) if answer else {}
    except ValueError:
        LOG.warning("The recorder's answer is not JSON: %.200r", answer)
        return []
    lose = said.get("lose_deletes", []) if isinstance(said, dict) else []
    return [message_id for message_id in lose if isinstance(message_id, str)] if isinstance(lose, list) else []


def _now_ms() -> int:
    return time.time_ns() // 1_000_000
