"""AWS whose answers are written down beforehand, and the plan of a stack there: for tests without an account."""

import botocore.session
from botocore.stub import Stubber

from redrive.infra.aws_plan import plan_stack

REGION, ACCOUNT = "eu-west-1", "123456789012"


def plan(run_id="r1", *, region=REGION, fifo=False, **more):
    return plan_stack(
        run_id,
        account=ACCOUNT,
        region=region,
        fifo=fifo,
        batch_size=10,
        max_receive_count=3,
        function_timeout_s=5,
        visibility_timeout_s=15,
        **more,
    )


def clients_of(*services):
    """Clients by service. To make them takes longer than all that is done with them."""
    session = botocore.session.Session()
    session.set_credentials("testing", "testing")
    return {name: session.create_client(name, region_name=REGION) for name in services}


class StubbedAws:
    """A context in which the clients have but the answers that are written down, in order; any other call fails."""

    def __init__(self, clients) -> None:
        self.clients = clients
        self.stubs = {name: Stubber(client) for name, client in clients.items()}

    def __enter__(self):
        for stub in self.stubs.values():
            stub.activate()
        return self

    def __exit__(self, *_):
        for stub in self.stubs.values():
            stub.deactivate()

    def client(self, service):
        return self.clients[service]

    def resource(self, service):
        raise AssertionError(service)

    def assert_all_asked(self) -> None:
        for stub in self.stubs.values():
            stub.assert_no_pending_responses()
