"""The command line: what it prints where, its exit status, and one line for whatever cannot be run."""

import errno
import json
import re
import shlex
import subprocess
import sys
import textwrap
from pathlib import Path

import pytest

from redrive.fixtures import sample_events
from redrive.scenarios import UsageError
from redrive.scenarios.capabilities import Capability
from redrive.scenarios.catalogue import CATALOGUE
from redrive.scenarios.cli import main

ROGUE = "redrive.scenarios.rogues.swallowed_exception:handler"


@pytest.fixture(autouse=True)
def _own_folder(tmp_path, monkeypatch):
    """Where the test stands; and nothing of what it imports or sets is left behind."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "path", list(sys.path))
    for name in ("REDRIVE_SINK", "REDRIVE_LEDGER", "REDRIVE_DELTA_TABLE"):
        monkeypatch.setenv(name, "")
    monkeypatch.delenv("REDRIVE_SINK")
    before = set(sys.modules)
    yield
    for name in set(sys.modules) - before:
        if name.startswith("cli_"):
            del sys.modules[name]


@pytest.fixture
def redrive(capsys):
    """Runs the command in this process; gives exit status, standard output and standard error."""

    def run(*words):
        with pytest.raises(SystemExit) as ended:
            main([str(word) for word in words])
        return ended.value.code, *capsys.readouterr()

    return run


def write(name, code):
    Path(name).write_text(textwrap.dedent(code), encoding="utf-8")
    return name


def read_json(name):
    return json.loads(Path(name).read_text(encoding="utf-8"))


def row_count(out):
    table, rows = re.search(r"^table: (.+) \((\d+) rows\)$", out, re.MULTILINE).groups()
    return table, int(rows)


class TestWhatCannotBeRun:
    @pytest.fixture
    def refused(self, redrive):
        """The one line that is said, without the name of the command before it."""

        def run(*words):
            status, out, err = redrive(*words)
            assert (status, out) == (2, "")
            assert err.startswith("redrive: ")
            assert err.endswith("\n")
            assert err.count("\n") == 1
            assert "Traceback" not in err
            return err.removeprefix("redrive: ").rstrip("\n")

        return run

    def test_no_such_module(self, refused):
        assert refused("verify", "no.such:thing") == "no module named 'no' (looking for 'no.such:thing')"

    def test_no_such_attribute(self, refused):
        assert refused("verify", "json:nothing") == "module 'json' has no attribute 'nothing'"

    def test_no_such_file(self, refused):
        assert refused("verify", "nowhere.py:handler") == "no file 'nowhere.py'"

    def test_target_without_an_attribute(self, refused):
        assert "is not of the form package.module:attribute or path/to/file.py:attribute" in refused("verify", "json")

    def test_neither_handler_nor_consumer(self, refused):
        assert refused("verify", "json:__name__") == "json:__name__ is str, neither a handler nor a Consumer"

    @pytest.mark.parametrize("command", ["verify", "invoke"])
    def test_handler_that_fails_to_import(self, refused, command):
        path = write(f"cli_fails_{command}.py", "import no_such_module_anywhere\ndef handler(event, context): pass\n")
        assert refused(command, f"{path}:handler") == (
            f"importing 'cli_fails_{command}' failed with ModuleNotFoundError: "
            "No module named 'no_such_module_anywhere' (--debug shows where)"
        )

    def test_handler_that_ends_the_process_at_its_import(self, refused):
        path = write("cli_exits.py", "import sys\nsys.exit('no')\n")
        assert "failed with SystemExit: no" in refused("verify", f"{path}:handler")

    def test_handler_that_spreads_its_error_over_lines(self, refused):
        path = write("cli_lines.py", "raise RuntimeError('one\\ntwo\\n')\n")
        assert "RuntimeError: one two" in refused("verify", f"{path}:handler")

    def test_consumer_whose_handler_has_not_that_name(self, refused):
        write("cli_right.py", "def handler(event, context): pass\n")
        code = """
            from redrive.scenarios import Consumer
            consumer = Consumer(handler="cli_right:handlr", valid=str)
        """
        path = write("cli_wrong.py", code)
        assert refused("verify", f"{path}:consumer") == "module 'cli_right' has no attribute 'handlr'"

    def test_consumer_with_a_claim_that_is_none(self, refused):
        code = """
            from redrive.scenarios import Consumer
            consumer = Consumer(handler=print, valid=str, claims={"perfect"})
        """
        assert "no claim named 'perfect'" in refused("verify", f"{write('cli_claims.py', code)}:consumer")

    def test_consumer_whose_setup_fails(self, refused):
        code = """
            from redrive.scenarios import Consumer
            def setup(aws):
                aws.client("sqs").get_queue_url(QueueName="nowhere")
            consumer = Consumer(handler=lambda event, context: None, valid=str, setup=setup)
        """
        message = refused("verify", f"{write('cli_setup.py', code)}:consumer")
        assert message.startswith("the consumer's setup failed with QueueDoesNotExist")

    @pytest.mark.parametrize(
        ("number", "spec", "words"),
        [
            (1, "visibility_timeout_s=30", "visibility timeout: 30 seconds is less than Function timeout: 50 seconds"),
            (2, "batch_size=100", "MaximumBatchingWindowInSeconds is at least 1"),
            (3, "fifo=True, batch_size=11", "BatchSize 11 is not from 1 to 10"),
            (4, "max_receive_count=0", "maxReceiveCount"),
        ],
    )
    def test_consumer_whose_queue_aws_would_refuse(self, refused, number, spec, words):
        code = f"""
            from redrive.scenarios import Consumer, QueueSpec
            consumer = Consumer(handler=lambda event, context: None, valid=str, queue=QueueSpec({spec}))
        """
        message = refused("verify", f"{write(f'cli_queue_{number}.py', code)}:consumer")
        assert message.startswith("the consumer's queue is refused with ")
        assert words in message

    def test_no_such_scenario(self, refused):
        message = refused("verify", ROGUE, "--scenario", "happy-end")
        assert message.startswith("no scenario named 'happy-end'; there are: happy-path, ")
        assert message.endswith(list(CATALOGUE)[-1])

    def test_scenario_of_a_variant_that_the_consumer_has_not(self, refused):
        assert "no scenario named 'happy-path[delta]'" in refused("verify", ROGUE, "--scenario", "happy-path[delta]")

    def test_no_such_environment(self, refused):
        assert refused("verify", "--on", "mars").startswith("Invalid value for '--on': 'mars' is not ")

    @pytest.mark.parametrize(
        "words",
        [
            ("verify", "--seed", "seven"),
            ("verify", "--seed", "-1"),
            ("verify", "--examples", "0"),
            ("verify", "--jobs", "0"),
            ("verify", "--no-such-option"),
            ("verify", ROGUE, "and-another"),
            ("invoke", "--timeout", "0"),
            ("scenarios", "happy-path"),
            ("no-such-command",),
        ],
    )
    def test_wrong_usage(self, refused, words):
        assert "--help)" in refused(*words)

    def test_json_into_a_folder_that_is_not_there(self, refused):
        message = refused("verify", ROGUE, "--json", "missing/out.json")
        assert message == "cannot write 'missing/out.json': there is no folder 'missing'"

    def test_json_into_a_folder(self, refused, tmp_path):
        assert "is a directory" in refused("verify", ROGUE, "--json", tmp_path)

    def test_no_such_event(self, refused):
        message = refused("invoke", "--event", "nothing")
        assert message.startswith("no sample event and no file named 'nothing'; sample events: all-attribute-types, ")
        assert message.endswith("unknown-fields")

    @pytest.mark.parametrize(
        ("content", "words"),
        [
            (b"{oops", "is not JSON: Expecting property name"),
            (b"", "is not JSON: Expecting value"),
            (b"[" * 100_000, "is not JSON: maximum recursion depth"),
            (b'{"a": "\xff"}', "is not UTF-8: byte 7"),
            (b"[]", "holds no JSON object, so it is no event"),
            (b'"Records"', "holds no JSON object, so it is no event"),
            (b"null", "holds no JSON object, so it is no event"),
        ],
    )
    def test_file_that_holds_no_event(self, refused, tmp_path, content, words):
        (tmp_path / "event.json").write_bytes(content)
        message = refused("invoke", "--event", "event.json")
        assert message.startswith("'event.json' ")
        assert words in message

    def test_folder_for_an_event(self, refused, tmp_path):
        assert refused("invoke", "--event", tmp_path) == f"cannot read '{tmp_path}': Is a directory"

    def test_file_that_may_not_be_read(self, refused, monkeypatch):
        def denied(*_, **__):
            raise PermissionError(errno.EACCES, "Permission denied")

        monkeypatch.setattr(Path, "read_text", denied)
        assert refused("invoke", "--event", "secret.json") == "cannot read 'secret.json': Permission denied"

    def test_file_below_a_file(self, refused, tmp_path):
        (tmp_path / "file").touch()
        assert refused("invoke", "--event", "file/event.json") == "cannot read 'file/event.json': Not a directory"

    def test_json_given_in_place_of_its_file(self, refused):
        given = json.dumps({"Records": [{"body": "x" * 300}]})
        assert "File name too long" in refused("invoke", "--event", given)

    def test_table_of_another_handler(self, refused):
        said = refused("invoke", "redrive.scenarios.rogues.swallowed_exception:handler", "--table", "table")
        assert said == "--table is where the reference handler writes: leave it out, or leave TARGET out"

    def test_table_where_none_can_be(self, refused, tmp_path):
        (tmp_path / "file").touch()
        assert refused("invoke", "--table", "file/table") == "cannot make the folder 'file': File exists"

    def test_nothing_was_run(self, refused, tmp_path):
        refused("verify", ROGUE, "--scenario", "happy-end", "--json", "out.json")
        refused("invoke", "--event", "nothing")
        assert list(tmp_path.iterdir()) == []


class TestDebug:
    @pytest.mark.parametrize("words", [("--debug", "verify", "no.such:thing"), ("verify", "no.such:thing", "--debug")])
    def test_raises_what_would_be_one_line(self, words):
        with pytest.raises(UsageError) as raised:
            main(words)
        assert raised.value.__cause__ is not None

    def test_as_a_process_of_its_own(self):
        write("cli_broken.py", "import no_such_module_anywhere\n")
        command = [sys.executable, "-m", "redrive.scenarios.cli", "verify", "cli_broken.py:handler"]
        plain = subprocess.run(command, capture_output=True, text=True, check=False)
        assert (plain.returncode, plain.stdout, plain.stderr.count("\n")) == (2, "", 1)
        debug = subprocess.run([*command, "--debug"], capture_output=True, text=True, check=False)
        assert debug.returncode != 0
        assert debug.stdout == ""
        assert "Traceback" in debug.stderr
        assert 'cli_broken.py", line 1' in debug.stderr


class TestVerify:
    def test_what_holds_is_exit_status_0(self, redrive):
        status, out, err = redrive(
            "verify", ROGUE, "--scenario", "happy-path", "--scenario", "lost-acknowledgement", "--examples", 1,
            "--jobs", 1, "--seed", 5, "--json", "out.json",
        )  # fmt: skip
        assert status == 0
        assert "2 holds" in out.splitlines()[-1]
        assert "seed 5" in out.splitlines()[-1]
        assert err.startswith(f"verifying {ROGUE}, 2 scenarios\n")
        assert "1/2 happy-path: holds" in err
        written = read_json("out.json")
        assert [scenario["name"] for scenario in written["scenarios"]] == ["happy-path", "lost-acknowledgement"]
        assert (written["target"], written["seed"], written["totals"]["holds"]) == (ROGUE, 5, 2)
        assert re.fullmatch(r"\d+\.\d+\.\d+.*", written["redrive"])

    def test_what_is_violated_is_exit_status_1_with_its_history_and_how_to_replay_it(self, redrive):
        words = ("verify", ROGUE, "--scenario", "whole-batch-failure", "--examples", 2, "--seed", 5, "--jobs", 1)
        status, out, _ = redrive(*words, "--json", "out.json")
        assert status == 1
        assert "no-loss is violated in whole-batch-failure" in out
        assert "message 1: 'key-1', valid" in out
        assert "FAULT: no AWS call of invocation 1 gets through from call 1 on" in out
        (replay,) = re.findall(r"^ *replay: (.+)$", out, re.MULTILINE)
        assert replay == f"redrive verify {ROGUE} --scenario whole-batch-failure --seed 5 --examples 2"
        (finding,) = read_json("out.json")["scenarios"][0]["violations"]
        assert finding["invariant"] == "no-loss"
        assert finding["replay"] == replay
        for line in finding["timeline"]:
            assert line in out

        program, *again = shlex.split(replay)
        assert program == "redrive"
        assert redrive(*again, "--json", "again.json")[0] == 1
        assert read_json("again.json")["scenarios"][0]["violations"] == [finding]

    def test_target_with_a_space_can_be_replayed(self, redrive, tmp_path):
        (tmp_path / "a b").mkdir()
        path = write("a b/cli_loses.py", "def handler(event, context): return []\n")
        status, out, _ = redrive("verify", f"{path}:handler", "--scenario", "happy-path", "--examples", 1, "--jobs", 1)
        assert status == 1
        (replay,) = re.findall(r"replay: (.+)$", out, re.MULTILINE)
        assert shlex.split(replay)[2] == "a b/cli_loses.py:handler"

    def test_what_is_unknown_is_exit_status_1(self, redrive):
        code = """
            from redrive.scenarios import Consumer
            consumer = Consumer(handler=lambda event, context: None, valid=str, effects=lambda aws: 1 / 0)
        """
        path = write("cli_unknown.py", code)
        status, out, _ = redrive("verify", f"{path}:consumer", "--scenario", "happy-path", "--jobs", 1)
        assert status == 1
        assert "1 unknown" in out
        assert "ZeroDivisionError" in out

    def test_nothing_but_skipped_is_exit_status_1(self, redrive):
        path = write("cli_skips.py", "def handler(event, context): return {}\n")
        status, out, err = redrive("verify", f"{path}:handler", "--scenario", "fifo-order", "--jobs", 1)
        assert status == 1
        assert "1 skipped" in out
        assert "a bare handler" in err

    def test_bare_handler_that_answers_right(self, redrive):
        path = write("cli_bare.py", "def handler(event, context): return {}\n")
        words = ("--scenario", "happy-path", "--scenario", "duplicate-delivery", "--examples", 2, "--jobs", 1)
        status, out, _ = redrive("verify", f"{path}:handler", *words)
        assert (status, "2 holds" in out) == (0, True)


class TestScenarios:
    def test_a_line_for_each_with_what_it_asserts_and_needs(self, redrive):
        status, out, err = redrive("scenarios")
        assert (status, err) == (0, "")
        listed = [line.split("\t") for line in out.splitlines()]
        assert [fields[0] for fields in listed] == list(CATALOGUE)
        for name, family, summary, invariants, needs in listed:
            scenario = CATALOGUE[name]
            assert (family, summary) == (scenario.family, scenario.summary)
            assert tuple(invariants.split(", ")) == scenario.invariants
            needed = needs.split(", ")
            assert ("poison" in needed) == scenario.poison
            assert {word for word in needed if word.startswith("claim ")} == {
                f"claim {each}" for each in scenario.needs
            }
            assert {word for word in needed if word in set(Capability)} == set(scenario.required)
            assert "on simulated" in needed


class TestInvoke:
    @pytest.fixture(autouse=True)
    def _delta(self):
        for module in ("deltalake", "arro3.core"):
            pytest.importorskip(module, reason="the Delta sink needs the extra redrive[delta]")

    def test_standard_twice_leaves_each_message_once(self, redrive, tmp_path):
        from deltalake import DeltaTable

        for _ in range(2):
            status, out, err = redrive("invoke", "--event", "standard", "--table", "a table")
            assert (status, err) == (0, "")
            assert row_count(out) == (str(tmp_path / "a table"), 3)
        batches = DeltaTable(tmp_path / "a table").scan(columns=["message_id"])
        ids = [row["message_id"] for batch in batches for row in batch.to_struct_array().to_pylist()]
        assert sorted(ids) == sorted(record["messageId"] for record in sample_events.load("standard")["Records"])

    def test_default_table_is_below_where_the_user_stands(self, redrive, tmp_path):
        _, out, _ = redrive("invoke")
        assert row_count(out) == (str(tmp_path / ".redrive" / "delta" / "sqs_messages"), 3)

    def test_event_from_a_file(self, redrive, tmp_path):
        event = sample_events.load("standard")
        del event["Records"][1:]
        (tmp_path / "my event.json").write_text(json.dumps(event), encoding="utf-8")
        status, out, _ = redrive("invoke", "--event", "my event.json", "--table", "table")
        assert (status, row_count(out)[1]) == (0, 1)
        assert '"batchItemFailures": []' in out

    def test_every_sample_event(self, redrive):
        fails = {"malformed-no-message-id", "malformed-no-records"}
        for name in sample_events.names():
            status, out, err = redrive("invoke", "--event", name, "--table", f"table-{name}")
            assert (status, err) == (1 if name in fails else 0, ""), name
            table, rows = row_count(out)
            assert table.endswith(f"table-{name}")
            assert rows <= len(sample_events.load(name).get("Records", [])), name

    def test_list_names_every_sample_event(self, redrive):
        status, out, _ = redrive("invoke", "--list")
        assert status == 0
        assert [line.split("\t")[0] for line in out.splitlines()] == list(sample_events.names())

    def test_handler_of_ones_own_with_its_output(self, redrive, tmp_path):
        code = """
            def handler(event, context):
                print("seen", len(event["Records"]))
                return {"ms": context.get_remaining_time_in_millis() > 2000}
        """
        path = write("cli_own.py", code)
        status, out, err = redrive("invoke", f"{path}:handler", "--timeout", "5")
        assert (status, err) == (0, "")
        assert out.startswith('seen 3\n{\n  "ms": true\n}\nreturned after ')
        assert "table:" not in out
        assert {entry.name for entry in tmp_path.iterdir()} - {"__pycache__"} == {"cli_own.py"}

    def test_handler_that_raises_is_exit_status_1(self, redrive):
        path = write("cli_raises.py", "def handler(event, context): raise KeyError('order')\n")
        status, out, err = redrive("invoke", f"{path}:handler")
        assert (status, err) == (1, "")
        assert '"errorType": "KeyError"' in out
        assert "failed after " in out

    @pytest.mark.parametrize("value", ["'\\ud800'", "print('\\ud800')"])
    def test_half_a_surrogate_pair_is_shown_escaped(self, redrive, value):
        path = write("cli_half.py", f"def handler(event, context): return {value}\n")
        _, out, err = redrive("invoke", f"{path}:handler")
        assert "\\ud800" in out
        assert err == ""


def test_without_a_command_there_is_help(redrive):
    status, out, err = redrive()
    assert (status, err) == (0, "")
    assert out.startswith("Usage: redrive ")
    for command in ("verify", "scenarios", "rogues", "invoke", "replay"):
        assert f"  {command} " in out


def test_version(redrive):
    status, out, _ = redrive("--version")
    assert status == 0
    assert re.fullmatch(r"redrive, version \d+\.\d+\.\d+.*\n", out)
