"""The table of errors, against botocore's API model and against what the room raises."""

import ast
from pathlib import Path

import pytest
from botocore.loaders import Loader

import redrive.simulator
from redrive.simulator import SqsError
from redrive.simulator.errors import ERRORS

ROOM = Path(redrive.simulator.__file__).parent
SHAPES = Loader().load_service_model("sqs", "service-2")["shapes"]
IN_THE_MODEL = {name for name, shape in SHAPES.items() if shape.get("exception")}


def codes_raised():
    """Every string that is the first argument of an ``SqsError(…)`` anywhere in the room, with its place."""
    for path in sorted(ROOM.rglob("*.py")):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id == "SqsError":
                strings = [part for part in ast.walk(node.args[0]) if isinstance(part, ast.Constant)]
                yield from ((string.value, f"{path.name}:{node.lineno}") for string in strings)


def codes_passed_on():
    """Every string given as ``code=``, for the functions that raise with the code they are given."""
    for path in sorted(ROOM.rglob("*.py")):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.keyword) and node.arg == "code" and isinstance(node.value, ast.Constant):
                yield node.value.value, f"{path.name}:{node.value.lineno}"


@pytest.mark.parametrize("code", ERRORS)
def test_each_error_is_an_exception_of_the_sqs_model_or_marked_as_none(code):
    assert (code in IN_THE_MODEL) == ERRORS[code].in_sqs_model


@pytest.mark.parametrize("code", ERRORS)
def test_code_of_the_older_protocol_is_the_name_or_has_the_services_prefix(code):
    renamed = {"QueueDoesNotExist": "NonExistentQueue"}
    assert ERRORS[code].query_code.removeprefix("AWS.SimpleQueueService.") == renamed.get(code, code)


def test_every_code_that_the_room_raises_is_in_the_table():
    raised = [*codes_raised(), *codes_passed_on()]
    assert len(raised) > 20
    assert [place for code, place in raised if code not in ERRORS] == []


@pytest.mark.parametrize(
    ("code", "query_code", "http_status"),
    [
        ("EmptyBatchRequest", "AWS.SimpleQueueService.EmptyBatchRequest", 400),
        ("InvalidParameterValue", "InvalidParameterValue", 400),
        ("OverLimit", "OverLimit", 403),
        ("PurgeQueueInProgress", "AWS.SimpleQueueService.PurgeQueueInProgress", 403),
        ("QueueDoesNotExist", "AWS.SimpleQueueService.NonExistentQueue", 400),
        ("ReceiptHandleIsInvalid", "ReceiptHandleIsInvalid", 404),
    ],
)
def test_error_knows_what_the_client_sees(code, query_code, http_status):
    error = SqsError(code, "why")
    assert (error.query_code, error.http_status) == (query_code, http_status)
    assert str(error) == f"{code}: why"
