"""The capacity search of a real run finds what a consumer can take, which is known here."""

import math
import re
import subprocess

import pytest

from .consumed_queue import consumed_queue

CAPACITY = 500


@pytest.mark.slow
def test_a_run_finds_the_capacity_of_its_consumer(start_locust):
    with consumed_queue(per_s=CAPACITY) as queue:
        arguments = ("--queue-url", queue.queue_url, "--shape", "capacity:200", "-u", "20", "-r", "20", "--report", "")
        with start_locust(*arguments, REDRIVE_LOAD_OBSERVE="depth") as process:
            try:
                output, _ = process.communicate(timeout=300)
            except subprocess.TimeoutExpired:
                process.kill()
                pytest.fail(process.communicate()[0])
    found = re.search(r"^capacity +between ([\d.]+) and ([\d.]+) messages/s", output, re.MULTILINE)
    assert found, output
    low, high = map(float, found.groups())
    assert high <= 1.1 * low + 0.1
    assert math.sqrt(low * high) == pytest.approx(CAPACITY, rel=0.1)
    measured = re.search(r"it got through ([\d.]+) messages/s", output)
    assert float(measured[1]) == pytest.approx(CAPACITY, rel=0.1)
    assert len(re.findall(r"INFO/redrive.load: [\d.]+ messages/s for \d+ s: backlog (?:grows|holds)", output)) >= 4
