"""What the web UI shows of a run that goes on: what `observing.live` says, small enough to be asked for each second."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import fields
from typing import Any, Final

from ..observing.account import Account
from .wording import NONE, count, duration, rate

__all__ = ["PERCENTILES", "POINTS_MAX", "STATES", "figures", "view"]

POINTS_MAX: Final = 600
"""More than a chart has pixels for."""
PERCENTILES: Final = ("p50", "p90", "p99", "p99.9", "max")
STATES: Final = {
    "waiting": "Waiting for the first look at the queue",
    "sending": "Sending",
    "draining": "Draining",
    "settled": "Settled",
}
"""What a run does, and how it is told."""

_DEPTHS: Final = ("visible", "in_flight", "delayed")
_PEAKS: Final = (
    "oldest_age_s",
    "users",
    "end_to_end_p50_ms",
    "end_to_end_p99_ms",
    "send_p50_ms",
    "send_p99_ms",
)
_TOTALS: Final = ("at_s", "sent", "processed", "dead_lettered")
# A look each second sees whole batches come and go. Over a few of them a rate is a rate.
_RATE_OVER_S: Final = 4.0

Look = Mapping[str, Any]


def view(snapshot: Look) -> dict[str, Any]:
    """A snapshot of the run as columns of at most `POINTS_MAX` points, with the latest figures; all of it JSON.

    Neighbours become one as in `sample_series`: the depth of the deepest look, the largest age and latencies, the
    counts of the last. `sent_per_s` and `processed_per_s` are over the few seconds before; `sending_ended_s` is when
    the last message had been sent, None as long as there may be more. Until the state is `settled` the account is of
    that moment, and may yet change.
    """
    samples: Sequence[Look] = snapshot.get("samples") or ()
    state = str(snapshot.get("state")) if samples else "waiting"
    points = [_point(group) for group in _groups(samples)]
    series = {name: [point[name] for point in points] for name in (*_TOTALS, *_DEPTHS, *_PEAKS)}
    for total in ("sent", "processed"):
        series[f"{total}_per_s"] = _rates(series["at_s"], series[total])
    return {
        "state": state,
        "now": {name: column[-1] for name, column in series.items()} | _depth_now(samples[-1]) if samples else None,
        "series": series,
        "sending_ended_s": _sending_ended_s(samples) if state != "sending" else None,
        "end_to_end_ms": _percentiles(snapshot.get("end_to_end_ms")),
        "account": _account(snapshot.get("account")),
    }


def figures(seen: Look) -> list[dict[str, str]]:
    """The latest figures of a view as rows of a table, for the tab that Locust draws itself."""
    now = seen["now"] or {}
    age_s, end_to_end = now.get("oldest_age_s"), seen["end_to_end_ms"] or {}
    rows = [
        ("State", STATES.get(seen["state"], str(seen["state"]))),
        ("Sent", f"{count(now.get('sent'))} ({rate(now.get('sent_per_s'))})"),
        ("Processed", f"{count(now.get('processed'))} ({rate(now.get('processed_per_s'))})"),
        ("In the DLQ", count(now.get("dead_lettered"))),
        ("Backlog", count(now.get("backlog"))),
        ("of which in flight", count(now.get("in_flight"))),
        ("Oldest age", duration(None if age_s is None else age_s * 1_000)),
        *((f"End to end, {name}", duration(end_to_end.get(name))) for name in PERCENTILES),
        ("Account", _told(seen["account"], settled=seen["state"] == "settled")),
    ]
    return [{"name": name, "value": value} for name, value in rows]


def _groups(samples: Sequence[Look]) -> Iterator[Sequence[Look]]:
    # Groups keep their borders while a run goes on, so that the past does not move at each look.
    size = max(1, math.ceil(len(samples) / POINTS_MAX))
    return (samples[start : start + size] for start in range(0, len(samples), size))


def _point(group: Sequence[Look]) -> dict[str, float | None]:
    deepest = max(group, key=_backlog)
    return {
        **{name: _number(group[-1].get(name)) for name in _TOTALS},
        **{name: _number(deepest.get(name)) for name in _DEPTHS},
        **{name: _largest(look.get(name) for look in group) for name in _PEAKS},
    }


def _depth_now(look: Look) -> dict[str, float | None]:
    return {**{name: _number(look.get(name)) for name in _DEPTHS}, "backlog": _backlog(look)}


def _backlog(look: Look) -> float:
    return sum(_number(look.get(name)) or 0 for name in _DEPTHS)


def _largest(values: Iterator[Any]) -> float | None:
    return max((number for value in values if (number := _number(value)) is not None), default=None)


def _number(value: Any) -> float | None:
    """A number that JSON has; None for all else."""
    if isinstance(value, bool) or not isinstance(value, int | float) or not math.isfinite(value):
        return None
    return value if isinstance(value, int) else round(value, 3)


def _rates(times_s: Sequence[float | None], totals: Sequence[float | None]) -> list[float | None]:
    """How much of a total was added a second, at each point."""
    at_s = [value or 0.0 for value in times_s]
    rates: list[float | None] = []
    since = 0
    for index, (until_s, total) in enumerate(zip(at_s, totals, strict=True)):
        while since < index and until_s - at_s[since + 1] >= _RATE_OVER_S:
            since += 1
        before, passed_s = totals[since], until_s - at_s[since]
        if total is None or before is None or passed_s <= 0:
            rates.append(None)
        else:
            rates.append(round(max(0, total - before) / passed_s, 3))
    return rates


def _sending_ended_s(samples: Sequence[Look]) -> float | None:
    ended_s = None
    for look in reversed(samples):
        if look.get("sent") != samples[-1].get("sent"):
            break
        ended_s = _number(look.get("at_s"))
    return ended_s


def _percentiles(values: Look | None) -> dict[str, float | None] | None:
    return {name: _number(values.get(name)) for name in PERCENTILES} if values else None


def _account(value: Look | None) -> dict[str, Any] | None:
    """The account with how it is told on the terminal."""
    if not value:
        return None
    account = Account(**{field.name: value[field.name] for field in fields(Account) if field.name in value})
    return {**account.as_json(), "text": str(account)}


def _told(account: Look | None, *, settled: bool) -> str:
    if account is None:
        return NONE
    verdict = (account["problem"] or "it balances") if settled else "not settled yet"
    return f"{account['text']}; {verdict}"
