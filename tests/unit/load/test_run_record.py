from types import SimpleNamespace

from redrive.load.observing.run_record import errors_of, settings_of, versions
from redrive.load.reporting.record import ErrorCount


def test_settings_are_those_that_were_given():
    options = SimpleNamespace(
        queue_url="q", region="", num_users=3, rate=None, poison_rate=0.0, headless=True, until=True
    )
    found = settings_of(options, ["queue_url", "region", "rate", "poison_rate", "missing"], run="0f0f0f0f")
    assert found == {"queue_url": "q", "num_users": 3, "poison_rate": 0.0, "run": "0f0f0f0f"}


def test_credentials_in_a_url_are_not_told():
    options = SimpleNamespace(endpoint_url="http://me:p@ss@127.0.0.1:4566/x?mail=a@b", queue_url="http://q/1/a@b")
    assert settings_of(options, ["endpoint_url", "queue_url"]) == {
        "endpoint_url": "http://127.0.0.1:4566/x?mail=a@b",
        "queue_url": "http://q/1/a@b",
    }
    error = SimpleNamespace(
        method="SQS", name="send_batch", error='no answer from "https://me:x@host/1"', occurrences=1
    )
    assert errors_of({1: error})[0].error == 'no answer from "https://host/1"'


def test_errors_are_the_most_frequent_first_and_on_one_line():
    def error(name, count):
        return SimpleNamespace(method="SQS", name="send_batch", error=name, occurrences=count)

    assert errors_of({1: error("a\nb", 2), 2: error("c", 9)}) == (
        ErrorCount(request="SQS send_batch", error="c", count=9),
        ErrorCount(request="SQS send_batch", error="a b", count=2),
    )


def test_versions_name_what_measured():
    assert {"python", "locust", "boto3"} <= set(versions())
