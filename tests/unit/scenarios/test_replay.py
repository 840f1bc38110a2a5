"""``redrive replay``: what it reads, what it says of each message, and what it keeps to itself."""

import base64
import json
import sys
import textwrap
from pathlib import Path

import pytest

from redrive.fixtures import sample_events
from redrive.scenarios.cli import main
from redrive.scenarios.replay import printable

pytestmark = pytest.mark.slow

HANDLER = """
    import json
    def handler(event, context):
        failures = []
        for record in event["Records"]:
            body = json.loads(record["body"])
            if body.get("bad"):
                failures.append({"itemIdentifier": record["messageId"]})
            if body.get("worse"):
                raise ValueError("cannot do " + record["body"])
        return {"batchItemFailures": failures}
"""
SECRET = "\x1b]0;owned\x07 4111-1111"


@pytest.fixture(autouse=True)
def _own_folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "path", list(sys.path))
    write("replay_handler.py", HANDLER)
    yield
    for name in [name for name in sys.modules if name.startswith("replay_")]:
        del sys.modules[name]


@pytest.fixture
def redrive(capsys):
    def run(*words):
        with pytest.raises(SystemExit) as ended:
            main([str(word) for word in words])
        return ended.value.code, *capsys.readouterr()

    return run


@pytest.fixture
def replay(redrive):
    """Replays what is written as JSON through the handler of the test."""

    def run(recorded, *words, target="replay_handler.py:handler"):
        Path("recorded.json").write_text(recorded if isinstance(recorded, str) else json.dumps(recorded))
        return redrive("replay", "recorded.json", *([] if target is None else [target]), *words)

    return run


def write(name, code):
    Path(name).write_text(textwrap.dedent(code), encoding="utf-8")
    return name


def sqs(number, **body):
    return {"MessageId": f"id-{number}", "Body": json.dumps(body), "Attributes": {"ApproximateReceiveCount": "4"}}


def record(number, **body):
    return {"messageId": f"id-{number}", "body": json.dumps(body), "attributes": {}, "messageAttributes": {}}


TWO = "message 1, id-1: acknowledged after 1 delivery\nmessage 2, id-2: dead-lettered after 3 deliveries\n"
TWO += "2 messages: 1 acknowledged, 1 dead-lettered\n"


class TestWhatItReads:
    @pytest.mark.parametrize(
        "recorded",
        [
            [sqs(1), sqs(2, bad=True)],
            {"Messages": [sqs(1), sqs(2, bad=True)]},
            [record(1), record(2, bad=True)],
            {"Records": [record(1), record(2, bad=True)]},
            [{"Records": [record(1)]}, {"Records": [record(2, bad=True)]}],
            "\n".join(map(json.dumps, [sqs(1), sqs(2, bad=True)])),
            "\ufeff" + "\n\n".join(map(json.dumps, [sqs(1), record(2, bad=True)])) + "\n",
            "\n".join(map(json.dumps, [{"Records": [record(1)]}, {"Records": [record(2, bad=True)]}])),
        ],
        ids=["messages", "answer", "records", "event", "events", "lines", "lines of both", "lines of events"],
    )
    def test_shapes_of_messages(self, replay, recorded):
        assert replay(recorded) == (1, TWO, "")

    def test_one_message_by_itself(self, replay):
        said = "message 1, id-1: acknowledged after 1 delivery\n1 message: 1 acknowledged\n"
        assert replay(sqs(1)) == (0, said, "")

    @pytest.mark.parametrize("name", ["standard", "fifo", "all-attribute-types", "sns-in-sqs", "unicode", "dlq"])
    def test_sample_events_arrive_as_they_were(self, replay, name):
        code = """
            import json, os
            from pathlib import Path
            def handler(event, context):
                with Path("seen.jsonl").open("a") as seen:
                    for r in event["Records"]:
                        group = r["attributes"].get("MessageGroupId")
                        seen.write(json.dumps([r["body"], r["messageAttributes"], group]) + "\\n")
        """
        target = f"{write('replay_sees.py', code)}:handler"
        event = sample_events.load(name)
        assert replay(event, target=target)[0] == 0
        seen = [json.loads(line) for line in Path("seen.jsonl").read_text().splitlines()]
        sent = [
            [each["body"], each["messageAttributes"], each["attributes"].get("MessageGroupId")]
            for each in event["Records"]
        ]
        assert sorted(seen, key=repr) == sorted(sent, key=repr)

    def test_binary_attributes_in_the_shape_of_sqs(self, replay):
        code = """
            def handler(event, context):
                (record,) = event["Records"]
                assert record["messageAttributes"]["b"]["binaryValue"] == "AP8="
        """
        value = {"DataType": "Binary", "BinaryValue": base64.b64encode(b"\x00\xff").decode()}
        message = {**sqs(1), "MessageAttributes": {"b": value}}
        assert replay(message, target=f"{write('replay_binary.py', code)}:handler")[0] == 0

    def test_fifo_messages_keep_their_order_within_their_group(self, replay):
        attributes = {"SequenceNumber": "1", "MessageGroupId": "g", "MessageDeduplicationId": "same"}
        messages = [{**sqs(number, bad=number == 2), "Attributes": attributes} for number in (1, 2, 3)]
        _, out, _ = replay(messages)
        assert "message 1, id-1: acknowledged after 1 delivery\n" in out
        assert "message 2, id-2: dead-lettered after " in out
        # What has the same deduplication id was sent all the same.
        assert "message 3, id-3: acknowledged after " in out

    def test_without_target_it_is_the_reference_handler(self, replay):
        assert replay([sqs(1, order="a"), sqs(2, odrer="b")], target=None) == (1, TWO, "")

    def test_options_shape_the_target(self, replay):
        code = """
            import os, boto3
            def handler(event, context):
                boto3.client("dynamodb").describe_table(TableName=os.environ["TABLE"])
        """
        target = f"{write('replay_table.py', code)}:handler"
        assert replay(sqs(1), target=target)[0] == 1
        words = ("--table", "orders", "--env", "TABLE=orders", "--max-receive-count", 1)
        assert replay(sqs(1), *words, target=target)[0] == 0


class TestWhatItKeepsToItself:
    MESSAGES = (
        sqs(1, card=SECRET),
        {**sqs(2, worse=SECRET), "MessageId": SECRET},
        # SQS refuses most control characters, but not all that a terminal obeys (S03).
        {**record(3), "body": "\u202e\x9b31m owned 4111-1111"},
    )

    @pytest.mark.parametrize("words", [(), ("-v",)])
    def test_nothing_of_a_body_is_printed_nor_what_errors_say_of_it(self, replay, words):
        status, out, err = replay(list(self.MESSAGES), *words)
        assert (status, err) == (1, "")
        assert "message 2, message-2: dead-lettered" in out
        assert "4111" not in out
        assert "owned" not in out
        assert all(char.isprintable() or char == "\n" for char in out)

    def test_timelines_say_what_happened(self, replay):
        _, out, _ = replay([sqs(1), {**sqs(2, worse=SECRET)}], "--verbose", "--batch-size", 1)
        assert "  deleted: invocation " in out
        assert " raised ValueError: (what it says is not shown): its whole batch comes back\n" in out
        assert "  moved to the dead-letter queue after 3 deliveries\n" in out

    def test_show_bodies_shows_them_without_what_a_terminal_obeys(self, replay):
        _, out, _ = replay(list(self.MESSAGES), "-v", "--show-bodies")
        assert '  body: "{\\"card\\": \\"\\\\u001b]0;owned\\\\u0007 4111-1111\\"}"\n' in out
        assert '  body: "\\u202e\\x9b31m owned 4111-1111"\n' in out
        assert "ValueError: cannot do {" in out or "JSONDecodeError: Expecting value" in out
        assert all(char.isprintable() or char == "\n" for char in out)

    @pytest.mark.parametrize("content", ["{secret", '{"Body": "secret"}\n{secret', '[{"Body": 7, "x": "secret"}]'])
    def test_what_cannot_be_read_is_not_shown_either(self, replay, content):
        status, out, err = replay(content)
        assert (status, out) == (2, "")
        assert "secret" not in err


class TestWhatCannotBeRead:
    @pytest.mark.parametrize(
        ("content", "said"),
        [
            ("", "'recorded.json' is empty"),
            (" \n", "'recorded.json' is empty"),
            ("{oops", "'recorded.json' is not JSON: Expecting property name"),
            ('{"Body": ""}\n{oops}', "'recorded.json' is not JSON, and not JSON lines either: line 2: Expecting"),
            ("[" * 100_000, "'recorded.json' is JSON that is too deep to be read"),
            ("[]", "'recorded.json' holds no message"),
            ('{"Records": []}', "'recorded.json' holds no message"),
            ("7", "'recorded.json', message 1: not a JSON object"),
            ('[{"Body": "a"}, null]', "'recorded.json', message 2: not a JSON object"),
            ("{}", "'recorded.json', message 1: neither 'Body' nor 'body' is a text"),
            ('{"Body": {}}', "'recorded.json', message 1: neither 'Body' nor 'body' is a text"),
            ('{"Body": ""}', "'recorded.json': SQS would refuse this: "),
            ('{"Body": "a", "MessageAttributes": {"x": 1}}', "'recorded.json', message 1: its message attributes are"),
            ('{"Body": "a", "MessageAttributes": [1]}', "'recorded.json', message 1: its message attributes are"),
            (
                '{"Body": "a", "MessageAttributes": {"x": {"DataType": "Binary", "BinaryValue": "?"}}}',
                "'recorded.json', message 1: its message attributes are",
            ),
        ],
    )
    def test_content(self, replay, content, said):
        status, out, err = replay(content)
        assert (status, out, err.count("\n")) == (2, "", 1)
        assert err.startswith(f"redrive: {said}")

    def test_file(self, redrive, tmp_path):
        assert redrive("replay", "nowhere.json") == (2, "", "redrive: no file 'nowhere.json'\n")
        assert redrive("replay", tmp_path) == (2, "", f"redrive: cannot read '{tmp_path}': Is a directory\n")
        Path("bytes").write_bytes(b'"\xff"')
        assert redrive("replay", "bytes") == (2, "", "redrive: 'bytes' is not UTF-8: byte 1\n")

    def test_finding_of_what_is_no_report(self, replay):
        said = "redrive: --finding is for a report of redrive verify, and 'recorded.json' is none\n"
        assert replay(sqs(1), "--finding", 1) == (2, "", said)


class TestFindings:
    CODE = """
        import json
        def handler(event, context):
            for record in event["Records"]:
                if "bad" in record["body"]:
                    return HOW
            return {}
    """
    WORDS = ("--body", '{"id": "{key}"}', "--poison", "bad {key}", "--max-receive-count", 2)

    @pytest.fixture
    def report(self, redrive):
        write("replay_wrong.py", self.CODE.replace("HOW", "{}"))
        words = ("--scenario", "partial-failure", "--jobs", 1, "--json", "report.json")
        assert redrive("verify", "replay_wrong.py:handler", *self.WORDS, *words)[0] == 1
        return json.loads(Path("report.json").read_text())

    def test_is_run_again_as_it_was_found(self, redrive, report):
        (scenario,) = report["scenarios"]
        number = [each["invariant"] for each in scenario["violations"]].index("dead-lettered") + 1
        words = ("--finding", number, "-v", "--show-bodies")
        status, out, err = redrive("replay", "report.json", "replay_wrong.py:handler", *self.WORDS, *words)
        finding = scenario["violations"][number - 1]
        assert (status, err) == (1, "")
        assert out.startswith(f"finding {number} of {len(scenario['violations'])}: dead-lettered in partial-failure\n")
        assert out.endswith(f"dead-lettered is violated: {finding['message']}\n")
        for line in finding["timeline"]:
            if line.startswith(" "):
                assert line in out

    def test_mended_handler_holds(self, redrive, report):
        path = write("replay_mended.py", self.CODE.replace("HOW", "1 / 0"))
        status, out, _ = redrive("replay", "report.json", f"{path}:handler", *self.WORDS)
        assert (status, out.splitlines()[-1]) == (0, "dead-lettered holds")

    def test_without_target_nothing_that_the_file_names_is_run(self, redrive, report):
        status, out, err = redrive("replay", "report.json")
        assert (status, out) == (2, "")
        assert err == (
            "redrive: say what to run it through; it was found in: redrive replay report.json replay_wrong.py:handler "
            "--body '{\"id\": \"{key}\"}' --poison 'bad {key}' --max-receive-count 2\n"
        )

    def test_options_that_it_was_found_with_are_called_to_mind(self, redrive, report):
        _, _, err = redrive("replay", "report.json", "replay_wrong.py:handler")
        said = "note: it was found with --body '{\"id\": \"{key}\"}' --poison 'bad {key}' --max-receive-count 2\n"
        assert err == said

    def test_number_that_there_is_not(self, redrive, report):
        _, _, err = redrive("replay", "report.json", "replay_wrong.py:handler", "--finding", 99)
        assert err == f"redrive: --finding 99: 'report.json' has {len(report['scenarios'][0]['violations'])}\n"

    @pytest.mark.parametrize(
        ("change", "said"),
        [
            ({"plan": None}, "'report.json', finding 1 has no plan, from which it could be run again"),
            ({"plan": {"messages": 7}}, "'report.json', finding 1: plan.messages: 7 does not belong here"),
            ({"invariant": "luck"}, "no invariant named 'luck'; there are: no-loss, "),
            ({"invariant": None}, "'report.json', finding 1 does not say its invariant, its scenario and its seed"),
        ],
    )
    def test_finding_that_is_not_whole(self, redrive, report, change, said):
        report["scenarios"][0]["violations"][0].update(change)
        Path("report.json").write_text(json.dumps(report))
        status, _, err = redrive("replay", "report.json", "replay_wrong.py:handler")
        assert (status, err.startswith(f"redrive: {said}")) == (2, True), err

    def test_plan_that_cannot_be_run(self, redrive, report):
        report["scenarios"][0]["violations"][0]["plan"]["batch_size"] = 0
        Path("report.json").write_text(json.dumps(report))
        status, _, err = redrive("replay", "report.json", "replay_wrong.py:handler")
        assert (status, err.startswith("redrive: the plan of the finding cannot be run: ")) == (2, True), err

    def test_report_without_a_finding(self, redrive):
        Path("report.json").write_text('{"redrive": "0.1.0", "scenarios": [{"name": "happy-path"}]}')
        _, _, err = redrive("replay", "report.json", "replay_handler.py:handler")
        assert err == "redrive: 'report.json' is a report without a finding\n"


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("plain é 𐍈", "plain é 𐍈"),
        ("\x1b[31m", "\\x1b[31m"),
        ("a\nb", "a\\nb"),
        ("\ud800", "\\ud800"),
        ("\u202e", "\\u202e"),
    ],
)
def test_printable(text, shown):
    assert printable(text) == shown
