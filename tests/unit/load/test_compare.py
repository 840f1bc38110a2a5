import json
import random
from dataclasses import replace
from statistics import NormalDist, fmean

import pytest
from click.testing import CliRunner

from redrive.load.compare_command import compare_command
from redrive.load.observing.account import Account
from redrive.load.reporting import noise
from redrive.load.reporting.compare import Verdict, compare
from redrive.load.reporting.figures import Distribution, distribution
from redrive.load.reporting.report import write_report


def named(comparison):
    return {found.name: found for found in comparison.differences}


@pytest.mark.slow
@pytest.mark.once
@pytest.mark.parametrize("correlation", [0.0, 0.6])
def test_two_runs_of_the_same_are_noise_in_95_percent_of_seeds(make_record, correlation):
    seeds = range(24)
    alarms = [
        compare(
            make_record(2 * seed, seconds=60, correlation=correlation),
            make_record(2 * seed + 1, seconds=60, correlation=correlation),
        ).more_than_noise
        for seed in seeds
    ]
    assert sum(map(bool, alarms)) <= 0.05 * len(seeds)


@pytest.mark.slow
@pytest.mark.once
def test_a_shift_of_10_percent_is_found(make_record):
    found = 0
    for seed in range(10):
        pair = make_record(2 * seed, seconds=60, rate=80), make_record(2 * seed + 1, seconds=60, rate=80, slower=1.1)
        median = named(compare(*pair))["end to end p50"]
        found += median.verdict is Verdict.HIGHER
        assert median.low < 0.1 < median.high
    assert found >= 9


def test_a_run_is_like_itself_and_a_slower_one_says_so_both_ways(make_record):
    fast, slow = make_record(1, seconds=40, rate=100), make_record(2, seconds=40, rate=100, slower=1.5)
    assert compare(fast, fast).more_than_noise == ()
    there, back = named(compare(fast, slow))["end to end p50"], named(compare(slow, fast))["end to end p50"]
    assert (there.verdict, back.verdict) == (Verdict.HIGHER, Verdict.LOWER)
    assert there.change == pytest.approx(0.5, abs=0.1)


def test_correlated_seconds_count_as_fewer_observations(make_record):
    def effect(record):
        return noise.design_effect(
            record,
            distribution(record, "end_to_end"),
            percent=50,
            seen=lambda sample: sample.end_to_end_p50_ms,
            counted=lambda sample: sample.processed,
        )

    independent = fmean(effect(make_record(seed, seconds=60)) for seed in range(5))
    correlated = fmean(effect(make_record(seed, seconds=60, correlation=0.6)) for seed in range(5))
    assert independent < 2.5
    assert correlated > 3 * independent


def test_effect_is_not_guessed_from_a_few_looks(make_record):
    record = make_record(seconds=5)
    lines = compare(record, record).assumed
    assert any("end to end, A: each second counts as one observation" in line for line in lines)
    assert named(compare(record, record))["end to end p99"].verdict is Verdict.UNKNOWN


def test_too_few_observations_in_the_tail_are_unknown_not_noise(make_record):
    record = make_record(seconds=30)
    tail = named(compare(record, record))["end to end p99.9"]
    assert (tail.verdict, tail.why) == (Verdict.UNKNOWN, "too few independent observations")


def test_rate_that_differs_is_found_and_a_hair_is_noise(make_record):
    rates = named(compare(make_record(1, rate=50), make_record(2, rate=40)))
    assert rates["messages sent"].verdict is Verdict.LOWER
    assert rates["messages processed"].change == pytest.approx(-0.2)
    base = make_record(1, rate=50)
    hair = replace(base, samples=tuple(replace(s, sent=round(s.sent * 1.0005)) for s in base.samples))
    assert named(compare(base, hair))["messages sent"].verdict is Verdict.NOISE


def test_course_that_both_runs_share_is_no_noise(make_record):
    """A ramp scatters widely within a run; held against the other run's ramp, a tenth more is plain."""
    base = make_record(1, rate=50, seconds=40)

    def ramp(slope):
        return tuple(replace(s, sent=round(slope * s.at_s**2)) for s in base.samples)

    found = named(compare(replace(base, samples=ramp(10)), replace(base, samples=ramp(11))))["messages sent"]
    assert found.change == pytest.approx(0.1, abs=0.01)
    same = named(compare(replace(base, samples=ramp(10)), replace(base, samples=ramp(10.01))))["messages sent"]
    assert same.verdict is Verdict.NOISE


def test_shares_of_failures(make_record):
    a = make_record(1, rate=100, seconds=60)
    b = replace(a, batches_failed=60, account=replace(a.account, dead_lettered=3))
    found = named(compare(a, b))
    assert found["batches that failed"].verdict is Verdict.HIGHER
    assert found["batches that failed"].change == pytest.approx(0.1)
    assert found["messages in the DLQ"].verdict is Verdict.NOISE


def test_cost_without_measured_invocations_has_no_verdict(make_record):
    a = make_record(1)
    bare = replace(a, histograms={name: a.histograms[name] for name in ("send_batch", "end_to_end")})
    assert named(compare(a, bare))["cost of a million"].verdict is Verdict.UNKNOWN
    dearer = replace(a, configuration=replace(a.configuration, memory_mb=1_024))
    assert named(compare(a, dearer))["cost of a million"].verdict is Verdict.HIGHER


def test_warnings_say_what_makes_runs_hard_to_compare(make_record):
    a = make_record(1)
    b = replace(
        a,
        environment="moto",
        settings={"batch_size": 5, "shape": "ramp"},
        configuration=replace(a.configuration, memory_mb=512),
        account=Account(sent=100, unknown=0, processed=90, dead_lettered=0, left=0),
        not_known=("what worker 2\nsent last",),
    )
    assert compare(a, a).warnings == ()
    assert set(compare(a, b).warnings) == {
        "environment differs: aws and moto",
        "setting batch_size differs: 10 and 5",
        "setting shape differs: None and ramp",
        "configuration memory_mb differs: 256 and 512",
        "B does not balance: 10 of 100 messages are neither processed, nor in the DLQ, nor in the queue",
        "B: what worker 2 sent last",
        "B ran on an emulator (moto)",
    }


def test_t_quantile_is_the_tables_value():
    assert noise.t_quantile(0.975, 19) == pytest.approx(2.093, rel=0.005)
    assert noise.t_quantile(0.995, 19) == pytest.approx(2.861, rel=0.005)
    assert noise.t_quantile(0.975, 7) == pytest.approx(2.365, rel=0.01)


def test_order_statistics_cover_the_percentile():
    chance, share = random.Random(4), 0.9
    true = NormalDist().inv_cdf(share)
    covered = 0
    for _ in range(300):
        sample = Distribution.of((chance.gauss(0, 1), 1) for _ in range(400))
        interval = noise.percentile_interval(sample, 90, independent=400, alpha=0.05)
        covered += interval.low <= true <= interval.high
    assert 0.94 <= covered / 300 <= 0.99


def test_shares_of_nothing_have_an_interval_around_nothing():
    interval = noise.share_interval(0, 100, 0, 100, alpha=0.05)
    assert interval.low == pytest.approx(-interval.high)
    assert 0 < interval.high < 0.05


def test_command_prints_a_line_for_each_figure_and_json(make_record, tmp_path):
    for name, slower in (("a", 1.0), ("b", 2.0)):
        write_report(make_record(1, rate=100, slower=slower), tmp_path / name)
    folders = [str(tmp_path / "a"), str(tmp_path / "b")]
    done = CliRunner().invoke(compare_command, folders)
    assert done.exit_code == 0
    assert "end to end p50" in done.output
    assert "more than noise: " in done.output
    found = json.loads(CliRunner().invoke(compare_command, [*folders, "--json"]).output)
    verdicts = {line["name"]: line["verdict"] for line in found["differences"]}
    assert verdicts["end to end p50"] == "higher"
    assert found["a"] == folders[0]


def test_command_with_a_folder_that_has_no_record_is_status_2_and_says_so(make_record, tmp_path):
    write_report(make_record(1), tmp_path / "a")
    done = CliRunner().invoke(compare_command, [str(tmp_path / "a"), str(tmp_path / "none")])
    assert done.exit_code == 2
    assert "none: No such file" in done.output
    damaged = json.loads((tmp_path / "a" / "report.json").read_text())
    (tmp_path / "bad.json").write_text(json.dumps({**damaged, "histograms": {"end_to_end": "x"}}))
    done = CliRunner().invoke(compare_command, [str(tmp_path / "a"), str(tmp_path / "bad.json")])
    assert done.exit_code == 2
    assert "histogram end_to_end" in done.output
