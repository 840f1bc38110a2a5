"""The simulated environment from the handler's side: its clock, its AWS calls, its end, and what it leaves behind."""

import os
import random
import sys
import textwrap
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from pathlib import Path

import boto3
import pytest
from botocore.config import Config
from botocore.exceptions import EndpointConnectionError

from redrive.scenarios import Consumer, Effect, QueueSpec, TargetError
from redrive.scenarios.environments.simulated import SimulatedEnvironment
from redrive.scenarios.history import Called, EffectGone, EffectSeen
from redrive.scenarios.judgement import Verdict, judge
from redrive.scenarios.plan import CALL_MS, Plan, PlannedMessage
from redrive.scenarios.target import handler_of
from redrive.simulator.driver import EPOCH_MS
from redrive.simulator.faults import ConcurrentDuplicate, CrashAt, DependencyDown, DuplicateDelivery, Moment, SlowAt
from redrive.simulator.function import Ending
from redrive.simulator.trace import Began, Delivered, Ended, Struck

from .effects_table import make_table

TIMEOUT_S = 10
VISIBILITY_S = 60


@pytest.fixture(scope="module")
def simulated():
    with SimulatedEnvironment().running() as environment:
        yield environment


@pytest.fixture(scope="module")
def dynamodb(simulated):
    """A client that the handlers below share, hence without retries: it would remember them from run to run."""
    return boto3.client("dynamodb", config=Config(retries={"total_max_attempts": 1}))


@pytest.fixture
def put(dynamodb):
    """One AWS call with one effect. Doing it twice is one effect still."""

    def put_item(key, body="-"):
        dynamodb.put_item(TableName="effects", Item={"key": {"S": key}, "body": {"S": body}})

    return put_item


def rows(aws):
    items = aws.client("dynamodb").scan(TableName="effects", ConsistentRead=True)["Items"]
    return [Effect(key=item["key"]["S"], body=item["body"]["S"]) for item in items if "body" in item]


@pytest.fixture
def run(simulated):
    """Runs a handler on messages with these keys, which are their bodies too, and gives the history."""

    def run_handler(handler, *keys, faults=(), fifo=False, batch_size=10, environment=None, setup=make_table):
        consumer = Consumer(
            handler=handler,
            valid=str,
            effects=rows,
            setup=setup,
            queue=QueueSpec(visibility_timeout_s=VISIBILITY_S, function_timeout_s=TIMEOUT_S, max_receive_count=3),
            environment=environment or {},
        )
        group = "g" if fifo else None
        messages = tuple(PlannedMessage(key=key, body=key, group=group) for key in keys or ("a",))
        plan = Plan(messages=messages, faults=tuple(faults), fifo=fifo, batch_size=batch_size)
        return simulated.run(plan, consumer, handler_of(consumer), seed=1)

    return run_handler


@pytest.fixture
def write(tmp_path):
    def write_file(name, code):
        (tmp_path / name).write_text(textwrap.dedent(code))
        return f"{tmp_path / name}:handler"

    return write_file


def of(kind, history):
    return [event for event in history.events if isinstance(event, kind)]


def endings(history):
    return [event.ending for event in of(Ended, history)]


def operations(history, invocation=None):
    return [call.operation for call in of(Called, history) if invocation in {None, call.invocation}]


def keys_of_effects(history):
    return [effect.key for effect in history.effects]


def bodies(event):
    return [record["body"] for record in event["Records"]]


class TestVirtualTime:
    def test_every_clock_has_a_beginning_of_its_own_and_stands_still(self, run):
        seen = []

        def handler(event, context):
            calendar = [time.time(), time.time_ns() / 1e9, datetime.now(UTC).timestamp()]
            seen.append([round(clock * 1000) for clock in calendar])
            seen.append([time.monotonic(), time.monotonic_ns()])
            seen.append(context.get_remaining_time_in_millis())

        run(handler)
        assert seen == [[EPOCH_MS] * 3, [0, 0], TIMEOUT_S * 1000]

    def test_sleep_advances_every_clock_and_takes_no_time(self, run):
        seen = []

        def handler(event, context):
            began = time.time(), time.monotonic(), datetime.now(UTC), context.get_remaining_time_in_millis()
            time.sleep(7.5)
            seen.append(
                (
                    time.time() - began[0],
                    time.monotonic() - began[1],
                    (datetime.now(UTC) - began[2]).total_seconds(),
                    began[3] - context.get_remaining_time_in_millis(),
                )
            )

        real_s = time.perf_counter()
        run(handler)
        assert seen == [(7.5, 7.5, 7.5, 7500)]
        assert time.perf_counter() - real_s < 5

    def test_negative_sleep_does_not_turn_back_the_clock(self, run):
        seen = []

        def handler(event, context):
            time.sleep(-1)
            seen.append(time.time())

        run(handler)
        assert seen == [EPOCH_MS / 1000]

    def test_aws_call_takes_time(self, run, put):
        seen = []

        def handler(event, context):
            put("a")
            put("b")
            seen.append(context.get_remaining_time_in_millis())

        run(handler)
        assert seen == [TIMEOUT_S * 1000 - 2 * CALL_MS]

    def test_sleeping_past_the_timeout_is_the_end(self, run, put):
        after = []

        def handler(event, context):
            put("before")
            if not after:
                after.append(None)
                time.sleep(TIMEOUT_S)
                put("never")
            return {}

        history = run(handler)
        assert endings(history) == [Ending.TIMED_OUT, Ending.RETURNED]
        first, second = of(Began, history)
        assert of(Ended, history)[0].at_ms == first.at_ms + TIMEOUT_S * 1000
        assert second.at_ms == first.at_ms + VISIBILITY_S * 1000
        assert "Task timed out after 10.00 seconds" in of(Ended, history)[0].payload
        assert keys_of_effects(history) == ["before"]

    def test_redelivery_sees_the_clock_of_its_delivery(self, run):
        seen = []

        def handler(event, context):
            seen.append(time.time() - EPOCH_MS / 1000)
            raise RuntimeError

        run(handler)
        assert seen == [0, VISIBILITY_S, 2 * VISIBILITY_S]

    def test_what_a_handler_takes_out_of_time_at_its_import_is_virtual_in_every_run(self, run, write):
        code = """
            from time import monotonic, sleep, time

            def handler(event, context):
                before = time(), monotonic()
                sleep(3)
                assert (time() - before[0], monotonic() - before[1]) == (3, 3)
        """
        target = write("simenv_from_time.py", code)
        for _ in range(2):
            assert endings(run(target)) == [Ending.RETURNED]

    def test_module_that_took_the_clock_in_one_run_has_the_right_one_in_the_next(self, run, tmp_path, monkeypatch):
        packages = tmp_path / "site-packages"
        packages.mkdir()
        (packages / "simenv_clock.py").write_text("from time import monotonic, monotonic_ns, sleep\n")
        monkeypatch.syspath_prepend(packages)
        monkeypatch.delitem(sys.modules, "simenv_clock", raising=False)
        seen = []

        def handler(event, context):
            import simenv_clock

            simenv_clock.sleep(2)
            seen.append((simenv_clock.monotonic(), simenv_clock.monotonic_ns()))

        for _ in range(2):
            run(handler)
        assert seen == [(2, 2_000_000_000)] * 2
        taken = sys.modules["simenv_clock"]
        assert abs(taken.monotonic() - time.monotonic()) < 60
        assert abs(taken.monotonic_ns() - time.monotonic_ns()) < 60e9

    def test_lease_ends_in_virtual_time(self, run, dynamodb):
        """A handler that crashes with a lease of 100 seconds has to wait for the second redelivery after it."""
        lease_s, seen = 100, []

        def handler(event, context):
            now = int(time.time())
            try:
                dynamodb.update_item(
                    TableName="effects",
                    Key={"key": {"S": "a"}},
                    UpdateExpression="SET lease = :until",
                    ConditionExpression="attribute_not_exists(lease) OR lease <= :now",
                    ExpressionAttributeValues={":until": {"N": str(now + lease_s)}, ":now": {"N": str(now)}},
                )
            except dynamodb.exceptions.ConditionalCheckFailedException:
                seen.append("leased")
                raise
            seen.append("ours")

        history = run(handler, faults=[CrashAt(invocation=0, call=1)])
        assert seen == ["leased", "ours"]
        assert endings(history) == [Ending.CRASHED, Ending.RAISED, Ending.RETURNED]


class TestCrash:
    @pytest.mark.parametrize(
        ("call", "moment", "there"),
        [
            (1, Moment.BEFORE, []),
            (1, Moment.AFTER, ["a"]),
            (2, Moment.BEFORE, ["a"]),
            (2, Moment.AFTER, ["a", "b"]),
            (3, Moment.AFTER, ["a", "b", "c"]),
        ],
    )
    def test_effects_up_to_the_call_are_there_and_none_after_it(self, run, put, call, moment, there):
        def handler(event, context):
            for body in bodies(event):
                put(body)
            return {}

        fault = CrashAt(invocation=0, call=call, moment=moment)
        history = run(handler, "a", "b", "c", faults=[fault])
        first = [effect.key for effect in history.effects if effect.invocation == 0]
        assert sorted(first) == there
        assert endings(history) == [Ending.CRASHED, Ending.RETURNED]
        assert [struck.fault for struck in of(Struck, history)] == [fault]
        assert sorted(keys_of_effects(history)) == ["a", "b", "c"]
        assert all(fate.acknowledged for fate in history.fates)

    def test_handler_that_catches_everything_can_do_no_more(self, run, put):
        caught = []

        def handler(event, context):
            for body in bodies(event):
                try:
                    put(body)
                except BaseException as error:  # noqa: BLE001 - this is what it is about
                    caught.append(type(error).__name__)
            try:
                time.sleep(1)
            except BaseException as error:  # noqa: BLE001
                caught.append(type(error).__name__)
            return {}

        history = run(handler, "a", "b", "c", faults=[CrashAt(invocation=0, call=1, moment=Moment.BEFORE)])
        assert caught == ["Killed"] * 4
        assert [effect for effect in history.effects if effect.invocation == 0] == []
        assert endings(history) == [Ending.CRASHED, Ending.RETURNED]
        assert operations(history, invocation=0) == []

    def test_threads_of_a_dead_handler_can_do_no_more(self, run, put):
        def handler(event, context):
            with ThreadPoolExecutor(1) as pool:
                done = [pool.submit(put, body) for body in bodies(event)]
            return {"raised": [type(each.exception()).__name__ for each in done]}

        history = run(handler, "a", "b", faults=[CrashAt(invocation=0, call=1)])
        assert [effect.key for effect in history.effects if effect.invocation == 0] == ["a"]
        assert endings(history)[0] is Ending.CRASHED

    def test_answer_of_a_dead_handler_says_so(self, run, put):
        history = run(lambda event, context: put("a"), faults=[CrashAt(invocation=0, call=1)])
        assert "Runtime.ExitError" in of(Ended, history)[0].payload

    def test_handler_that_ends_its_process_crashes(self, run):
        def handler(event, context):
            raise SystemExit(0)

        assert set(endings(run(handler))) == {Ending.CRASHED}

    def test_slow_call_that_ends_in_time_is_only_late(self, run, put):
        history = run(
            lambda event, context: put("a"),
            faults=[SlowAt(invocation=0, call=1, duration_ms=TIMEOUT_S * 1000 - CALL_MS - 1)],
        )
        assert endings(history) == [Ending.RETURNED]

    @pytest.mark.parametrize(("moment", "there"), [(Moment.BEFORE, []), (Moment.AFTER, ["a"])])
    def test_slow_call_that_does_not_is_a_timeout(self, run, put, moment, there):
        fault = SlowAt(invocation=0, call=1, duration_ms=TIMEOUT_S * 1000, moment=moment)
        history = run(lambda event, context: put("a"), faults=[fault])
        assert endings(history)[0] is Ending.TIMED_OUT
        assert [effect.key for effect in history.effects if effect.invocation == 0] == there

    @pytest.mark.parametrize(
        ("fault", "ending"),
        [
            (CrashAt(invocation=0, call=5), Ending.CRASHED),
            (SlowAt(invocation=0, call=5, duration_ms=TIMEOUT_S * 1000), Ending.TIMED_OUT),
        ],
    )
    def test_fault_that_no_call_reaches_strikes_at_the_end(self, run, put, fault, ending):
        history = run(lambda event, context: put("a"), faults=[fault])
        assert endings(history) == [ending, Ending.RETURNED]
        assert [effect.invocation for effect in history.effects] == [0]
        assert history.struck

    def test_fault_of_an_invocation_that_never_is_does_not_strike(self, run, put):
        history = run(lambda event, context: put("a"), faults=[CrashAt(invocation=1, call=1)])
        assert endings(history) == [Ending.RETURNED]
        assert not history.struck


class TestDependencyDown:
    def test_handler_sees_that_the_endpoint_cannot_be_reached(self, run, put):
        raised = []

        def handler(event, context):
            try:
                put("a")
            except EndpointConnectionError as error:
                raised.append(str(error))
                raise
            return {}

        history = run(handler, faults=[DependencyDown(invocation=0)])
        assert len(raised) == 1
        assert endings(history) == [Ending.RAISED, Ending.RETURNED]
        assert [effect.invocation for effect in history.effects] == [1]
        assert len(of(Struck, history)) == 1
        assert {call.answer for call in of(Called, history) if call.invocation == 0} == {
            "not sent: the endpoint is down"
        }

    def test_from_a_call_on(self, run, put):
        def handler(event, context):
            failures = []
            for record in event["Records"]:
                try:
                    put(record["body"])
                except EndpointConnectionError:
                    failures.append({"itemIdentifier": record["messageId"]})
            return {"batchItemFailures": failures}

        history = run(handler, "a", "b", "c", faults=[DependencyDown(invocation=0, call=2)])
        assert [effect.key for effect in history.effects if effect.invocation == 0] == ["a"]
        assert [len(fate.deliveries) for fate in history.fates] == [1, 2, 2]

    def test_for_some_calls(self, run, put):
        """The handler of the test before, for whom the dependency is back before the invocation is over."""

        def handler(event, context):
            failures = []
            for record in event["Records"]:
                try:
                    put(record["body"])
                except EndpointConnectionError:
                    failures.append({"itemIdentifier": record["messageId"]})
            return {"batchItemFailures": failures}

        fault = DependencyDown(invocation=0, call=2, calls=2)
        history = run(handler, "a", "b", "c", "d", faults=[fault])
        assert sorted(effect.key for effect in history.effects if effect.invocation == 0) == ["a", "d"]
        assert [len(fate.deliveries) for fate in history.fates] == [1, 2, 2, 1]
        assert [struck.fault for struck in of(Struck, history)] == [fault]
        assert str(fault) == "2 AWS calls of invocation 1 do not get through from call 2 on"


class TestConcurrentDuplicate:
    @pytest.mark.parametrize(("moment", "before"), [(Moment.BEFORE, []), (Moment.AFTER, ["DescribeTable"])])
    def test_second_invocation_runs_in_the_middle_of_the_first_in_another_environment(
        self, run, dynamodb, moment, before
    ):
        def handler(event, context):
            dynamodb.describe_table(TableName="effects")
            dynamodb.list_tables()

        fault = ConcurrentDuplicate(invocation=0, call=1, moment=moment)
        history = run(handler, faults=[fault])
        first, second = of(Began, history)
        assert first.environment != second.environment
        assert (first.cold, second.cold) == (True, True)
        told = [(type(event).__name__, event.invocation) for event in history.events if hasattr(event, "invocation")]
        begin, end = told.index(("Began", 1)), told.index(("Ended", 1))
        assert [event for event in told[:begin] if event[0] == "Called"] == [("Called", 0)] * len(before)
        assert told.index(("Ended", 0)) > end
        assert operations(history, invocation=0) == operations(history, invocation=1) == ["DescribeTable", "ListTables"]
        assert [delivery.receive_count for delivery in history.fates[0].deliveries] == [1, 2]

    def test_module_state_is_not_shared_between_the_two(self, run, write):
        code = """
            import boto3

            dynamodb = boto3.client("dynamodb")
            invocations = 0

            def handler(event, context):
                global invocations
                invocations += 1
                dynamodb.put_item(TableName="effects", Item={"key": {"S": "a"}, "body": {"S": str(invocations)}})
        """
        history = run(write("simenv_state.py", code), faults=[ConcurrentDuplicate(invocation=0, call=1)])
        assert [effect.body for effect in history.effects] == ["1"]

    def test_effects_belong_to_the_invocation_that_made_them(self, run, put):
        names = iter(["first", "second"])

        def handler(event, context):
            name = next(names)
            put(f"{name}-1")
            put(f"{name}-2")

        fault = ConcurrentDuplicate(invocation=0, call=1, moment=Moment.AFTER)
        history = run(handler, faults=[fault])
        seen = [(effect.invocation, effect.key) for effect in history.effects]
        assert seen[0] == (0, "first-1")
        assert sorted(seen[1:3]) == [(1, "second-1"), (1, "second-2")]
        assert seen[3:] == [(0, "first-2")]

    def test_after_the_last_call_it_strikes_at_the_end(self, run, put):
        history = run(lambda event, context: put("a"), faults=[ConcurrentDuplicate(invocation=0, call=9)])
        assert len(of(Began, history)) == 2
        assert endings(history) == [Ending.RETURNED] * 2

    def test_handler_with_threads_of_its_own_is_told_from_the_other(self, run, put):
        def handler(event, context):
            with ThreadPoolExecutor(3) as pool:
                list(pool.map(put, bodies(event)))

        alive = threading.active_count()
        fault = ConcurrentDuplicate(invocation=0, call=1)
        history = run(handler, "a", "b", "c", faults=[fault])
        assert operations(history, invocation=0) == operations(history, invocation=1) == ["PutItem"] * 3
        assert [event.invocation for event in of(Ended, history)] == [1, 0]
        assert threading.active_count() == alive


class TestEffects:
    def test_are_seen_after_the_invocation_that_made_them(self, run, put):
        history = run(lambda event, context: put(bodies(event)[0]), "a", "b", batch_size=1)
        assert [(effect.invocation, effect.key) for effect in history.effects] == [(0, "a"), (1, "b")]

    def test_of_a_fifo_queue_are_seen_after_each_call(self, run, put):
        def handler(event, context):
            for body in reversed(bodies(event)):
                put(body)

        history = run(handler, "a", "b", "c", fifo=True)
        assert keys_of_effects(history) == ["c", "b", "a"]
        assert len({effect.look for effect in history.effects}) == 3
        (judgement,) = judge(history, ["order-kept"])
        assert judgement.verdict is Verdict.VIOLATED

    def test_written_over_with_the_same_is_one_effect(self, run, put):
        def handler(event, context):
            put("a")
            put("a")

        assert keys_of_effects(run(handler)) == ["a"]

    def test_written_over_with_another_body_is_another(self, run, put):
        def handler(event, context):
            put("a", body="one")

        def again(event, context):
            put("a", body="other")

        turns = iter([handler, again])
        history = run(
            lambda event, context: next(turns)(event, context), faults=[DuplicateDelivery(message=0, after_ms=1)]
        )
        assert [(effect.key, effect.body) for effect in history.effects] == [("a", "one"), ("a", "other")]
        assert [(gone.key, gone.body) for gone in of(EffectGone, history)] == [("a", "one")]
        assert history.done == {"a"}

    def test_that_another_invocation_undoes_is_gone(self, run, put, dynamodb):
        """What reads all, changes one and writes all back undoes what came in between."""

        def handler(event, context):
            if bodies(event) == ["b"]:
                dynamodb.delete_item(TableName="effects", Key={"key": {"S": "a"}})
            put(bodies(event)[0])

        history = run(handler, "a", "b", batch_size=1)
        assert keys_of_effects(history) == ["a", "b"]
        assert [(gone.invocation, gone.key) for gone in of(EffectGone, history)] == [(1, "a")]
        (judgement,) = judge(history, ["no-loss"])
        assert [violation.business_keys for violation in judgement.violations] == [("a",)]

    def test_of_setup_are_seen_too(self, run, put):
        def setup(aws):
            make_table(aws)
            put("before")

        history = run(lambda event, context: put("a"), setup=setup)
        assert sorted(keys_of_effects(history)) == ["a", "before"]

    def test_looking_is_not_a_call_of_the_handler(self, run, put):
        history = run(lambda event, context: put("a"))
        assert operations(history) == ["PutItem"]

    def test_an_hour_after_is_not_too_late(self, run, put):
        """However short the visibility timeout, a run lasts until its faults have struck."""
        history = run(lambda event, context: put("a"), faults=[DuplicateDelivery(message=0, after_ms=86_400_000)])
        assert len(of(Delivered, history)) == 2
        assert history.finished


class TestAwsClients:
    @pytest.mark.parametrize(
        ("name", "made", "call"),
        [
            ("client_at_import", "dynamodb = boto3.client('dynamodb')", "dynamodb.put_item(**raw)"),
            ("client_in_handler", "", "boto3.client('dynamodb').put_item(**raw)"),
            ("resource", "table = boto3.resource('dynamodb').Table('effects')", "table.put_item(Item=plain)"),
            ("session", "dynamodb = boto3.Session().client('dynamodb')", "dynamodb.put_item(**raw)"),
            (
                "keys_of_its_own",
                "dynamodb = boto3.client('dynamodb', aws_access_key_id='x', aws_secret_access_key='y')",
                "dynamodb.put_item(**raw)",
            ),
            (
                "botocore",
                "import botocore.session; dynamodb = botocore.session.get_session().create_client('dynamodb')",
                "dynamodb.put_item(**raw)",
            ),
        ],
    )
    def test_calls_are_seen_however_the_client_is_made(self, run, write, name, made, call):
        code = f"""
            import boto3
            {made}
            plain = {{"key": "a", "body": "b"}}
            raw = {{"TableName": "effects", "Item": {{"key": {{"S": "a"}}, "body": {{"S": "b"}}}}}}

            def handler(event, context):
                {call}
        """
        fault = CrashAt(invocation=0, call=1, moment=Moment.BEFORE)
        history = run(write(f"simenv_{name}.py", code), faults=[fault])
        assert endings(history) == [Ending.CRASHED, Ending.RETURNED]
        assert operations(history) == ["PutItem"]
        assert [(effect.invocation, effect.key) for effect in history.effects] == [(1, "a")]

    def test_answer_of_a_call_is_recorded(self, run, dynamodb):
        def handler(event, context):
            try:
                dynamodb.describe_table(TableName="nowhere")
            except dynamodb.exceptions.ResourceNotFoundException:
                dynamodb.describe_table(TableName="effects")

        calls = of(Called, run(handler))
        assert [(call.service, call.operation, call.call, call.answer) for call in calls] == [
            ("dynamodb", "DescribeTable", 1, "ResourceNotFoundException"),
            ("dynamodb", "DescribeTable", 2, "ok"),
        ]


class TestEnvironmentVariables:
    def test_are_set_for_handler_setup_and_effects_and_gone_after(self, run, monkeypatch):
        monkeypatch.setenv("SIMENV_HERE_BEFORE", "yes")
        seen = []

        def setup(aws):
            make_table(aws)
            seen.append(("setup", os.environ["SIMENV_NAME"]))

        def handler(event, context):
            seen.append(("handler", os.environ["SIMENV_NAME"]))
            os.environ["SIMENV_LEFT"] = "behind"
            del os.environ["SIMENV_HERE_BEFORE"]

        run(handler, environment={"SIMENV_NAME": "value"}, setup=setup)
        assert seen == [("setup", "value"), ("handler", "value")]
        assert "SIMENV_NAME" not in os.environ
        assert "SIMENV_LEFT" not in os.environ
        assert os.environ["SIMENV_HERE_BEFORE"] == "yes"

    def test_tmp_is_an_empty_folder_for_each_run(self, run):
        seen = []

        def handler(event, context):
            folder = Path(os.environ["SIMENV_FOLDER"])
            seen.append((folder, list(folder.iterdir())))
            (folder / "file").touch()

        for _ in range(2):
            run(handler, environment={"SIMENV_FOLDER": "{tmp}"})
        (first, before_first), (second, before_second) = seen
        assert first != second
        assert before_first == before_second == []
        assert not first.exists()

    def test_aws_has_credentials_good_for_nothing_and_no_files(self, run, monkeypatch, tmp_path):
        (tmp_path / "config").write_text("[default]\nendpoint_url = http://127.0.0.1:9\n")
        seen = {}
        elsewhere = ("AWS_PROFILE", "AWS_DEFAULT_PROFILE", "AWS_ENDPOINT_URL", "AWS_ENDPOINT_URL_DYNAMODB")
        for name in elsewhere:
            monkeypatch.setenv(name, "somebody's")
        monkeypatch.setenv("AWS_CONFIG_FILE", str(tmp_path / "config"))
        monkeypatch.setenv("AWS_ACCESS_KEY_ID", "real")

        def handler(event, context):
            seen.update(os.environ)
            boto3.Session().client("dynamodb").describe_table(TableName="effects")

        assert endings(run(handler)) == [Ending.RETURNED]
        assert not set(elsewhere) & set(seen)
        assert seen["AWS_ACCESS_KEY_ID"] == "testing"
        assert seen["AWS_REGION"] == seen["AWS_DEFAULT_REGION"] == "us-east-1"
        assert os.environ["AWS_ACCESS_KEY_ID"] == "real"


class TestExecutionEnvironments:
    COUNTS = """
        count = 0

        def handler(event, context):
            global count
            count += 1
            print(count)
            return {} if count > 1 else {"batchItemFailures": [{"itemIdentifier": event["Records"][0]["messageId"]}]}
    """

    def test_warm_environment_keeps_its_state(self, run, write):
        history = run(write("simenv_warm.py", self.COUNTS))
        assert [(began.environment, began.cold) for began in of(Began, history)] == [(1, True), (1, False)]
        assert history.fates[0].acknowledged

    def test_after_a_crash_the_next_one_is_cold(self, run, write):
        history = run(write("simenv_cold.py", self.COUNTS), faults=[CrashAt(invocation=0, call=1)])
        assert [(began.environment, began.cold) for began in of(Began, history)] == [(1, True), (2, True), (2, False)]

    def test_next_run_is_cold(self, run, write):
        target = write("simenv_next.py", self.COUNTS)
        assert [len(run(target).fates[0].deliveries) for _ in range(2)] == [2, 2]


class TestWhatIsLeftBehind:
    def test_tables_are_gone(self, run, put, dynamodb):
        run(lambda event, context: put("a"))
        there = []
        run(lambda event, context: there.extend(dynamodb.scan(TableName="effects")["Items"]))
        assert there == []

    def test_equal_runs_have_equal_histories(self, run, put):
        def handler(event, context):
            put("a")
            time.sleep(1)
            raise RuntimeError

        fault = ConcurrentDuplicate(invocation=0, call=1)
        assert repr(run(handler, "a", "b", faults=[fault])) == repr(run(handler, "a", "b", faults=[fault]))

    def test_chance_is_the_same_in_every_run_and_nobody_elses(self, run):
        seen = []
        for state in (1, 2):
            random.seed(state)
            expected = random.Random(state).random()
            run(lambda event, context: seen.append(random.random()))
            assert random.random() == expected
        assert seen[0] == seen[1]

    def test_process_is_as_it_was(self, run, write):
        target = write("simenv_traces.py", "import sys, time\ndef handler(event, context): time.sleep(1)\n")
        clocks = time.sleep, time.monotonic, time.monotonic_ns
        modules, path, variables = set(sys.modules), list(sys.path), dict(os.environ)
        run(target)
        assert (time.sleep, time.monotonic, time.monotonic_ns) == clocks
        assert round(time.time() * 1000) != EPOCH_MS + 1000
        assert {name for name in set(sys.modules) - modules if name.startswith("simenv")} == set()
        assert sys.path == path
        assert dict(os.environ) == variables

    def test_handler_that_cannot_be_imported_fails_each_invocation(self, run, write):
        history = run(write("simenv_broken.py", "import no_such_module_anywhere\n"))
        assert set(endings(history)) == {Ending.RAISED}
        assert history.fates[0].dead_lettered_after == 3


class TestQueue:
    def test_large_batches_of_a_standard_queue_are_the_largest_there_are_of_a_fifo_queue(self, simulated):
        spec = QueueSpec(batch_size=100, batching_window_s=5)
        consumer = Consumer(handler=lambda event, context: None, valid=str, queue=spec)
        messages = tuple(PlannedMessage(key=str(number), body=str(number), group="g") for number in range(12))
        sizes = {}
        for fifo in (False, True):
            plan = Plan(messages=messages, fifo=fifo, batch_size=100)
            history = simulated.run(plan, consumer, handler_of(consumer), seed=1)
            sizes[fifo] = [began.size for began in of(Began, history)]
        assert sizes == {False: [12], True: [10, 2]}


class TestCheck:
    def test_failing_setup_is_a_target_error(self, simulated):
        def setup(aws):
            aws.client("dynamodb").describe_table(TableName="nowhere")

        consumer = Consumer(handler=lambda event, context: None, valid=str, setup=setup)
        with pytest.raises(TargetError, match="the consumer's setup failed with ResourceNotFoundException"):
            simulated.check(consumer)

    def test_handler_is_imported_with_the_consumers_variables_and_resources(self, simulated, write):
        code = """
            import os, boto3
            boto3.client("dynamodb").describe_table(TableName=os.environ["SIMENV_TABLE"])
            def handler(event, context): pass
        """
        target = write("simenv_checked.py", code)
        consumer = Consumer(handler=target, valid=str, setup=make_table, environment={"SIMENV_TABLE": "effects"})
        simulated.check(consumer)
        with pytest.raises(TargetError, match="KeyError: 'SIMENV_TABLE'"):
            simulated.check(Consumer(handler=target, valid=str, setup=make_table))

    def test_effect_seen_is_an_event_of_the_history(self, run, put):
        history = run(lambda event, context: put("a", body="b"))
        (effect,) = of(EffectSeen, history)
        assert (effect.key, effect.body, effect.at_ms) == ("a", "b", EPOCH_MS + CALL_MS)
