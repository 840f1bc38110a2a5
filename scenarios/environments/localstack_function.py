"""A consumer's handler as a function of a LocalStack that has our plugin, behind a native event source mapping."""

import io
import shlex
import time
import zipfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any, Final

from redrive.fixtures.runtimes.process import Command
from redrive.infra.resources import function_problem, unless_gone
from redrive.simulator.mapping_config import MappingConfig

from ..consumer import Aws
from ..errors import EnvironmentFailed

__all__ = ["NativeFunction", "code_of"]

_NAME: Final = "redrive-run"
# LocalStack calls what it does not have to download a runtime for by this name: the zip's own `bootstrap` is run.
_RUNTIME: Final = "provided.al2023"
_READY_WITHIN_S: Final = 30.0
_LOOK_EVERY_S: Final = 0.03


def code_of(command: Command, *, given: Mapping[str, str]) -> bytes:
    """A zip whose ``bootstrap`` becomes the command, where the handler's own code and packages are.

    So a handler that is imported here is imported there. Variables that are ``given`` to the function stay as they are.
    """
    own = {
        **command.variables,
        "LAMBDA_TASK_ROOT": str(command.task_root),
        "_HANDLER": command.handler,
    }
    lines = [
        "#!/bin/sh",
        f"cd {shlex.quote(str(command.task_root))} || exit 1",
        *(f"export {name}={shlex.quote(value)}" for name, value in own.items() if name not in given),
        f"exec {shlex.join(command.arguments)}",
    ]
    archive = io.BytesIO()
    with zipfile.ZipFile(archive, "w") as writing:
        bootstrap = zipfile.ZipInfo("bootstrap")
        bootstrap.external_attr = 0o755 << 16
        writing.writestr(bootstrap, "\n".join([*lines, ""]))
    return archive.getvalue()


class NativeFunction:
    """The function of one run, and its mapping once :meth:`map` was called."""

    def __init__(self, aws: Aws, mapping: MappingConfig, *, account: str) -> None:
        self._client: Any = aws.client("lambda")
        self._aws = aws
        # Its account is the one that the function's credentials are for.
        self._role = f"arn:aws:iam::{account}:role/{_NAME}"
        self._config = mapping
        self._mapping: str | None = None

    @contextmanager
    def deployed(self, code: bytes, variables: Mapping[str, str]) -> Iterator["NativeFunction"]:
        """There is a function that can be invoked. At the end it is gone, its processes too; the mapping goes first.

        Raises :class:`EnvironmentFailed` for a function that LocalStack cannot run.
        """
        self._client.create_function(
            FunctionName=_NAME,
            Runtime=_RUNTIME,
            Role=self._role,
            Handler="function.handler",
            Code={"ZipFile": code},
            Timeout=self._config.function_timeout_s,
            Environment={"Variables": dict(variables)},
        )
        try:
            self._wait_until_active()
            yield self
        finally:
            try:
                self.unmap()
            finally:
                unless_gone(self._client.delete_function, FunctionName=_NAME)

    def map(self, queue_arn: str) -> None:
        """Begin to poll the queue."""
        config = self._config
        made = self._client.create_event_source_mapping(
            EventSourceArn=queue_arn,
            FunctionName=_NAME,
            BatchSize=config.batch_size,
            FunctionResponseTypes=["ReportBatchItemFailures"] if config.report_batch_item_failures else [],
            **({"MaximumBatchingWindowInSeconds": config.batching_window_s} if config.batching_window_s else {}),
        )
        self._mapping = made["UUID"]

    def unmap(self) -> None:
        """Poll no more."""
        if self._mapping is not None:
            uuid, self._mapping = self._mapping, None
            unless_gone(self._client.delete_event_source_mapping, UUID=uuid)

    def check(self) -> None:
        """Raise :class:`EnvironmentFailed` if the mapping polls no more, or the function cannot be invoked."""
        problem = function_problem(self._aws, _NAME)
        if problem is None and self._mapping is not None:
            found = unless_gone(self._client.get_event_source_mapping, UUID=self._mapping)
            if found is None or found["State"] not in {"Creating", "Enabling", "Enabled"}:
                problem = f"its event source mapping is {'gone' if found is None else found['State']}"
        if problem is not None:
            raise EnvironmentFailed(f"LocalStack: {problem}")

    def _wait_until_active(self) -> None:
        give_up_s = time.monotonic() + _READY_WITHIN_S
        while True:
            its = self._client.get_function_configuration(FunctionName=_NAME)
            if its["State"] == "Active":
                return
            if its["State"] != "Pending" or time.monotonic() > give_up_s:
                reason = its.get("StateReason") or "it gives no reason"
                raise EnvironmentFailed(f"LocalStack cannot run the function, which is {its['State']}: {reason}")
            time.sleep(_LOOK_EVERY_S)
