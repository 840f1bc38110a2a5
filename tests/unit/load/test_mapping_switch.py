"""The mapping is disabled, enabled, and always put back; what cannot be done is one clear line."""

import itertools

import boto3
import pytest
from botocore.stub import Stubber

from redrive.load.shapes.mapping_switch import MappingError, MappingSwitch

UUIDS = ("0" * 36, "1" * 36)
ARN = "arn:aws:sqs:us-east-1:123456789012:orders"
DENIED = {"service_error_code": "AccessDeniedException", "service_message": "not authorized", "http_status_code": 403}
BUSY = {"service_error_code": "ResourceInUseException", "service_message": "in use", "http_status_code": 400}


@pytest.fixture
def stub():
    client = boto3.client(
        "lambda", region_name="us-east-1", aws_access_key_id="testing", aws_secret_access_key="testing"
    )
    with Stubber(client) as stubber:
        stubber.client = client
        yield stubber
        stubber.assert_no_pending_responses()


def listed(stub, *states, marker=None, asked=None):
    page = {"EventSourceMappings": [{"UUID": UUIDS[n], "State": state} for n, state in enumerate(states)]}
    asked = {"EventSourceArn": ARN, **({"Marker": asked} if asked else {})}
    stub.add_response("list_event_source_mappings", page | ({"NextMarker": marker} if marker else {}), asked)


def turned(stub, uuid, enabled):
    stub.add_response("update_event_source_mapping", {}, {"UUID": uuid, "Enabled": enabled})


def seen(stub, uuid, state):
    stub.add_response("get_event_source_mapping", {"UUID": uuid, "State": state}, {"UUID": uuid})


def switch(stub, *, within_s=180.0):
    clock = itertools.count()
    return MappingSwitch(stub.client, ARN, now_s=lambda: next(clock), sleep=lambda _: None, within_s=within_s)


def test_it_waits_until_the_mapping_is_disabled_and_enables_it_once(stub):
    listed(stub, "Enabled")
    turned(stub, UUIDS[0], False)
    seen(stub, UUIDS[0], "Disabling")
    seen(stub, UUIDS[0], "Disabled")
    turned(stub, UUIDS[0], True)
    one = switch(stub)
    one.disable()
    one.enable()
    one.restore()


def test_what_was_disabled_is_disabled_again_at_the_end(stub):
    listed(stub, "Enabled", marker="more")
    stub.add_response(
        "list_event_source_mappings",
        {"EventSourceMappings": [{"UUID": UUIDS[1], "State": "Disabled"}]},
        {"EventSourceArn": ARN, "Marker": "more"},
    )
    turned(stub, UUIDS[0], False)
    seen(stub, UUIDS[0], "Disabled")
    seen(stub, UUIDS[1], "Disabled")
    turned(stub, UUIDS[0], True)
    turned(stub, UUIDS[1], True)
    turned(stub, UUIDS[1], False)
    one = switch(stub)
    assert one.states == {UUIDS[0]: True, UUIDS[1]: False}
    one.disable()
    one.enable()
    one.restore()


def test_a_run_that_ends_early_has_it_put_back(stub):
    listed(stub, "Enabled")
    turned(stub, UUIDS[0], False)
    seen(stub, UUIDS[0], "Disabled")
    turned(stub, UUIDS[0], True)
    one = switch(stub)
    one.disable()
    one.restore()
    one.disable()  # whoever was about to, while it was put back
    one.restore()


def test_a_mapping_that_changes_is_asked_again(stub):
    listed(stub, "Enabled")
    stub.add_client_error("update_event_source_mapping", **BUSY)
    stub.add_client_error("update_event_source_mapping", **BUSY)
    turned(stub, UUIDS[0], False)
    seen(stub, UUIDS[0], "Disabled")
    turned(stub, UUIDS[0], True)
    one = switch(stub)
    one.disable()
    one.restore()


def test_no_mapping_is_one_line(stub):
    listed(stub)
    with pytest.raises(MappingError, match=f"no Lambda function has an event source mapping for {ARN}"):
        switch(stub)


def test_no_permission_names_it(stub):
    stub.add_client_error("list_event_source_mappings", **DENIED)
    with pytest.raises(
        MappingError, match=r"drain needs the permission lambda:ListEventSourceMappings: not authorized"
    ):
        switch(stub)
    listed(stub, "Enabled")
    stub.add_client_error("update_event_source_mapping", **DENIED)
    turned(stub, UUIDS[0], True)
    one = switch(stub)
    with pytest.raises(MappingError, match="drain needs the permission lambda:UpdateEventSourceMapping"):
        one.disable()
    one.restore()


def test_what_cannot_be_put_back_is_told_with_the_command_that_does(stub):
    listed(stub, "Enabled")
    turned(stub, UUIDS[0], False)
    seen(stub, UUIDS[0], "Disabled")
    stub.add_client_error("update_event_source_mapping", **DENIED)
    turned(stub, UUIDS[0], True)
    one = switch(stub)
    one.disable()
    with pytest.raises(MappingError, match=r"aws lambda update-event-source-mapping --uuid 0{36} --enabled"):
        one.enable()
    one.restore()


def test_a_mapping_that_does_not_become_disabled_ends_the_wait(stub):
    listed(stub, "Enabled")
    turned(stub, UUIDS[0], False)
    for _ in range(4):
        seen(stub, UUIDS[0], "Disabling")
    turned(stub, UUIDS[0], True)
    one = switch(stub, within_s=4)
    with pytest.raises(MappingError, match=r"the event source mapping 0{36} is Disabling, not Disabled, after 4 s"):
        one.disable()
    one.restore()


def test_a_run_that_is_stopped_while_it_waits_waits_no_longer_and_stays_enabled(stub):
    listed(stub, "Enabled")
    turned(stub, UUIDS[0], False)
    seen(stub, UUIDS[0], "Disabling")
    turned(stub, UUIDS[0], True)
    seen(stub, UUIDS[0], "Enabled")
    one = MappingSwitch(stub.client, ARN, sleep=lambda _: one.enable())
    one.disable()
    one.restore()


def test_a_mapping_that_was_busy_is_not_disabled_after_the_run_was_stopped(stub):
    listed(stub, "Enabled", "Enabled")
    stub.add_client_error("update_event_source_mapping", **BUSY)
    turned(stub, UUIDS[0], True)
    one = MappingSwitch(stub.client, ARN, sleep=lambda _: one.enable())
    one.disable()
    one.restore()


def test_one_that_cannot_be_put_back_does_not_keep_the_others(stub):
    listed(stub, "Enabled", "Enabled")
    for uuid in UUIDS:
        turned(stub, uuid, False)
    for uuid in UUIDS:
        seen(stub, uuid, "Disabled")
    stub.add_client_error("update_event_source_mapping", **DENIED)
    turned(stub, UUIDS[1], True)
    turned(stub, UUIDS[0], True)
    one = switch(stub)
    one.disable()
    with pytest.raises(MappingError, match=r"--uuid 0{36} --enabled"):
        one.restore()
    one.restore()
