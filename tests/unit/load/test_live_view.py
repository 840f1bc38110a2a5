"""What the web UI is given: few points whatever the length of a run, no peak lost, nothing that JSON has not."""

import json
import math
from dataclasses import asdict

from redrive.load.observing.account import Account
from redrive.load.observing.observation import live
from redrive.load.reporting.live_view import POINTS_MAX, figures, view
from redrive.load.reporting.record import Sample


def snapshot(*samples, state="sending", **more):
    return {
        "samples": [asdict(sample) for sample in samples],
        "end_to_end_ms": None,
        "account": None,
        "state": state,
    } | more


def look(at_s, **more):
    return Sample(**{"at_s": float(at_s), "visible": 0, "in_flight": 0, "delayed": 0, **more})


def values(seen):
    return {row["name"]: row["value"] for row in figures(seen)}


def test_before_the_first_look_it_waits():
    seen = view(live.snapshot())
    assert (seen["state"], seen["now"], seen["account"], seen["sending_ended_s"]) == ("waiting", None, None, None)
    assert values(seen)["State"] == "Waiting for the first look at the queue"
    assert values(seen)["Sent"] == "— (—)"


def test_a_short_run_is_shown_look_by_look():
    seen = view(
        snapshot(
            look(1, visible=5, in_flight=2, delayed=1, sent=10, processed=2, oldest_age_s=0.5),
            look(2, visible=3, in_flight=1, sent=30, processed=26, oldest_age_s=1.5, end_to_end_p99_ms=7.0),
        )
    )
    assert seen["series"]["at_s"] == [1.0, 2.0]
    assert seen["series"]["visible"] == [5, 3]
    assert seen["series"]["end_to_end_p99_ms"] == [None, 7.0]
    assert seen["series"]["sent_per_s"] == [None, 20.0]
    assert seen["now"]["backlog"] == 4
    shown = values(seen)
    assert (shown["Sent"], shown["Processed"]) == ("30 (20/s)", "26 (24/s)")
    assert (shown["Backlog"], shown["of which in flight"], shown["Oldest age"]) == ("4", "1", "1.5 s")


def test_a_long_run_has_few_points_and_every_peak():
    samples = [look(second, visible=second % 7, sent=10 * second, oldest_age_s=1.0) for second in range(3_599)]
    samples[1_234] = look(1_234, visible=500, in_flight=9, sent=12_340, oldest_age_s=77.0, end_to_end_p99_ms=9e4)
    series = view(snapshot(*samples))["series"]
    assert {len(column) for column in series.values()} == {math.ceil(3_599 / 6)}
    assert len(series["at_s"]) <= POINTS_MAX
    peak = series["visible"].index(500)
    assert series["in_flight"][peak] == 9
    assert series["oldest_age_s"][peak] == 77.0
    assert series["end_to_end_p99_ms"][peak] == 9e4
    assert (series["at_s"][-1], series["sent"][-1]) == (3_598.0, 35_980)


def test_the_latest_depth_is_that_of_the_last_look():
    samples = [look(second, visible=900) for second in range(1_199)] + [look(1_199, visible=1)]
    seen = view(snapshot(*samples))
    assert seen["series"]["visible"][-1] == 900
    assert seen["now"]["visible"] == seen["now"]["backlog"] == 1


def test_rates_are_over_some_seconds():
    totals = [0, 100, 100, 100, 100, 200]
    seen = view(snapshot(*(look(second, sent=total) for second, total in enumerate(totals))))
    assert seen["series"]["sent_per_s"] == [None, 100.0, 50.0, 33.333, 25.0, 25.0]
    assert seen["series"]["processed_per_s"] == [None] * 6


def test_when_sending_ended_is_known_once_it_has():
    samples = [look(1, sent=5), look(2, sent=9), look(3, sent=9), look(4, sent=9)]
    assert view(snapshot(*samples))["sending_ended_s"] is None
    assert view(snapshot(*samples, state="draining"))["sending_ended_s"] == 2.0


def test_what_json_has_not_is_left_out():
    seen = view(
        snapshot(
            look(1, visible=5, oldest_age_s=math.nan, end_to_end_p50_ms=math.inf, send_p50_ms="<b>"),
            end_to_end_ms={"p50": math.nan, "p90": 2.0, "max": 1 / 3},
        )
    )
    json.dumps(seen, allow_nan=False)
    assert (
        seen["series"]["oldest_age_s"] == seen["series"]["end_to_end_p50_ms"] == seen["series"]["send_p50_ms"] == [None]
    )
    assert seen["end_to_end_ms"] == {"p50": None, "p90": 2.0, "p99": None, "p99.9": None, "max": 0.333}


def test_the_account_is_told_as_on_the_terminal_and_judged_when_settled():
    account = Account(sent=9, unknown=0, processed=7, dead_lettered=1, left=0)
    draining, settled = (
        view(snapshot(look(1), state=state, account=account.as_json())) for state in ("draining", "settled")
    )
    assert settled["account"]["text"] == str(account)
    assert settled["account"]["problem"] == account.problem is not None
    assert values(settled)["Account"] == f"{account}; {account.problem}"
    assert values(draining)["Account"] == f"{account}; not settled yet"
