"""Tests started and stopped from Locust's web UI: each is observed and accounted for by itself."""

import json
import urllib.parse
import urllib.request
import uuid

from redrive.fixtures.stacks import Aws, create_stack

from .conftest import LOCUSTFILE, until
from .handler_consumer import consuming
from .locust_web_ui import answer_of, locust_web_ui


def live(url):
    return json.loads(answer_of(f"{url}redrive/live.json")[2])


def post(url, **form):
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    with opener.open(url, urllib.parse.urlencode(form).encode(), timeout=30) as answer:
        assert json.load(answer)["success"]


def test_each_test_has_an_account_of_its_own(moto_url, environment, tmp_path):
    aws = Aws(endpoint_url=moto_url)
    stack = create_stack(aws, f"web-{uuid.uuid4().hex[:8]}", visibility_timeout_s=2, max_receive_count=2)
    arguments = ("--queue-url", stack.queue_url, "--batch-size", "2", "--batches-per-second", "5", "--report", "report")
    with (
        consuming(aws, stack, REDRIVE_SINK="memory"),
        locust_web_ui(LOCUSTFILE, *arguments, environment=environment, folder=tmp_path) as url,
    ):
        log, sent = tmp_path / "locust.log", []
        for test in (1, 2):
            post(f"{url}swarm", user_count=1, spawn_rate=1)
            until(lambda: live(url)["state"] == "sending" and live(url)["now"]["sent"] > 2, "messages are sent")
            post(f"{url}stop")
            until(lambda wanted=test: log.read_text().count("balanced") == wanted, "the account is settled")
            sent.append(json.loads((tmp_path / "report" / "report.json").read_text())["account"]["sent"])
            assert live(url)["state"] == "settled"
        assert "Traceback" not in log.read_text()
        assert all(sent)
