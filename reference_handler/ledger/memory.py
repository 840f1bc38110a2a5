"""A ledger in the memory of one execution environment."""

from collections import OrderedDict
from dataclasses import dataclass
from threading import Lock

from .ledger import Claim, Status

__all__ = ["MemoryLedger"]


@dataclass(frozen=True, slots=True, kw_only=True)
class _Entry:
    status: Status
    owner: str
    lease_until_ms: int
    expires_at_ms: int


class MemoryLedger:
    """Recognises duplicates that reach the same execution environment, and no others.

    Enough where the sink is idempotent by key (`delta`), and for tests. A crash forgets everything.
    """

    def __init__(self, *, ttl_s: int) -> None:
        self._ttl_ms = ttl_s * 1000
        self._entries: OrderedDict[str, _Entry] = OrderedDict()
        self._lock = Lock()

    def claim(self, key: str, *, owner: str, lease_until_ms: int, now_ms: int) -> Claim:
        """See `Ledger.claim`."""
        with self._lock:
            self._forget_expired(now_ms)
            entry = self._entries.get(key)
            if entry is not None and now_ms < entry.expires_at_ms:
                if entry.status is Status.DONE:
                    return Claim.DONE
                if entry.owner != owner and now_ms < entry.lease_until_ms:
                    return Claim.LEASED
            self._put(
                key,
                _Entry(
                    status=Status.IN_PROGRESS,
                    owner=owner,
                    lease_until_ms=lease_until_ms,
                    expires_at_ms=now_ms + self._ttl_ms,
                ),
            )
            return Claim.CLAIMED

    def complete(self, key: str, *, owner: str, now_ms: int) -> bool:
        """See `Ledger.complete`."""
        with self._lock:
            entry = self._entries.get(key)
            if entry is None or entry.owner != owner:
                return False
            if entry.status is Status.IN_PROGRESS:
                self._put(
                    key,
                    _Entry(
                        status=Status.DONE,
                        owner=owner,
                        lease_until_ms=now_ms,
                        expires_at_ms=now_ms + self._ttl_ms,
                    ),
                )
            return True

    def release(self, key: str, *, owner: str) -> bool:
        """See `Ledger.release`."""
        with self._lock:
            entry = self._entries.get(key)
            if entry is None or entry.owner != owner or entry.status is Status.DONE:
                return False
            del self._entries[key]
            return True

    def _put(self, key: str, entry: _Entry) -> None:
        self._entries[key] = entry
        self._entries.move_to_end(key)

    def _forget_expired(self, now_ms: int) -> None:
        # Every write goes to the end, so the oldest stand in front: memory is bounded by what the TTL covers.
        while self._entries:
            key, entry = next(iter(self._entries.items()))
            if now_ms < entry.expires_at_ms:
                return
            del self._entries[key]
