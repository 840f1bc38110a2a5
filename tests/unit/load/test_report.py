import csv
import json
import re
import xml.etree.ElementTree as ET
from dataclasses import replace
from html.parser import HTMLParser

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from redrive.load.observing.account import Account
from redrive.load.reporting.charts import even_ticks, log_ticks, time_ticks
from redrive.load.reporting.record import CapacityFound, ConsumerConfiguration, ErrorCount, RunRecord, read_record
from redrive.load.reporting.report import table, write_report
from redrive.load.reporting.report_page import page
from redrive.load.sending.counts import SendCounts

HOSTILE = "</title></style><script>alert('1')</script>\"><img src=x onerror=alert(2)>&amp;\x1b[2J{{ 7*7 }}"
LOADS = {"src", "href", "xlink:href", "action", "data", "srcset", "poster"}


class Parsed(HTMLParser):
    """The tags of a page with their attributes, and its text."""

    def __init__(self, text):
        super().__init__()
        self.tags, self.text = [], []
        self.feed(text)

    def handle_starttag(self, tag, attrs):
        self.tags.append((tag, dict(attrs)))

    def handle_data(self, data):
        self.text.append(data)

    @property
    def names(self):
        return {tag for tag, _ in self.tags}


def said(text):
    return " ".join("".join(Parsed(text).text).split())


@pytest.fixture(scope="module")
def record(make_record):
    return make_record(seconds=30, not_known=("what worker 2 sent last is not known",))


def rows(path):
    return list(csv.DictReader(path.read_text().splitlines()))


def hostile(record):
    return replace(
        record,
        queue_url=f"https://queue/{HOSTILE}",
        region=HOSTILE,
        observer=HOSTILE,
        errors=(ErrorCount(request=HOSTILE, error=HOSTILE, count=3),),
        not_known=(HOSTILE,),
        configuration=replace(record.configuration, function_name=HOSTILE, unread=(HOSTILE,)),
        settings={HOSTILE: HOSTILE},
        versions={HOSTILE: HOSTILE},
    )


def test_folder_has_the_page_the_record_and_the_tables(record, tmp_path):
    folder = tmp_path / "deep" / "report"
    write_report(record, folder)
    assert {path.name for path in folder.iterdir()} == {
        "report.html", "report.json", "samples.csv", "latencies.csv", "errors.csv",
    }  # fmt: skip
    assert read_record(folder) == record
    samples = rows(folder / "samples.csv")
    assert len(samples) == 30
    assert (samples[9]["at_s"], samples[9]["sent"]) == ("10.0", "400")
    latencies = rows(folder / "latencies.csv")
    median = next(row for row in latencies if (row["what"], row["percentile"]) == ("end_to_end", "50"))
    assert float(median["milliseconds"]) == pytest.approx(200, rel=0.1)
    errors = rows(folder / "errors.csv")
    assert errors == [{"request": "SQS send_batch", "error": "ConnectionError: refused", "count": "2"}]


def test_writing_again_replaces(record, tmp_path):
    write_report(record, tmp_path)
    write_report(replace(record, observer="reply"), tmp_path)
    assert read_record(tmp_path).observer == "reply"


def test_page_loads_nothing_and_runs_nothing(record):
    text = page(record)
    parsed = Parsed(text)
    assert not {"script", "iframe", "object", "embed", "link", "img", "base"} & parsed.names
    assert [(tag, attrs) for tag, attrs in parsed.tags if LOADS & set(attrs)] == []
    assert [name for _, attrs in parsed.tags for name in attrs if name.startswith("on")] == []
    assert not re.search(r"url\(|@import|@font-face", text)
    policies = [attrs["content"] for tag, attrs in parsed.tags if attrs.get("http-equiv") == "Content-Security-Policy"]
    assert policies[0].startswith("default-src 'none'; style-src 'unsafe-inline'")


def test_hostile_text_is_text_and_nothing_else(record):
    plain, evil = Parsed(page(record)), Parsed(page(hostile(record)))
    assert evil.names == plain.names
    assert not [name for _, attrs in evil.tags for name in attrs if name.startswith("on")]
    assert "".join(evil.text).count("<script>alert('1')</script>") >= 8
    assert "{{ 7*7 }}" in "".join(evil.text)


def test_hostile_text_moves_no_cursor_and_stays_on_its_line(record):
    lines = table(replace(hostile(record), not_known=("one\ntwo\x1b[2J\r\u2028three",)))
    assert all(char.isprintable() for line in lines for char in line)
    assert "not known one two [2J three" in lines


def test_cell_that_a_spreadsheet_would_run_is_text(record, tmp_path):
    errors = (ErrorCount(request="SQS", error='=HYPERLINK("http://x")', count=1),)
    write_report(replace(record, errors=errors), tmp_path)
    assert "'=HYPERLINK" in (tmp_path / "errors.csv").read_text()


def test_every_chart_is_well_formed_and_has_a_text(record):
    charts = re.findall(r'<svg class="plot".*?</svg></figure>', page(record), re.DOTALL)
    assert len(charts) == 9
    for chart in charts:
        root = ET.fromstring(chart.removesuffix("</figure>"))
        assert root.get("role") == "img"
        assert len(root.get("aria-label")) > 20
        assert "nan" not in chart
        assert "inf" not in chart


def test_page_says_what_was_measured(record):
    text = said(page(record))
    for words in (
        "Load on orders balanced",
        "40/s",
        "1,200 messages",
        "What is not known what worker 2 sent last is not known",
        "end to end1,200",
        "Records in an invocation",
        "ConnectionError: refused",
        "Visibility timeout: keep it.",
        "total, no free tier",
        "visibility timeout90 s",
    ):
        assert words in text, words


def test_account_that_does_not_balance_is_an_alert(record):
    broken = replace(record, account=Account(sent=1_200, unknown=0, processed=1_190, dead_lettered=3, left=0))
    text = page(broken)
    assert "does not balance" in said(text)
    assert [attrs["class"] for tag, attrs in Parsed(text).tags if attrs.get("role") == "alert"] == ["problem"]
    assert "7 of 1200 messages are neither processed" in said(text)
    assert "7 missing" in said(text)
    assert table(broken)[-1].startswith("FAILED    7 of 1200 messages")
    assert not [attrs for _, attrs in Parsed(page(record)).tags if attrs.get("role") == "alert"]


@pytest.mark.parametrize(
    ("change", "says"),
    [
        ({"sent_at_least": True}, "no account"),
        ({"not_seen": "the table is gone"}, "no account"),
        ({"processed": 1_000}, "does not balance"),
        ({"basis": "not seen"}, "balanced by subtraction, not checked"),
        ({}, "balanced"),
    ],
)
def test_state_beside_the_title_is_not_better_than_the_account(record, change, says):
    account = replace(record.account, **change)
    changed = replace(record, account=account)
    assert f"Load on orders {says} {record.began_at}" in said(page(changed))
    assert (table(changed)[-1] == says) == (account.problem is None)


def test_messages_that_repeat_a_key_are_no_missing_ones(record):
    account = replace(record.account, processed=1_190, duplicates=10)
    text = said(page(replace(record, account=account)))
    assert "10 repeating a key" in text
    assert "0 missing" in text


@pytest.mark.parametrize(
    ("environment", "says"), [("moto", "this ran on moto"), ("localstack", "LocalStack"), ("other", "queue's URL")]
)
def test_figures_of_an_emulator_are_said_to_be(record, environment, says):
    emulated = replace(record, environment=environment)
    assert "The figures are the emulator's, not AWS's" in said(page(emulated))
    assert any(line.startswith("note") and says in line for line in table(emulated))


def test_figures_of_aws_have_no_banner(record):
    assert "emulator's" not in said(page(record))
    assert not any(line.startswith("note") for line in table(record))


def test_table_is_short_and_says_the_figures(record):
    lines = table(record)
    assert len(lines) < 20
    assert lines[0] == "queue     orders (aws, eu-west-1), observed by ledger"
    assert lines[1] == "sent      40/s: 1,200 messages in 120 batches in 30 s"
    assert any(line.startswith("account   sent 1200 = processed 1200") for line in lines)
    assert lines[-1] == "balanced"


def empty_record():
    return RunRecord(
        began_at="2026-03-01T12:00:00Z",
        seconds=0.0,
        environment="aws",
        queue_url="",
        counts=SendCounts(),
        batches_sent=0,
        batches_failed=0,
        account=Account(sent=0, unknown=0, processed=0, dead_lettered=0, left=0),
        configuration=ConsumerConfiguration(),
    )


def test_run_in_which_nothing_was_seen_has_a_report(tmp_path):
    write_report(empty_record(), tmp_path)
    text = said((tmp_path / "report.html").read_text())
    assert "No latencies were measured." in text
    assert "nothing was sent" in text
    assert any(line.startswith("latency   not measured") for line in table(empty_record()))


def test_long_run_is_drawn_in_few_columns_and_loses_no_peak(make_record):
    record = make_record(seconds=10)
    last = record.samples[-1]
    samples = tuple(replace(last, at_s=float(second)) for second in range(1, 20_000))
    samples = (*samples[:7_777], replace(samples[7_777], visible=123_456), *samples[7_778:])
    text = page(replace(record, samples=samples, seconds=20_000.0))
    assert len(text) < 400_000
    assert "At most 123,466 messages" in text


def test_settings_that_json_does_not_know_are_written_as_text(record, tmp_path):
    write_report(replace(record, settings={"folder": tmp_path}), tmp_path)
    assert json.loads((tmp_path / "report.json").read_text())["settings"]["folder"] == str(tmp_path)


def test_two_looks_at_nearly_one_time_tell_no_rate(record):
    first = replace(record.samples[0], at_s=0.0, sent=0)
    later = replace(first, at_s=1e-308, sent=2, processed=1)
    assert not re.search(r"\binf\b", page(replace(record, samples=(first, later))))


@pytest.mark.once
@settings(suppress_health_check=[HealthCheck.too_slow], deadline=None, max_examples=30)
@given(st.data())
def test_any_samples_make_a_page_without_a_figure_that_is_none(record, data):
    number = st.none() | st.floats(0, 1e9)
    sample = st.builds(
        type(record.samples[0]),
        at_s=st.floats(0, 1e5),
        visible=st.integers(0, 10**9),
        in_flight=st.integers(0, 10**6),
        delayed=st.just(0),
        oldest_age_s=number,
        sent=st.integers(0, 10**9),
        processed=st.none() | st.integers(0, 10**9),
        due=st.none() | st.integers(0, 10**9),
        end_to_end_p50_ms=number,
        end_to_end_p99_ms=number,
    )
    changed = replace(record, samples=tuple(data.draw(st.lists(sample, max_size=6))))
    text = page(changed)
    assert not re.search(r"\bnan\b|\binf\b", text)
    assert table(changed)


@given(st.floats(1e-6, 1e12))
def test_even_ticks_reach_the_largest_and_are_few(largest):
    top, ticks = even_ticks(largest, str)
    assert top >= largest * (1 - 1e-9)
    assert top <= 2.5 * largest
    assert 2 <= len(ticks) <= 6
    assert (ticks[0].at, ticks[-1].at) == (0, 1)


@given(st.floats(1e-3, 1e6), st.floats(1.02, 1e6))
def test_log_ticks_are_few_and_within(smallest, factor):
    ticks = log_ticks(smallest, smallest * factor, str)
    assert 2 <= len(ticks) <= 7
    assert all(-0.1 <= tick.at <= 1.1 for tick in ticks)


def test_time_ticks_are_in_one_unit():
    assert [tick.text for tick in time_ticks(245)] == ["0", "1 min", "2 min", "3 min", "4 min"]
    assert [tick.text for tick in time_ticks(20)] == ["0", "5 s", "10 s", "15 s", "20 s"]
    assert [tick.text for tick in time_ticks(4 * 3_600)] == ["0", "1 h", "2 h", "3 h", "4 h"]
    assert [tick.text for tick in time_ticks(0)] == ["0"]


@pytest.mark.parametrize(
    ("found", "says"),
    [
        (CapacityFound(low=190.3, high=207.5, measured=196.0), "190.3 to 207.5/s"),
        (CapacityFound(low=50.0, reasons=("the sender is the limit",)), "the sender is the limit"),
    ],
)
def test_capacity_that_was_found_is_on_the_page_and_in_the_record(record, found, says, tmp_path):
    write_report(replace(record, capacity=found), tmp_path)
    assert says in said((tmp_path / "report.html").read_text())
    assert read_record(tmp_path).capacity == found
