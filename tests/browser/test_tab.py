"""The tab in Locust's web UI, in a real Chromium: during a run, and with whatever a run may say."""

import json
import re
import uuid
from contextlib import contextmanager

import pytest

from redrive.fixtures.stacks import Aws, create_stack

from ..load.conftest import LOCUSTFILE, until
from ..load.handler_consumer import consuming
from ..load.locust_web_ui import TOLD, locust_web_ui, sample

HOSTILE = '<img src=x onerror="window.harmed = 1"></script><script>window.harmed = 1</script>'


@pytest.fixture
def expect():
    return pytest.importorskip("playwright.sync_api", reason="playwright is not installed").expect


@pytest.fixture
def consumed(moto_url, environment, tmp_path):
    """The address of Locust, not started yet, on a queue of moto's with the reference handler behind it."""
    aws = Aws(endpoint_url=moto_url)
    stack = create_stack(aws, f"orders-{uuid.uuid4().hex[:8]}", visibility_timeout_s=2, max_receive_count=2)
    replies = aws.client("sqs").create_queue(QueueName=f"replies-{uuid.uuid4().hex[:8]}")["QueueUrl"]
    with (
        consuming(aws, stack, REDRIVE_SINK="memory", REDRIVE_REPLY_QUEUE_URL=replies),
        locust_web_ui(
            LOCUSTFILE,
            *("--queue-url", stack.queue_url, "--observe", "reply", "--reply-queue-url", replies, "--report", ""),
            *("--poison-rate", "0.05", "--batch-size", "5", "-u", "3", "-r", "3"),
            environment=environment,
            folder=tmp_path,
        ) as url,
    ):
        yield url


@pytest.fixture
def told(environment, tmp_path):
    """Locust that runs nobody and says of its run what it is told to; `tell` changes that."""
    (tmp_path / "told.py").write_text(TOLD)

    def tell(snapshot):
        new = tmp_path / "told.json.new"
        new.write_text(json.dumps(snapshot))
        new.replace(tmp_path / "told.json")

    @contextmanager
    def start(snapshot):
        tell(snapshot)
        with locust_web_ui("told.py", "--autostart", "-u", "1", environment=environment, folder=tmp_path) as url:
            yield url

    start.tell = tell
    return start


def figure(frame, name):
    return frame.locator(f'[data-figure="{name}"]')


def number(frame, name):
    return int(re.sub(r"\D", "", figure(frame, name).inner_text()) or 0)


def heights(frame):
    """How many different heights the curve of the backlog has."""
    curve = frame.locator('svg[aria-label^="Backlog"] path.curve.blue').get_attribute("d")
    return len({point.partition(",")[2] for point in re.split("[ML]", curve) if point})


def test_a_run_is_seen_from_its_first_message_to_its_account(consumed, open_page, expect):
    page = open_page(consumed)
    page.get_by_role("button", name="Start").click()
    page.get_by_role("tab", name="SQS").click()
    frame = page.frame_locator("#redrive-live")
    state = frame.locator("#state")
    expect(state).to_have_text("Sending")
    expect(figure(frame, "p50")).to_have_text(re.compile(r"\d (ms|s)"))
    before, percentiles = number(frame, "processed"), frame.locator("#percentiles").inner_text()
    expect(frame.locator("#percentiles")).not_to_have_text(percentiles, use_inner_text=True)
    expect(frame.locator('svg[aria-label^="Latency"] path.curve')).to_have_count(3)
    until(lambda: heights(frame) > 2, "the backlog goes up and down")
    assert number(frame, "sent") >= number(frame, "processed") > before
    expect(page.locator("table")).to_be_hidden()

    page.get_by_role("tab", name="Statistics").click()
    expect(page.locator("#redrive-live")).to_have_count(0)
    expect(page.get_by_role("cell", name="message end-to-end")).to_be_visible()
    page.get_by_role("tab", name="SQS").click()
    expect(state).to_have_text("Sending")

    page.get_by_role("button", name="Stop").click()
    expect(state).to_have_text("Settled")
    expect(frame.locator("#account-verdict")).to_have_text("It balances.")
    told = re.sub(r"\s+", " ", frame.locator("#account-sum").inner_text())
    sent, processed, dead, left = (int(found.replace(",", "")) for found in re.findall(r"[\d,]+", told))
    assert sent == processed + dead + left == number(frame, "sent") > 0
    assert dead == number(frame, "dead_lettered")
    expect(frame.locator("svg text", has_text="sending ended")).to_have_count(4)


SNAPSHOT = {
    "samples": [
        sample(float(second), sent=10 * second, processed=8 * second, visible=2 * second, oldest_age_s=second / 4)
        for second in range(1, 60)
    ],
    "end_to_end_ms": {"p50": 120.0, "p90": 340.0, "p99": 1_500.0, "p99.9": 2_400.0, "max": 90_000_000.0},
    "account": None,
    "state": "sending",
}
ACCOUNT = {"sent": 590, "unknown": 3, "processed": 580, "dead_lettered": 0, "left": 0}


def test_without_our_script_locusts_own_table_has_the_figures(told, open_page, expect):
    with told(SNAPSHOT) as url:
        page = open_page(f"{url}?tab=sqs", without="**/redrive/tab.js")
        expect(page.get_by_role("cell", name="Oldest age")).to_be_visible()
        expect(page.get_by_role("row", name="End to end, p99.9")).to_contain_text("2.4 s")
        expect(page.get_by_role("row", name="Backlog")).to_contain_text("118")


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_the_page_alone_follows_the_run_and_the_colours(told, open_page, expect, scheme):
    with told(SNAPSHOT) as url:
        page = open_page(f"{url}redrive", color_scheme=scheme)
        expect(page.locator("#state")).to_have_text("Sending")
        expect(page.locator("html")).to_have_attribute("data-theme", scheme)
        expect(figure(page, "max")).to_have_text("25 h")
        expect(figure(page, "oldest_age")).to_have_text("14.8 s")
        page.locator('svg[aria-label^="Oldest"]').hover(position={"x": 300, "y": 60})
        expect(page.locator("line.cross")).to_have_count(4)
        expect(page.locator("#clock")).to_contain_text("at 0:")
        told.tell(SNAPSHOT | {"state": "settled", "account": ACCOUNT})
        expect(page.locator("#account-verdict")).to_contain_text("10 of 590 messages are neither processed")
        expect(page.locator("#account")).to_have_attribute("data-verdict", "problem")
        expect(page.locator("#account-sum")).to_contain_text("≠")


def test_what_a_run_says_is_text_and_never_markup(told, open_page, expect):
    hostile = SNAPSHOT | {"state": HOSTILE, "account": ACCOUNT | {"basis": HOSTILE}}
    with told(hostile) as url:
        page = open_page(f"{url}?tab=sqs")
        frame = page.frame_locator("#redrive-live")
        expect(frame.locator("#state")).to_have_text(HOSTILE)
        told.tell(SNAPSHOT | {"state": "settled", "account": ACCOUNT | {"not_seen": HOSTILE}})
        expect(frame.locator("#account-verdict")).to_contain_text(HOSTILE)
        assert [inner.evaluate("window.harmed") for inner in page.frames] == [None, None]


def test_it_says_so_when_locust_is_gone(told, browser):
    with told(SNAPSHOT) as url:
        page = browser.new_page()
        page.goto(f"{url}redrive")
        page.locator("#state", has_text="Sending").wait_for()
    page.locator("#notice", has_text="does not answer any more").wait_for()
    assert page.locator('[data-figure="sent"]').inner_text() == "590"
    page.close()
