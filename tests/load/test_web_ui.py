"""Our tab and our page in Locust's own web UI, without a browser."""

import json
import os
import re
from contextlib import contextmanager

import pytest

from .conftest import LOCUSTFILE
from .locust_web_ui import TOLD, answer_of, locust_web_ui, sample

HOSTILE = '</script><script>alert("1")</script>'
PAGES = ["redrive", "redrive/live.json", "redrive/live.js", "redrive/live.css", "redrive/tab.js", "redrive/nothing"]


@pytest.fixture
def told(environment, tmp_path):
    """Locust that says of its run what it is told to."""
    (tmp_path / "told.py").write_text(TOLD)

    @contextmanager
    def start(snapshot, *arguments, **more):
        (tmp_path / "told.json").write_text(json.dumps(snapshot))
        with locust_web_ui("told.py", *arguments, environment=environment, folder=tmp_path, **more) as url:
            yield url

    return start


@pytest.fixture(scope="module")
def locust_with_login(tmp_path_factory):
    folder = tmp_path_factory.mktemp("login")
    (folder / "told.py").write_text(TOLD)
    (folder / "told.json").write_text(json.dumps(SNAPSHOT))
    with locust_web_ui("told.py", "--web-login", environment=dict(os.environ), folder=folder) as url:
        yield url


ACCOUNT = {"sent": 9, "unknown": 0, "processed": 8, "dead_lettered": 0, "left": 0, "not_seen": HOSTILE}
SNAPSHOT = {
    "samples": [sample(1.0, sent=5, visible=3), sample(2.0, sent=9, processed=8, oldest_age_s=float("nan"))],
    "end_to_end_ms": {"p50": 10.5, "p90": 20, "p99": 30, "p99.9": 40, "max": 50},
    "account": ACCOUNT,
    "state": "settled",
}


def test_page_and_figures_below_a_base_path(told):
    with told(SNAPSHOT, base_path="/load") as url:
        assert url.endswith("/load/")
        for path, kind in [
            ("redrive", "text/html"),
            ("redrive/live.json", "application/json"),
            ("redrive/live.js", "text/javascript"),
            ("redrive/live.css", "text/css"),
            ("redrive/tab.js", "text/javascript"),
        ]:
            status, headers, body = answer_of(url + path)
            assert (status, headers.get_content_type()) == (200, kind)
            assert headers["X-Content-Type-Options"] == "nosniff"
            assert "default-src 'none'" in headers["Content-Security-Policy"]
            assert body
            assert not re.search(r"https?://(?!www\.w3\.org/2000/svg)", body), f"{path} names another host"
        assert answer_of(f"{url}redrive/live.html")[0] == 404
        assert answer_of(f"{url}redrive/..%2fweb_ui.py")[0] == 404
        seen = json.loads(answer_of(f"{url}redrive/live.json")[2])
        assert seen["series"]["sent"] == [5, 9]
        assert seen["series"]["oldest_age_s"] == [None, None]
        assert seen["end_to_end_ms"]["p99.9"] == 40
        assert seen["account"]["problem"] == f"there is no account: {HOSTILE}"


def test_locusts_own_page_has_the_tab_the_table_and_the_script_once(told):
    with told(SNAPSHOT) as url:
        for _ in range(2):
            _, headers, page = answer_of(url)
            assert headers.get_content_type() == "text/html"
            assert page.count('<script src="redrive/tab.js" defer></script></body>') == 1
            arguments = json.loads(re.search(r"window\.templateArgs = (\{.*\})", page)[1])
            assert arguments["extended_tabs"] == [{"title": "SQS", "key": "sqs"}]
            assert [table["key"] for table in arguments["extended_tables"]] == ["sqs"]
            assert [link["href"] for link in arguments["extended_csv_files"]] == ["./redrive"]
            stats = json.loads(answer_of(f"{url}stats/requests")[2])
            assert stats["state"] == "ready"
            (table,) = stats["extended_stats"]
            rows = {row["name"]: row["value"] for row in table["data"]}
            assert (table["key"], rows["State"], rows["End to end, p50"]) == ("sqs", "Settled", "10.5 ms")
            assert HOSTILE in rows["Account"]


@pytest.mark.parametrize("path", ["", "stats/requests", *PAGES])
def test_pages_lead_to_the_login_as_locusts_own_do(locust_with_login, path):
    status, headers, body = answer_of(locust_with_login + path)
    assert (status, headers["Location"].partition("?")[0]) == (302, "/login")
    assert "redrive/tab.js" not in body
    assert "samples" not in body


def test_locust_with_our_locustfile_has_the_page_before_its_first_run(environment, tmp_path, fake_queue):
    queue = fake_queue()
    with locust_web_ui(
        LOCUSTFILE, "--queue-url", queue.queue_url, "--report", "", environment=environment, folder=tmp_path
    ) as url:
        assert '<script src="redrive/live.js" defer></script>' in answer_of(f"{url}redrive")[2]
        seen = json.loads(answer_of(f"{url}redrive/live.json")[2])
        assert (seen["state"], seen["now"], seen["account"]) == ("waiting", None, None)
    assert not queue.entries
