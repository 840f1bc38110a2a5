"""LocalStack's executor of functions without Docker: ``LAMBDA_RUNTIME_EXECUTOR=process``."""

from __future__ import annotations

import logging
import tempfile
from collections.abc import Mapping
from typing import Any, Final

from localstack import config
from localstack.services.lambda_.invocation.lambda_models import InvocationResult
from localstack.services.lambda_.invocation.runtime_executor import RuntimeExecutor

from .function_environment import Configuration, FunctionEnvironment, command_for, log_of
from .unpacking import check_zip

__all__ = ["ProcessRuntimeExecutor"]

_HOST: Final = "127.0.0.1"

LOG = logging.getLogger(__name__)


class ProcessRuntimeExecutor(RuntimeExecutor):  # type: ignore[misc]
    """One execution environment, for LocalStack to invoke. Its process starts with the first invocation."""

    def __init__(self, id: str, function_version: Any) -> None:  # noqa: A002 - the base class's name
        super().__init__(id, function_version)
        self._environment: FunctionEnvironment | None = None
        self._last_log = ""

    def start(self, env_vars: dict[str, Any]) -> None:
        variables = {name: str(value) for name, value in env_vars.items()}
        self._environment = FunctionEnvironment(_configuration(self.function_version, variables))

    def stop(self) -> None:
        if self._environment is not None:
            self._environment.close()

    def invoke(self, payload: dict[str, str]) -> Any:
        assert self._environment is not None
        request_id = payload["invoke-id"]
        result = self._environment.invoke(payload["payload"], request_id=request_id)
        version = self.function_version
        self._last_log = log_of(
            result,
            request_id=request_id,
            version=version.id.qualifier,
            memory_mb=version.config.memory_size,
        )
        return InvocationResult(
            request_id=request_id,
            payload=result.payload.encode(),
            is_error=result.function_error,
            logs=self._last_log,
        )

    def get_logs(self) -> str:
        """The log of the last invocation."""
        return self._last_log

    def get_address(self) -> str:
        return _HOST

    def get_endpoint_from_executor(self) -> str:
        return _HOST

    def get_runtime_endpoint(self) -> str:
        return f"http://{_HOST}:{config.GATEWAY_LISTEN[0].port}/_localstack_lambda/{self.id}"

    @classmethod
    def prepare_version(cls, function_version: Any) -> None:
        """Unpack the function's code. What cannot be run is refused here, and the function's state says why."""
        its = function_version.config
        if its.package_type != "Zip":
            raise ValueError("a function in a container image needs Docker; give its code as a zip file")
        command_for(_configuration(function_version, {}))
        if its.layers:
            LOG.warning("%s has layers, which are left out", function_version.id.function_name)
        if not its.code.is_hot_reloading():
            with tempfile.TemporaryFile() as file:
                its.code._download_archive_to_file(file)  # noqa: SLF001 - it has no other way to its bytes
                check_zip(file)
        its.code.prepare_for_execution()

    @classmethod
    def cleanup_version(cls, function_version: Any) -> None:
        """Nothing: another configuration of the function has the same code. It goes with the function, or with us."""


def _configuration(function_version: Any, variables: Mapping[str, str]) -> Configuration:
    function, its = function_version.id, function_version.config
    return Configuration(
        name=function.function_name,
        version=function.qualifier,
        region=function.region,
        account_id=function.account,
        runtime=str(its.runtime or ""),
        handler=its.handler or "",
        timeout_s=its.timeout,
        memory_mb=its.memory_size,
        folder=its.code.get_unzipped_code_location(),
        log_stream=variables.get("AWS_LAMBDA_LOG_STREAM_NAME", ""),
        variables=variables,
    )
