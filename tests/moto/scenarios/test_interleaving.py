"""Invocations in progress together: who calls when, what each finds in its process, and what is left when one ends."""

import asyncio
import signal
import sys
import textwrap
import threading
import time

import boto3
import pytest
from botocore.config import Config
from botocore.exceptions import ClientError

from redrive.fixtures.faults import Answer, ConcurrentDuplicate, CrashAt, ErrorAnswer, Moment, SlowAt
from redrive.scenarios import Consumer, Effect, QueueSpec
from redrive.scenarios.environments import handler_thread
from redrive.scenarios.environments.handler_thread import Busy
from redrive.scenarios.environments.simulated import SimulatedEnvironment
from redrive.scenarios.history import Called, EffectSeen
from redrive.scenarios.plan import CALL_MS, Plan, PlannedMessage
from redrive.scenarios.target import handler_of
from redrive.simulator.function import Ending
from redrive.simulator.trace import Ended

from .effects_table import TABLE, make_table

TIMEOUT_S = 10
AT_ONCE = ConcurrentDuplicate(invocation=0, call=1, held_ms=0)


@pytest.fixture(scope="module")
def simulated():
    with SimulatedEnvironment().running() as environment:
        yield environment


@pytest.fixture(scope="module")
def dynamodb(simulated):
    return boto3.client("dynamodb", config=Config(retries={"total_max_attempts": 1}))


def keys_put(aws):
    return [Effect(key=row["key"]["S"]) for row in aws.client("dynamodb").scan(TableName=TABLE)["Items"]]


@pytest.fixture
def run(simulated):
    def run_handler(handler, *faults, keys=("a",)):
        consumer = Consumer(
            handler=handler,
            valid=str,
            effects=keys_put,
            setup=make_table,
            queue=QueueSpec(visibility_timeout_s=60, function_timeout_s=TIMEOUT_S, max_receive_count=None),
        )
        plan = Plan(messages=tuple(PlannedMessage(key=key, body=key) for key in keys), faults=faults)
        return simulated.run(plan, consumer, handler_of(consumer), seed=1)

    return run_handler


@pytest.fixture
def three_calls(dynamodb):
    def handler(event, context):
        for _ in range(3):
            dynamodb.list_tables()

    return handler


def who_calls(history):
    return [event.invocation for event in history.events if isinstance(event, Called)]


def endings(history):
    return [(event.invocation, event.ending) for event in history.events if isinstance(event, Ended)]


def test_two_invocations_call_by_turns(run, three_calls):
    assert who_calls(run(three_calls, AT_ONCE)) == [1, 0, 1, 0, 1, 0]


def test_first_stands_still_until_the_second_has_ended_unless_told_for_how_long(run, three_calls):
    assert who_calls(run(three_calls, ConcurrentDuplicate(invocation=0, call=2))) == [0, 1, 1, 1, 0, 0]


@pytest.mark.parametrize(
    ("invocation", "order"),
    [(0, [1, 1, 1, 0, 0, 0]), (1, [0, 0, 0, 1, 1, 1])],
)
def test_who_is_held_up_is_overtaken(run, three_calls, invocation, order):
    slow = SlowAt(invocation=invocation, duration_ms=10 * CALL_MS, call=1)
    assert who_calls(run(three_calls, AT_ONCE, slow)) == order


def test_three_at_once(run, three_calls):
    third = ConcurrentDuplicate(invocation=1, call=1, held_ms=0)
    calls = who_calls(run(three_calls, AT_ONCE, third))
    assert sorted(calls) == [0, 0, 0, 1, 1, 1, 2, 2, 2]
    assert set(calls[:3]) == set(calls[3:6]) == {0, 1, 2}


def test_lost_update_is_there_to_be_found(run, dynamodb):
    """Both read before either writes."""

    def handler(event, context):
        seen = dynamodb.get_item(TableName=TABLE, Key={"key": {"S": "count"}}).get("Item", {"n": {"N": "0"}})
        more = str(int(seen["n"]["N"]) + 1)
        dynamodb.put_item(TableName=TABLE, Item={"key": {"S": "count"}, "n": {"N": more}})
        written.append(more)

    written = []
    run(handler, AT_ONCE)
    assert written == ["1", "1"]
    written.clear()
    run(handler, AT_ONCE, SlowAt(invocation=1, duration_ms=100, call=1))
    assert written == ["1", "2"]


def test_effects_are_of_the_invocation_that_made_them(run, dynamodb):
    def handler(event, context):
        dynamodb.list_tables()
        mine = "first" if not begun else "second"
        begun.append(mine)
        dynamodb.put_item(TableName=TABLE, Item={"key": {"S": mine}})
        dynamodb.list_tables()

    begun = []
    history = run(handler, ConcurrentDuplicate(invocation=0, call=2, held_ms=0))
    by_key = {event.key: event.invocation for event in history.events if isinstance(event, EffectSeen)}
    assert by_key == {"first": 0, "second": 1}


def test_each_has_the_modules_and_the_output_of_its_own_process(run, tmp_path):
    (tmp_path / "interleaved_helper.py").write_text("seen = []\n")
    handler = tmp_path / "interleaved_handler.py"
    handler.write_text(
        textwrap.dedent(
            """
            import boto3
            client = boto3.client("dynamodb")

            def handler(event, context):
                client.list_tables()
                import interleaved_helper
                interleaved_helper.seen.append(context.aws_request_id)
                print(context.aws_request_id)
                client.list_tables()
                from interleaved_helper import seen
                print("again", context.aws_request_id)
                if seen != [context.aws_request_id]:
                    raise RuntimeError(f"somebody else was here: {seen}")
            """
        )
    )
    path, modules, out = list(sys.path), set(sys.modules), sys.stdout
    assert endings(run(f"{handler}:handler", AT_ONCE)) == [(1, Ending.RETURNED), (0, Ending.RETURNED)]
    assert (sys.path, sys.stdout) == (path, out)
    assert not {name for name in set(sys.modules) - modules if name.startswith("interleaved")}


@pytest.mark.parametrize(
    "faults",
    [
        (AT_ONCE, SlowAt(invocation=0, duration_ms=20, call=9), SlowAt(invocation=1, duration_ms=10, call=9)),
        (AT_ONCE, SlowAt(invocation=1, duration_ms=4_000_000_000, call=1)),
    ],
    ids=["struck at its end", "left in progress"],
)
def test_nothing_of_a_process_stays_when_it_is_over(run, tmp_path, faults):
    handler = tmp_path / "leaving_handler.py"
    handler.write_text("import boto3\nc = boto3.client('dynamodb')\ndef handler(event, context): c.list_tables()\n")
    modules, out = set(sys.modules), sys.stdout
    run(f"{handler}:handler", *faults)
    assert sys.stdout is out
    assert "leaving_handler" not in set(sys.modules) - modules


def test_run_that_is_cut_off_leaves_nothing(run, dynamodb, monkeypatch):
    def handler(event, context):
        time.sleep(2)
        print("never")

    monkeypatch.setattr("redrive.scenarios.environments.simulated_run.horizon_ms", lambda plan, spec: 1_000)
    out = sys.stdout
    history = run(handler)
    assert not history.finished
    assert sys.stdout is out
    assert handler_thread.handler_threads() == 0


def test_clock_goes_on_for_both(run, dynamodb):
    def handler(event, context):
        dynamodb.list_tables()
        began = time.time()
        slept_s = 3 if began_at else 1
        began_at.append(began)
        time.sleep(slept_s)
        times[slept_s] = round(time.time() - began, 3)

    began_at, times = [], {}
    run(handler, AT_ONCE)
    assert times == {1: 1, 3: 3}


def test_first_is_killed_at_its_deadline_while_the_second_goes_on(run, dynamodb):
    def handler(event, context):
        dynamodb.list_tables()
        time.sleep(TIMEOUT_S - 1)
        dynamodb.list_tables()

    late = ConcurrentDuplicate(invocation=0, call=1, moment=Moment.AFTER, held_ms=1_500)
    history = run(handler, late)
    assert endings(history)[:2] == [(1, Ending.RETURNED), (0, Ending.TIMED_OUT)]
    assert who_calls(history)[:3] == [0, 1, 1]


def test_crash_of_one_is_nothing_to_the_other(run, three_calls):
    history = run(three_calls, AT_ONCE, CrashAt(invocation=0, call=2))
    assert endings(history) == [(0, Ending.CRASHED), (1, Ending.RETURNED)]
    assert who_calls(history) == [1, 0, 1, 0, 1]


def test_same_plan_gives_the_same_history(run, three_calls):
    faults = (AT_ONCE, ConcurrentDuplicate(invocation=1, call=2, held_ms=10), SlowAt(invocation=2, duration_ms=15))
    assert run(three_calls, *faults).digest == run(three_calls, *faults).digest


def test_handler_finds_an_event_loop_as_in_a_main_thread(run, dynamodb):
    async def work():
        dynamodb.list_tables()
        await asyncio.sleep(2)
        return time.monotonic()

    def handler(event, context):
        loops.append(asyncio.get_event_loop())
        ended.append(loops[-1].run_until_complete(work()))

    loops, ended = [], []
    began = time.perf_counter()
    history = run(handler, AT_ONCE)
    assert endings(history) == [(1, Ending.RETURNED), (0, Ending.RETURNED)]
    assert loops[0] is not loops[1]
    assert ended[1] - ended[0] < 1
    assert time.perf_counter() - began < 60, "virtual seconds were waited for"


def test_handler_may_ask_for_signals_and_gets_none(run, tmp_path):
    handler = tmp_path / "signalled_handler.py"
    code = """
        import signal, time
        signal.signal(signal.SIGALRM, lambda *_: None)

        def handler(event, context):
            signal.alarm(1)
            signal.setitimer(signal.ITIMER_REAL, 0.001)
            time.sleep(5)
    """
    handler.write_text(textwrap.dedent(code))
    before = signal.getsignal(signal.SIGALRM)
    assert endings(run(f"{handler}:handler")) == [(0, Ending.RETURNED)]
    assert signal.getsignal(signal.SIGALRM) is before
    assert signal.getitimer(signal.ITIMER_REAL) == (0, 0)


def test_environment_keeps_its_thread_from_one_invocation_to_the_next(run, dynamodb):
    threads = []

    def handler(event, context):
        threads.append(threading.current_thread())
        raise RuntimeError("again" if len(threads) < 3 else "once more")

    consumer = run(handler, keys=("a", "b"))
    assert len(consumer.invocations) > 1
    assert len(set(threads)) == 1


def test_threads_of_two_handlers_call_by_turns_as_well(run, dynamodb):
    def handler(event, context):
        threads = [threading.Thread(target=dynamodb.list_tables) for _ in range(3)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()

    history = run(handler, AT_ONCE)
    assert sorted(who_calls(history)) == [0, 0, 0, 1, 1, 1]


def test_no_thread_is_left_behind(run, three_calls):
    alive = threading.active_count()
    run(three_calls, AT_ONCE, CrashAt(invocation=0, call=2))
    assert handler_thread.handler_threads() == 0
    assert threading.active_count() == alive


def test_what_is_no_exception_ends_the_process_and_not_the_run(run):
    def handler(event, context):
        raise GeneratorExit

    history = run(handler)
    assert {ending for _, ending in endings(history)} == {Ending.CRASHED}


def test_ctrl_c_in_a_handler_comes_through(run):
    def handler(event, context):
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        run(handler)
    assert handler_thread.handler_threads() == 0


def test_handler_that_computes_for_ever_is_stopped(run, tmp_path, monkeypatch):
    path = tmp_path / "computing_handler.py"
    path.write_text("def handler(event, context):\n    while True:\n        pass\n")
    handler = f"{path}:handler"
    monkeypatch.setattr(handler_thread, "BUSY_S", 0.2)
    out, modules = sys.stdout, set(sys.modules)
    with pytest.raises(Busy, match="without an AWS call"):
        run(handler)
    assert sys.stdout is out
    assert not {name for name in set(sys.modules) - modules if name.startswith("computing")}
    deadline = time.monotonic() + 10
    while handler_thread.handler_threads() and time.monotonic() < deadline:
        time.sleep(0.001)
    assert handler_thread.handler_threads() == 0


@pytest.mark.parametrize(
    ("answer", "service", "operation", "code"),
    [
        (Answer.ERROR, "dynamodb", "list_tables", "InternalServerError"),
        (Answer.THROTTLED, "dynamodb", "list_tables", "ProvisionedThroughputExceededException"),
        (Answer.THROTTLED, "s3", "list_buckets", "SlowDown"),
        (Answer.ERROR, "s3", "list_buckets", "InternalError"),
        (Answer.THROTTLED, "sns", "list_topics", "ThrottlingException"),
        (Answer.ERROR, "lambda", "list_functions", "InternalFailure"),
        (Answer.THROTTLED, "sqs", "list_queues", "RequestThrottled"),
    ],
)
def test_error_answers_are_in_the_services_protocol(run, answer, service, operation, code):
    def handler(event, context):
        client = boto3.client(service, config=Config(retries={"total_max_attempts": 1}))
        for _ in range(2):
            try:
                getattr(client, operation)()
                answers.append("ok")
            except ClientError as error:
                answers.append((error.response["Error"]["Code"], error.response["ResponseMetadata"]["HTTPStatusCode"]))

    answers = []
    history = run(handler, ErrorAnswer(invocation=0, answer=answer))
    status = 500 if answer is Answer.ERROR else 503 if service == "s3" else 400
    assert answers == [(code, status), "ok"]
    assert [event.answer for event in history.events if isinstance(event, Called)] == [code, "ok"]


def test_sdk_tries_again_after_an_error_answer(run):
    def handler(event, context):
        boto3.client("dynamodb").list_tables()

    history = run(handler, ErrorAnswer(invocation=0, answer=Answer.THROTTLED, calls=2))
    answers = [event.answer for event in history.events if isinstance(event, Called)]
    assert answers == ["ProvisionedThroughputExceededException"] * 2 + ["ok"]
    assert endings(history) == [(0, Ending.RETURNED)]
