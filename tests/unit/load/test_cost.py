import json
from dataclasses import replace

import pytest
from click.testing import CliRunner
from hypothesis import given
from hypothesis import strategies as st

from redrive.load.cost_command import cost_command, simple_lines
from redrive.load.reporting.cost import SCALES, Workload, cost, prices_note, savings, simple_cost
from redrive.load.reporting.report import write_report
from redrive.load.reporting.run_cost import run_cost

WORKLOADS = st.builds(
    Workload,
    messages=st.floats(1, 1e9),
    batch_size=st.integers(1, 10_000),
    window_s=st.floats(0, 300),
    duration_ms=st.floats(0, 10_000),
    memory_mb=st.integers(128, 10_240),
    body_kb=st.floats(0.1, 256),
    architecture=st.sampled_from(["arm64", "x86_64"]),
    fifo=st.booleans(),
    send_batch_size=st.integers(1, 10).map(float),
    deliveries=st.floats(1, 5),
)


def run(*arguments):
    done = CliRunner().invoke(cost_command, [str(argument) for argument in arguments])
    return done.exit_code, done.output


def counts(**workload):
    return {line.what: line.count for line in cost(Workload(**workload)).lines}


def test_the_simple_table_is_the_known_one():
    """100k, 5M and 50M messages a month: one request and one invocation a message, no free tier, whole dollars."""
    assert simple_lines({name: simple_cost(messages) for name, messages in SCALES.items()}) == [
        "scale   messages/month  SQS  Lambda  total",
        "Low               100k   $0      $0     $0",
        "Medium              5M   $2      $1    ~$3",
        "High               50M  $20     $10   ~$30",
    ]


def test_the_simple_table_comes_from_the_price_table():
    tables = [simple_cost(messages) for messages in SCALES.values()]
    found = [(table.usd("SQS"), table.usd("Lambda"), table.usd()) for table in tables]
    assert found == [pytest.approx(row) for row in ((0.04, 0.02, 0.06), (2, 1, 3), (20, 10, 30))]


def test_after_the_free_tier_the_simple_totals_would_be_others():
    """So the known table is without it: $2.40 is no ~$3, though $1.60 is $2 and $0.80 is $1."""
    found = [simple_cost(messages).usd_after_free_tier() for messages in SCALES.values()]
    assert found == [pytest.approx(usd) for usd in (0.0, 2.4, 29.4)]


def test_a_message_alone_is_three_requests():
    found = counts(messages=5_000_000, batch_size=1)
    assert (found["sends"], found["receives"], found["deletions"]) == (5e6, 5e6, 5e6)
    assert found["requests"] == 5e6


def test_full_batches_of_ten_are_a_tenth_of_the_requests_and_sends_have_their_own():
    found = counts(messages=1_000_000, records_per_invocation=10.0, send_batch_size=10.0)
    assert (found["sends"], found["receives"], found["deletions"], found["requests"]) == (1e5, 1e5, 1e5, 1e5)


def test_large_invocations_still_take_ten_messages_a_request():
    found = counts(messages=1_000_000, batch_size=100, records_per_invocation=100.0)
    assert (found["receives"], found["deletions"], found["requests"]) == (1e5, 1e5, 1e4)


@pytest.mark.parametrize(("body_kb", "requests"), [(0.5, 1), (6.4, 1), (6.5, 2), (64, 10), (65, 11), (102.4, 16)])
def test_each_64_kb_of_a_batch_is_a_request(body_kb, requests):
    found = counts(messages=1_000, send_batch_size=10.0, records_per_invocation=10.0, body_kb=body_kb)
    assert found["sends"] == 100 * requests
    assert found["receives"] == 100 * requests
    assert found["deletions"] == 100


def test_receives_that_find_nothing_are_five_long_polls_on_a_quiet_queue_and_none_on_a_busy_one():
    assert counts(messages=1)["receives that find nothing"] == pytest.approx(5 * 30 * 24 * 3_600 / 20, rel=0.001)
    assert counts(messages=50_000_000)["receives that find nothing"] < 1
    assert counts(messages=10**12)["receives that find nothing"] == 0


def test_gb_seconds_are_for_each_delivery():
    found = counts(messages=1_000_000, duration_ms=100, memory_mb=512, deliveries=1.5)
    assert found["duration"] == pytest.approx(1_500_000 * 0.1 * 0.5)


def test_a_write_is_at_least_one_unit():
    assert counts(messages=1_000, body_kb=0.0)["writes"] == counts(messages=1_000, body_kb=1.0)["writes"] == 2_000


def test_free_tier_is_spent_once():
    table = cost(Workload(messages=2_000_000, batch_size=1, dynamodb_writes=0.0))
    sqs = sum(line.count for line in table.lines if line.service == "SQS")
    assert table.usd_after_free_tier("SQS") == pytest.approx((sqs - 1_000_000) * 0.4e-6)
    assert table.usd() - table.usd_after_free_tier() == pytest.approx(
        0.4 + 0.2 + 2e6 * 0.1 * 0.25 * 0.0000133334 + table.usd("Logs")
    )


@given(WORKLOADS)
def test_sums_are_those_of_the_services_and_the_free_tier_only_takes_away(workload):
    table = cost(workload)
    assert sum(map(table.usd, table.services)) == pytest.approx(table.usd())
    assert -1e-9 <= table.usd_after_free_tier() <= table.usd() + 1e-9
    assert 1 <= workload.records <= workload.batch_size
    json.dumps(table.as_json(), allow_nan=False)


@given(WORKLOADS)
def test_what_is_said_to_save_does(workload):
    now = cost(workload).usd()
    for saving in savings(workload):
        assert saving.usd < now
        assert saving.saved_usd == pytest.approx(now - saving.usd)


def test_window_fills_batches_and_saves_and_fifo_has_none():
    changes = {saving.change: saving for saving in savings(Workload(messages=50_000_000))}
    assert changes["batch size 10, window 5 s"].waits_s == 5
    assert changes["batch size 10, window 5 s"].records == 10
    assert "sends of 10 messages at once" in changes
    assert not any("window 5" in saving.change for saving in savings(Workload(messages=50_000_000, fifo=True)))
    assert Workload(messages=50_000_000, fifo=True, window_s=5).records == 1


def test_prices_say_their_age_and_the_free_tier():
    note = prices_note([cost(Workload(messages=1))])
    assert note.startswith("Prices of 2025-07 to 2026-03, us-east-1")
    assert "1M requests, 400k GB-seconds, 5 GB of logs" in note


def test_runs_own_figures_are_used(make_record):
    record = make_record(seconds=20)
    found = run_cost(record)
    workload = found.per_million.workload
    assert workload.records_per_invocation == pytest.approx(4.8, abs=0.3)
    assert workload.duration_ms == pytest.approx(24, rel=0.05)
    assert workload.body_kb == pytest.approx(700 / 1_024)
    assert (workload.memory_mb, workload.architecture) == (256, "arm64")
    assert workload.deliveries == pytest.approx(1)
    assert workload.send_batch_size == 10
    assert workload.dynamodb_writes == 2
    assert found.months["at the run's rate"].workload.messages == pytest.approx(40 * 30 * 24 * 3_600)


def test_what_was_not_measured_is_named(make_record):
    record = make_record(seconds=20, histograms={}, observer="depth", bytes_sent=0)
    record = replace(record, configuration=replace(record.configuration, memory_mb=None, architecture=None))
    found = run_cost(record)
    said = "; ".join(found.assumed)
    for what in ("256 MB", "arm64", "100 ms of function time", "1 KB a message", "no writes to DynamoDB"):
        assert what in said
    assert found.measured == ("10 messages a send",)
    assert found.per_million.workload.dynamodb_writes == 0


def test_command_prints_both_tables_what_is_left_out_and_the_prices():
    status, output = run()
    assert status == 0
    for line in ("Medium              5M   $2      $1    ~$3", "two more SQS requests a message", "after free tier"):
        assert line in output
    assert "What other settings would save at 50M messages a month" in output


def test_command_with_settings_and_json():
    status, output = run(
        "--messages", 1_000_000, "--messages", 2_000_000, "--batch-size", 100, "--window", 5, "--duration-ms", 20,
        "--dynamodb-writes", 0, "--memory-mb", 1_024, "--body-kb", 2, "--architecture", "x86_64", "--json",
    )  # fmt: skip
    assert status == 0
    found = json.loads(output)
    assert list(found["months"]) == ["1,000,000", "2,000,000"]
    workload = found["months"]["1,000,000"]["workload"]
    assert (workload["batch_size"], workload["window_s"], workload["architecture"]) == (100, 5, "x86_64")
    assert found["months"]["1,000,000"]["usd_by_service"]["DynamoDB"] == 0
    assert found["simple"]["months"]["1,000,000"]["usd"] == pytest.approx(0.6)


def test_command_with_a_run(make_record, tmp_path):
    write_report(make_record(seconds=20, environment="moto"), tmp_path)
    status, output = run(tmp_path)
    assert status == 0
    assert "at the run's rate" in output
    assert "the durations are those of an emulator (moto)" in output
    assert "measured: 10 messages a send" in output
    status, output = run("--batch-size", 1, "--json", tmp_path)
    found = json.loads(output)
    assert found["months"]["High"]["workload"]["records"] == 1
    assert "given instead of the run's own: batch size 1; messages an invocation follow from it" in found["from"]


@pytest.mark.parametrize(
    "arguments", [["--messages", "0"], ["--batch-size", "10001"], ["--architecture", "z80"], ["x"]]
)
def test_bad_arguments_are_status_2(arguments):
    status, output = run(*arguments)
    assert status == 2
    assert arguments[-1] in output
