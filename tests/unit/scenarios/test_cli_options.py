"""The options that make a consumer of a bare handler: what comes of them, what is refused, and what replays have."""

import json
import re
import shlex
import sys
import textwrap
from pathlib import Path

import pytest

from redrive.scenarios.cli import main

pytestmark = pytest.mark.slow

HANDLER = """
    import json, os, boto3

    TABLE = os.environ["TABLE"]
    table = boto3.resource("dynamodb").Table(TABLE)

    def handler(event, context):
        failures = []
        for record in event["Records"]:
            try:
                order = json.loads(record["body"])["order"]
            except ValueError:
                failures.append({"itemIdentifier": record["messageId"]})
                continue
            table.put_item(Item={"order": order})
        return {"batchItemFailures": failures}
"""
"""It wants its table by name as it is imported."""

CONSUMER = """
    from redrive.scenarios import Consumer

    def handler(event, context):
        return {}

    shop = Consumer(handler=handler, valid=str)
"""


@pytest.fixture(autouse=True)
def _own_folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "path", list(sys.path))
    before = set(sys.modules)
    yield
    for name in set(sys.modules) - before:
        if name.startswith("options_"):
            del sys.modules[name]


@pytest.fixture
def redrive(capsys):
    """Runs the command in this process; gives exit status, standard output and standard error."""

    def run(*words):
        with pytest.raises(SystemExit) as ended:
            main([str(word) for word in words])
        return ended.value.code, *capsys.readouterr()

    return run


@pytest.fixture
def refused(redrive):
    def run(*words):
        status, out, err = redrive("verify", *words)
        assert (status, out) == (2, "")
        assert (err.startswith("redrive: "), err.count("\n"), err[-1]) == (True, 1, "\n")
        return err.removeprefix("redrive: ").rstrip("\n")

    return run


def write(name, code):
    Path(name).parent.mkdir(parents=True, exist_ok=True)
    Path(name).write_text(textwrap.dedent(code), encoding="utf-8")
    return name


def seen(name="seen.json"):
    return json.loads(Path(name).read_text(encoding="utf-8"))


QUICK = ("--scenario", "happy-path", "--examples", 1, "--jobs", 1)


class TestWhatComesOfThem:
    def test_handler_with_a_table_and_a_variable_that_it_wants_at_import(self, redrive):
        path = write("options_shop.py", HANDLER)
        words = (
            "--body",
            '{"order": "{key}"}',
            "--poison",
            "{oops",
            "--table",
            "orders:order",
            "--env",
            "TABLE=orders",
        )
        scenarios = ("--scenario", "happy-path", "--scenario", "partial-failure", "--examples", 2, "--jobs", 1)
        status, out, err = redrive("verify", f"{path}:handler", *words, *scenarios)
        assert (status, "2 holds" in out) == (0, True), out
        assert "a bare handler, with bodies as given" in err

    def test_the_same_in_processes_of_their_own(self, redrive, tmp_path):
        write("lib/options_lib.py", "def order_of(body): return body['order']\n")
        code = HANDLER.replace("import json", "import json, options_lib")
        path = write("src/options_lib_user.py", code)
        words = ("--body", '{"order": "{key}"}', "--table", "orders:order", "--env", "TABLE=orders", "--path", "lib")
        scenarios = ("--scenario", "happy-path", "--scenario", "duplicate-delivery", "--examples", 1, "--jobs", 2)
        status, out, _ = redrive("verify", f"{path}:handler", *words, *scenarios)
        assert (status, "2 holds" in out) == (0, True), out

    def test_body_and_poison_are_sent_with_the_key_in_place_and_all_else_as_it_is(self, redrive):
        code = """
            import json, os
            from pathlib import Path
            def handler(event, context):
                path = Path(os.environ["SEEN"])
                bodies = json.loads(path.read_text()) if path.exists() else []
                path.write_text(json.dumps([*bodies, *(r["body"] for r in event["Records"])]))
                return {}
        """
        path = write("options_bodies.py", code)
        given = ("--body", '{"a": {"id": "{key}", "{other}": "{{}}"}, "again": "{key}"}', "--env", "SEEN=seen.json")
        assert redrive("verify", f"{path}:handler", *given, *QUICK)[0] == 0
        assert seen()[0] == '{"a": {"id": "key-1", "{other}": "{{}}"}, "again": "key-1"}'

    def test_body_from_a_file_byte_for_byte_and_one_that_begins_with_an_at(self, redrive):
        code = """
            import os
            from pathlib import Path
            def handler(event, context):
                Path(os.environ["SEEN"]).write_bytes(event["Records"][0]["body"].encode())
                return {}
        """
        path = write("options_file.py", code)
        Path("body.txt").write_bytes("Größe\r\n{key}\n".encode())
        for given, expected in (("@body.txt", "Größe\r\nkey-1\n"), ("@@body.txt", "@body.txt")):
            words = ("--body", given, "--env", "SEEN=seen.bin")
            assert redrive("verify", f"{path}:handler", *words, *QUICK)[0] == 0
            assert Path("seen.bin").read_bytes().decode() == expected

    def test_tables_buckets_and_setup_are_there_in_this_order(self, redrive):
        code = """
            import json, os, boto3
            from pathlib import Path

            def make(aws):
                aws.client("dynamodb").put_item(TableName="plain", Item={"id": {"S": "from setup"}})
                aws.client("s3").put_object(Bucket="photos", Key="a", Body=b"")

            def handler(event, context):
                client = boto3.client("dynamodb")
                described = {name: client.describe_table(TableName=name)["Table"] for name in ("plain", "full")}
                keys = {
                    name: [(k["KeyType"], k["AttributeName"]) for k in table["KeySchema"]]
                    for name, table in described.items()
                }
                types = {a["AttributeName"]: a["AttributeType"] for a in described["full"]["AttributeDefinitions"]}
                items = client.scan(TableName="plain")["Items"]
                objects = [o["Key"] for o in boto3.client("s3").list_objects_v2(Bucket="photos")["Contents"]]
                Path(os.environ["SEEN"]).write_text(json.dumps([keys, types, items, objects]))
                return {}
        """
        path = write("options_resources.py", code)
        words = ("--table", "plain", "--table", "full:customer,placed=N", "--bucket", "photos")
        more = ("--setup", "options_resources:make", "--env", "SEEN=seen.json", "--path", ".")
        status, out, _ = redrive("verify", f"{path}:handler", *words, *more, *QUICK)
        assert status == 0, out
        keys, types, items, objects = seen()
        assert keys == {"plain": [["HASH", "id"]], "full": [["HASH", "customer"], ["RANGE", "placed"]]}
        assert types == {"customer": "S", "placed": "N"}
        assert (items, objects) == ([{"id": {"S": "from setup"}}], ["a"])

    def test_import_root_comes_before_what_was_found_first(self, redrive, monkeypatch, tmp_path):
        write("first/options_root.py", "def handler(event, context): raise RuntimeError\n")
        write("second/options_root.py", "def handler(event, context): return {}\n")
        monkeypatch.syspath_prepend(str(tmp_path / "first"))
        assert redrive("verify", "options_root:handler", "--path", "second", *QUICK)[0] == 0

    def test_fifo_is_asked_about_order(self, redrive):
        path = write("options_fifo.py", "def handler(event, context): return {}\n")
        scenarios = ("--scenario", "fifo-order", "--scenario", "happy-path", "--examples", 1, "--jobs", 1)
        _, out, _ = redrive("verify", f"{path}:handler", "--fifo", *scenarios)
        assert "1 holds, 1 skipped" in out

    def test_queue_and_mapping(self, redrive):
        code = """
            import json, os
            from pathlib import Path
            def handler(event, context):
                path = Path(os.environ["SEEN"])
                seen = json.loads(path.read_text()) if path.exists() else []
                received = [int(r["attributes"]["ApproximateReceiveCount"]) for r in event["Records"]]
                seen.append([len(received), max(received), context.get_remaining_time_in_millis()])
                path.write_text(json.dumps(seen))
                raise RuntimeError
        """
        path = write("options_queue.py", code)
        words = ("--max-receive-count", 5, "--function-timeout", 7, "--visibility-timeout", 70, "--batch-size", 1)
        redrive("verify", f"{path}:handler", *words, "--env", "SEEN=seen.json", *QUICK)
        sizes, counts, left_ms = zip(*seen(), strict=True)
        assert (max(sizes), max(counts), max(left_ms)) == (1, 5, 7_000)

    def test_more_than_ten_in_a_batch_have_the_window_that_aws_wants(self, redrive):
        path = write("options_large.py", "def handler(event, context): return {}\n")
        assert redrive("verify", f"{path}:handler", "--batch-size", 100, *QUICK)[0] == 0

    def test_without_partial_batch_a_list_of_failures_says_nothing(self, redrive):
        code = """
            def handler(event, context):
                return {"batchItemFailures": [{"itemIdentifier": r["messageId"]} for r in event["Records"]]}
        """
        path = write("options_whole.py", code)
        words = ("--no-partial-batch", "--json", "out.json", *QUICK)
        redrive("verify", f"{path}:handler", *words)
        (scenario,) = json.loads(Path("out.json").read_text())["scenarios"]
        told = "\n".join(line for finding in scenario["violations"] for line in finding["timeline"])
        assert scenario["verdict"] == "holds" or "that is success of the whole batch" in told

    def test_claims_take_the_place_of_what_is_taken_for_granted(self, redrive):
        path = write("options_claims.py", "def handler(event, context): return {}\n")
        words = ("--scenario", "fifo-order", "--scenario", "partial-failure", "--examples", 1, "--jobs", 1)
        given = ("--claim", "ordered", "--poison", "{", *words, "--json", "out.json")
        redrive("verify", f"{path}:handler", *given)
        verdicts = {s["name"]: s["verdict"] for s in json.loads(Path("out.json").read_text())["scenarios"]}
        assert verdicts == {"partial-failure": "skipped", "fifo-order": "holds"}


class TestConsumers:
    def test_variables_and_paths_are_added_to_a_consumer(self, redrive):
        code = """
            import os
            from pathlib import Path
            import options_beside
            from redrive.scenarios import Consumer
            def handler(event, context):
                Path(os.environ["SEEN"]).write_text(os.environ["ITS_OWN"])
                return {}
            shop = Consumer(handler=handler, valid=str, environment={"ITS_OWN": "kept", "SEEN": "elsewhere"})
        """
        path = write("options_added.py", code)
        write("beside/options_beside.py", "")
        status, out, _ = redrive("verify", f"{path}:shop", "--env", "SEEN=seen.txt", "--path", "beside", *QUICK)
        assert status == 0, out
        assert Path("seen.txt").read_text() == "kept"

    def test_what_a_consumer_says_itself_is_refused(self, refused):
        path = write("options_consumer.py", CONSUMER)
        words = ("--body", "{key}", "--fifo", "--table", "a", "--table", "b", "--max-receive-count", 3)
        said = refused(f"{path}:shop", *words, "--env", "A=B")
        assert said == (
            "options_consumer.py:shop is a Consumer, which says this itself: "
            "leave out --body, --fifo, --table, --max-receive-count"
        )

    def test_the_same_of_a_handler_that_has_a_consumer(self, refused):
        path = write("options_of_handler.py", CONSUMER)
        assert refused(f"{path}:handler", "--no-partial-batch") == (
            "options_of_handler.py:handler is judged as the consumer 'shop' of options_of_handler, "
            "which says this itself: leave out --no-partial-batch"
        )

    def test_the_reference_handler_says_it_itself(self, refused):
        assert refused("--bucket", "b").endswith(
            "reference:consumer is a Consumer, which says this itself: leave out --bucket"
        )


class TestWhatIsRefused:
    @pytest.fixture
    def target(self):
        return f"{write('options_any.py', 'def handler(event, context): return {}')}:handler"

    @pytest.mark.parametrize("given", ["", ":id", "orders:", "orders:a,b,c", "orders:a=B", "orders:=N", "orders:a,"])
    def test_table(self, refused, target, given):
        assert refused(target, "--table", given) == (
            f"--table {given}: not of the form NAME[:HASHKEY[,RANGEKEY]], where a key is a name, or NAME=N for a number"
        ).replace("  ", " ")

    @pytest.mark.parametrize("given", ["TABLE", "=orders", ""])
    def test_variable(self, refused, target, given):
        assert refused(target, "--env", given) == f"--env {given}: not of the form KEY=VALUE"

    @pytest.mark.parametrize(
        ("option", "one", "other", "name"),
        [("--env", "A=1", "A=2", "A"), ("--table", "a:x", "a:y", "a"), ("--bucket", "b", "b", "b")],
    )
    def test_twice(self, refused, target, option, one, other, name):
        assert refused(target, option, one, option, other) == f"{option} {name} is given twice: give it once"

    def test_claim(self, refused, target):
        assert refused(target, "--claim", "perfect").startswith("no claim named 'perfect'; there are: partial-batch, ")

    def test_path(self, refused, target):
        assert refused(target, "--path", "nowhere") == "--path nowhere: there is no such folder"

    def test_body_file(self, refused, target):
        assert refused(target, "--body", "@nowhere") == "cannot read the body 'nowhere': No such file or directory"
        Path("binary").write_bytes(b"\xff")
        assert refused(target, "--poison", "@binary").startswith("cannot read the body 'binary': UnicodeDecodeError: ")

    def test_setup(self, refused, target):
        assert refused(target, "--setup", "nowhere:make") == "--setup: no module named 'nowhere'"
        assert "--setup: module 'json' has no function 'make'" in refused(target, "--setup", "json:make")
        assert "--setup: 'make' is not of the form" in refused(target, "--setup", "make")

    def test_setup_that_fails(self, refused, target):
        write("options_fails.py", "def make(aws): aws.client('sqs').get_queue_url(QueueName='no')\n")
        said = refused(target, "--setup", "options_fails.py:make")
        assert said.startswith("the consumer's setup failed with QueueDoesNotExist: ")

    def test_bucket_that_aws_refuses(self, refused, target):
        assert "the consumer's setup failed with ClientError: " in refused(target, "--bucket", "x")

    def test_queue_that_aws_refuses(self, refused, target):
        said = refused(target, "--visibility-timeout", 10, "--function-timeout", 20)
        assert said.startswith("the consumer's queue is refused with ")

    @pytest.mark.parametrize("option", ["--batch-size", "--max-receive-count", "--function-timeout"])
    @pytest.mark.parametrize("value", ["0", "-1", "many"])
    def test_count(self, refused, target, option, value):
        assert option in refused(target, option, value)

    def test_import_that_fails_whatever_its_resources(self, refused):
        path = write("options_import.py", "import os\nos.environ['NOWHERE']\ndef handler(event, context): pass\n")
        said = "importing 'options_import' failed with KeyError: 'NOWHERE' (--debug shows where)"
        assert refused(f"{path}:handler") == said
        assert refused(f"{path}:handler", "--table", "a") == said


class TestReplay:
    def test_command_has_every_option_and_finds_the_same(self, redrive):
        code = """
            import os
            def handler(event, context):
                assert os.environ["A"] == "it's $HOME"
                raise RuntimeError
            def make(aws): pass
        """
        path = write("options_fails_always.py", code)
        given = [
            "--body", '{"id": "{key}", "it\'s": 1}', "--poison", "--{", "--table", "orders:id,n=N", "--table", "more",
            "--bucket", "photos", "--setup", "options_fails_always:make", "--claim", "partial-batch",
            "--batch-size", "4", "--max-receive-count", "2",
            "--visibility-timeout", "90", "--function-timeout", "9", "--no-partial-batch",
            "--env", "A=it's $HOME", "--path", ".",
        ]  # fmt: skip
        # One word each where the next could be taken for an option.
        given[2:4] = ["--poison=--{"]
        words = ["--scenario", "happy-path", "--seed", "3"]
        status, out, _ = redrive("verify", f"{path}:handler", *given, *words, "--jobs", 1, "--json", "one.json")
        assert status == 1
        (replay,) = set(re.findall(r"^ *replay: (.+)$", out, re.MULTILINE))
        assert shlex.split(replay) == ["redrive", "verify", f"{path}:handler", *given, *words]
        assert redrive(*shlex.split(replay)[1:], "--jobs", 1, "--json", "two.json")[0] == 1
        one, two = (json.loads(Path(name).read_text()) for name in ("one.json", "two.json"))
        assert one["options"] == given
        assert one["scenarios"][0]["violations"] == two["scenarios"][0]["violations"] != []

    def test_fifo_too(self, redrive):
        path = write("options_fifo_fails.py", "def handler(event, context): return []\n")
        _, out, _ = redrive("verify", f"{path}:handler", "--fifo", "--scenario", "fifo-order", "--jobs", 1)
        assert f"replay: redrive verify {path}:handler --fifo --scenario fifo-order --seed 0\n" in out
