"""One LocalStack for the whole session; each test has an account of its own in it, which is a world of its own."""

import itertools
import time

import pytest

from redrive.fixtures.localstack import LocalStackAws
from redrive.infra.localstack.server import localstack

_ACCOUNTS = itertools.count(100_000_000_000)


@pytest.fixture(scope="session")
def localstack_server():
    """A server with our plugin; its environment is installed first if need be."""
    with localstack(progress=print, existing=False) as server:
        assert server.has_plugin
        yield server


@pytest.fixture
def account():
    """An account that no other test has."""
    return f"{next(_ACCOUNTS):012d}"


@pytest.fixture
def localstack_aws(localstack_server, account):
    """Clients for the test's own account."""
    return LocalStackAws(localstack_server.endpoint_url, account=account)


@pytest.fixture
def eventually():
    """Asks until the answer is true, and returns it; fails at the deadline."""

    def ask(question, within_s=30.0):
        give_up = time.monotonic() + within_s
        while True:
            answer = question()
            if answer:
                return answer
            assert time.monotonic() < give_up, "nothing of the kind happened in time"
            time.sleep(0.05)

    return ask
