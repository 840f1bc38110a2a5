"""The handler that keeps a journal: what it writes, what it leaves out, and that it changes nothing."""

import importlib.util
import json
import subprocess
import sys
from decimal import Decimal
from pathlib import Path

import pytest

from redrive.fixtures.event_builder import build_event, standard_record
from redrive.infra import journal_handler
from redrive.infra.journal_handler import journalled, reduced
from redrive.simulator.batch_response import read_batch_response

SECRET = "4111-1111-1111-1111"


class Context:
    def __init__(self, request_id: str) -> None:
        self.aws_request_id = request_id


def kept(inner, event, *more_events):
    """The lines that the invocations write, parsed."""
    lines: list[str] = []
    handle = journalled(inner, write=lines.append)
    for number, each in enumerate([event, *more_events]):
        handle(each, Context(f"request-{number}"))
    return [json.loads(line) for line in lines]


@pytest.fixture
def event():
    return build_event([standard_record(SECRET), standard_record("another")])


def ids_of(event):
    return [record["messageId"] for record in event["Records"]]


def test_a_line_as_it_begins_and_one_as_it_ends(event):
    failed = {"batchItemFailures": [{"itemIdentifier": ids_of(event)[1]}]}
    began, ended = kept(lambda *_: failed, event)
    assert (began["what"], began["request_id"], began["cold"]) == ("began", "request-0", True)
    assert began["records"] == [
        [record["messageId"], int(record["attributes"]["ApproximateReceiveCount"]), record["md5OfBody"]]
        for record in event["Records"]
    ]
    assert (ended["what"], ended["request_id"], json.loads(ended["payload"])) == ("ended", "request-0", failed)
    assert began["at_ms"] <= ended["at_ms"]


def test_the_first_line_is_there_before_the_handler_runs(event):
    lines = []
    seen = []
    journalled(lambda *_: seen.append(len(lines)), write=lines.append)(event, Context("request"))
    assert seen == [1]


def test_an_environment_is_cold_once_and_keeps_its_identity(event):
    lines = [line for line in kept(lambda *_: None, event, event) if line["what"] == "began"]
    assert [line["cold"] for line in lines] == [True, False]
    assert lines[0]["environment"] == lines[1]["environment"]
    assert kept(lambda *_: None, event)[0]["environment"] != lines[0]["environment"]


def test_answer_and_arguments_are_the_handlers_own(event):
    context = Context("request")
    given = []
    answer = {"batchItemFailures": [], "extra": object()}

    def inner(*arguments):
        given.extend(arguments)
        return answer

    assert journalled(inner, write=lambda _: None)(event, context) is answer
    assert given[0] is event
    assert given[1] is context


def test_an_exception_passes_and_only_its_type_is_written(event):
    lines = []

    def inner(*_):
        raise LookupError(SECRET)

    with pytest.raises(LookupError, match=SECRET):
        journalled(inner, write=lines.append)(event, Context("request"))
    assert json.loads(lines[1])["error_type"] == "LookupError"
    assert SECRET not in "".join(lines)


def test_what_ends_the_process_has_no_end_in_the_journal(event):
    lines = []

    def inner(*_):
        raise SystemExit(1)

    with pytest.raises(SystemExit):
        journalled(inner, write=lines.append)(event, Context("request"))
    assert [json.loads(line)["what"] for line in lines] == ["began"]


@pytest.mark.parametrize("answer", [{SECRET}, object(), {"a": {1: {2, 3}}}])
def test_an_answer_that_cannot_be_sent_is_the_runtimes_error(event, answer):
    _, ended = kept(lambda *_: answer, event)
    assert ended["error_type"] == "Runtime.MarshalError"
    assert "payload" not in ended


@pytest.mark.parametrize(
    "answer",
    [
        SECRET,
        [SECRET],
        {"echo": SECRET},
        {"batchItemFailures": [{"itemIdentifier": SECRET}]},
        {"batchItemFailures": [{"itemIdentifier": "x", "body": SECRET}], "echo": {"deep": SECRET}},
        {"batchItemFailures": SECRET},
        {"batchItemFailures": [SECRET, {SECRET: 1}]},
    ],
)
def test_no_body_is_in_the_journal_even_if_the_handler_echoes_it(event, answer):
    assert SECRET not in json.dumps(kept(lambda *_: answer, event))


@pytest.mark.parametrize("event", [None, [], {}, {"Records": None}, {"Records": [{}, 1, {"messageId": "x"}]}])
def test_an_event_that_is_not_of_a_queue_has_no_records(event):
    assert kept(lambda *_: None, event)[0]["records"] == []


PAYLOADS = [
    "null",
    "{}",
    '""',
    '"text"',
    "0",
    "true",
    "[]",
    '{"other": 1}',
    '{"batchItemFailures": null}',
    '{"batchItemFailures": []}',
    '{"batchItemFailures": "text"}',
    '{"batchItemFailures": ""}',
    '{"batchItemFailures": {}}',
    '{"batchItemFailures": 7}',
    '{"batchItemFailures": [{"itemIdentifier": "a"}], "other": NaN}',
    '{"batchItemFailures": [{"itemIdentifier": "a"}]}',
    '{"batchItemFailures": [{"itemIdentifier": "a", "more": 1}, {"itemIdentifier": "a"}]}',
    '{"batchItemFailures": [{"itemIdentifier": "c"}]}',
    '{"batchItemFailures": [{"itemIdentifier": ""}]}',
    '{"batchItemFailures": [{"itemIdentifier": null}]}',
    '{"batchItemFailures": [{"itemIdentifier": 3}]}',
    '{"batchItemFailures": [{"itemIdentifier": true}]}',
    '{"batchItemFailures": [{"itemIdentifier": ["a"]}]}',
    '{"batchItemFailures": [{"messageId": "a"}]}',
    '{"batchItemFailures": ["a"]}',
    "not JSON",
]


@pytest.mark.parametrize("payload", PAYLOADS)
def test_E05_to_E09_a_reduced_response_is_read_as_the_whole_one(payload):
    batch = ["a", "b"]
    assert read_batch_response(reduced(payload, batch), batch) == read_batch_response(payload, batch)


def test_decimals_are_numbers_where_the_runtime_is_not_at_hand(event, monkeypatch):
    monkeypatch.setitem(sys.modules, "awslambdaric.lambda_runtime_marshaller", None)
    _, ended = kept(lambda *_: {"batchItemFailures": [], "n": Decimal("1.5")}, event)
    assert json.loads(ended["payload"]) == {"batchItemFailures": []}
    _, ended = kept(lambda *_: {"n": object()}, event)
    assert ended["error_type"] == "Runtime.MarshalError"


def test_alone_in_a_folder_it_wraps_the_handler_that_the_variable_names(tmp_path):
    source = Path(journal_handler.__file__)
    (tmp_path / "journal_handler.py").write_bytes(source.read_bytes())
    (tmp_path / "shop").mkdir()
    (tmp_path / "shop" / "orders.py").write_text("def handle(event, context):\n    return {'answer': event['a']}\n")
    program = (
        "import journal_handler, types\n"
        "answer = journal_handler.handler({'a': 1}, types.SimpleNamespace(aws_request_id='r'))\n"
        "assert answer == {'answer': 1}, answer\n"
    )
    done = subprocess.run(
        [sys.executable, "-I", "-c", f"import sys; sys.path.insert(0, {str(tmp_path)!r})\n{program}"],
        env={"REDRIVE_JOURNAL_HANDLER": "shop.orders.handle"},
        capture_output=True,
        text=True,
        timeout=30,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    began, ended = map(json.loads, done.stdout.splitlines())
    assert (began["what"], ended["what"]) == ("began", "ended")


def test_without_the_variable_an_invocation_says_what_is_missing(monkeypatch):
    monkeypatch.delenv("REDRIVE_JOURNAL_HANDLER", raising=False)
    spec = importlib.util.spec_from_file_location("journal_handler_alone", journal_handler.__file__)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    with pytest.raises(RuntimeError, match="REDRIVE_JOURNAL_HANDLER"):
        module.handler({}, None)
