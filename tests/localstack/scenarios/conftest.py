"""The place where all of these run: the session's LocalStack, shared by their processes."""

import pytest

from redrive.scenarios.environment_kinds import LOCALSTACK
from redrive.scenarios.handler_runtime import NATIVE
from redrive.scenarios.place import Place


@pytest.fixture(scope="session")
def place(localstack_server):
    """LocalStack, with the handler as a function of it."""
    pytest.importorskip("awslambdaric", reason="awslambdaric runs Python handlers in processes")
    return Place(kind=LOCALSTACK, runtime=NATIVE, endpoint_url=localstack_server.endpoint_url)
