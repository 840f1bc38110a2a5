"""An endpoint's own mapping, behind its Lambda API: a function is deployed that does what it is told."""

import io
import json
import time
import zipfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any, Final

from botocore.exceptions import BotoCoreError, ClientError

from .endpoint import Endpoint
from .mapping import Doing, MappingRun, MappingSeen, Settings
from .probe import CannotAsk
from .queues import ProbedQueue, queue
from .script_server import ScriptServer, doing_as_json

__all__ = ["NativeMapping"]

_RUNTIME: Final = "python3.12"
_ROLE: Final = "arn:aws:iam::000000000000:role/redrive-parity"
_SOURCE: Final = Path(__file__).with_name("scripted_function.py")
_READY_WITHIN_S: Final = 60
_LOOK_EVERY_S: Final = 0.1
_GONE_AFTER_S: Final = 1.0


class NativeMapping:
    """A :class:`~.mapping.MappingEndpoint`. ``client`` is a boto3 Lambda client; the queues are the endpoint's."""

    kind = "native"

    def __init__(self, at: Endpoint, client: Any, server: ScriptServer) -> None:
        self._at = at
        self._lambda = client
        self._server = server

    def run(self, run: MappingRun) -> MappingSeen:
        """As the seam says."""
        settings = run.settings
        name = self._at.unique("function")
        with (
            self._queue(settings) as q,
            self._server.serving(name, run.script) as (url, script),
            self._function(name, settings, url),
        ):
            self._warm_up(name)
            if settings.reserved_concurrency is not None:
                self._lambda.put_function_concurrency(
                    FunctionName=name, ReservedConcurrentExecutions=settings.reserved_concurrency
                )
            for message in run.messages:
                q.answer("send_message", **message)
            script.starts()
            with self._mapping(name, q, settings):
                until_s = time.monotonic() + run.most_s
                while not run.done(script.invocations) and time.monotonic() < until_s:
                    self._at.wait(_LOOK_EVERY_S)
                self._at.wait(run.then_s)
            self._at.wait(_GONE_AFTER_S)
            return MappingSeen(
                invocations=tuple(script.invocations), left=sum(q.counts()), dead=tuple(q.receive(QueueUrl=q.dead))
            )

    def refuses(self, settings: Settings) -> bool:
        """As the seam says."""
        name = self._at.unique("function")
        with self._queue(settings) as q, self._function(name, settings, ""):
            try:
                with self._mapping(name, q, settings):
                    return False
            except ClientError:
                return True

    def batch_size(self) -> int:
        """As the seam says."""
        name, settings = self._at.unique("function"), Settings()
        with self._queue(settings) as q, self._function(name, settings, ""):
            made = self._lambda.create_event_source_mapping(EventSourceArn=q.arn, FunctionName=name)
            self._quietly(self._lambda.delete_event_source_mapping, UUID=made["UUID"])
            return int(made["BatchSize"])

    def error(self, doing: Doing) -> dict[str, Any]:
        """As the seam says."""
        name = self._at.unique("function")
        with self._function(name, Settings(function_timeout_s=1), ""):
            answer = self._lambda.invoke(FunctionName=name, Payload=json.dumps(doing_as_json(doing)))
            return {**json.load(answer["Payload"]), "FunctionError": answer.get("FunctionError")}

    @contextmanager
    def _queue(self, settings: Settings) -> Iterator[ProbedQueue]:
        timeout = str(settings.visibility_timeout_s)
        with queue(
            self._at, fifo=settings.fifo, redrive_after=settings.max_receive_count, VisibilityTimeout=timeout
        ) as q:
            yield q

    @contextmanager
    def _function(self, name: str, settings: Settings, url: str) -> Iterator[None]:
        code = io.BytesIO()
        with zipfile.ZipFile(code, "w") as archive:
            archive.writestr("scripted_function.py", _SOURCE.read_text(encoding="utf-8"))
        self._lambda.create_function(
            FunctionName=name,
            Runtime=_RUNTIME,
            Role=_ROLE,
            Handler="scripted_function.handler",
            Code={"ZipFile": code.getvalue()},
            Timeout=settings.function_timeout_s,
            Environment={"Variables": {"SCRIPT_URL": url}},
        )
        try:
            self._wait_for(lambda: self._lambda.get_function_configuration(FunctionName=name), "Active")
            yield
        finally:
            self._quietly(self._lambda.delete_function, FunctionName=name)

    @contextmanager
    def _mapping(self, name: str, q: ProbedQueue, settings: Settings) -> Iterator[None]:
        made = self._lambda.create_event_source_mapping(EventSourceArn=q.arn, FunctionName=name, **_request(settings))
        try:
            self._wait_for(lambda: self._lambda.get_event_source_mapping(UUID=made["UUID"]), "Enabled")
            yield
        finally:
            self._quietly(self._lambda.delete_event_source_mapping, UUID=made["UUID"])

    def _warm_up(self, name: str) -> None:
        """Have the execution environment made, which takes longer than a visibility timeout of the probes may be."""
        answer = self._lambda.invoke(FunctionName=name, Payload='{"do": "return", "after_s": 0, "value": null}')
        if "FunctionError" in answer:
            raise CannotAsk(f"functions do not run there: {answer['Payload'].read(200)!r}")

    def _wait_for(self, look: Callable[[], dict[str, Any]], state: str) -> None:
        until_s = time.monotonic() + _READY_WITHIN_S
        while time.monotonic() < until_s:
            seen = look()
            if seen["State"] == state:
                return
            if seen["State"] == "Failed":
                raise CannotAsk(f"functions cannot be made there: {seen.get('StateReason', 'no reason given')}")
            self._at.wait(_LOOK_EVERY_S)
        raise CannotAsk(f"a function or mapping was not {state} within {_READY_WITHIN_S} s")

    def _quietly(self, delete: Callable[..., Any], **what: str) -> None:
        # The endpoint may be what failed; whatever the probe came to is what matters.
        with suppress(ClientError, BotoCoreError):
            delete(**what)


def _request(settings: Settings) -> dict[str, Any]:
    """What ``create_event_source_mapping`` is asked for, beside queue and function."""
    request: dict[str, Any] = {"BatchSize": settings.batch_size}
    if settings.batching_window_s:
        request["MaximumBatchingWindowInSeconds"] = settings.batching_window_s
    if settings.report_batch_item_failures:
        request["FunctionResponseTypes"] = ["ReportBatchItemFailures"]
    if settings.filters:
        request["FilterCriteria"] = {"Filters": [{"Pattern": pattern} for pattern in settings.filters]}
    if settings.maximum_concurrency is not None:
        request["ScalingConfig"] = {"MaximumConcurrency": settings.maximum_concurrency}
    if settings.pollers is not None:
        minimum, maximum = settings.pollers
        request["ProvisionedPollerConfig"] = {"MinimumPollers": minimum, "MaximumPollers": maximum}
    return request
