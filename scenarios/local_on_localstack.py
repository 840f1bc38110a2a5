"""A local environment on LocalStack: its own queues, mapping and functions, with the reference handler or another one.

Nothing of ours polls here. The reference handler comes as its stack, from the template; a handler of the user's with a
queue, a DLQ and a mapping, by the APIs.
"""

import http.client
import os
import platform
import shutil
import sys
import sysconfig
import tempfile
import threading
import urllib.error
import urllib.request
from collections.abc import Callable, Mapping
from contextlib import ExitStack
from dataclasses import replace
from pathlib import Path
from typing import Any, Final

import redrive.infra
from redrive.fixtures.runtimes.in_process import HandlerSource
from redrive.infra.deployment import Deployment, DeploymentError, Parameters, deploy, remove
from redrive.infra.handler_deployment import HandlerSettings, deploy_handler, zip_handler
from redrive.infra.localstack.server import LocalStackError, Server, localstack
from redrive.infra.package_function import PackagingError, build_package, find_handler_folder, install_dependencies
from redrive.infra.tuning import tune
from redrive.simulator.errors import SqsError
from redrive.simulator.mapping_config import MappingConfig, validate_mapping

from .consumer import Consumer, QueueSpec
from .errors import EnvironmentFailed, TargetError, one_line
from .local import QUEUE, Ready
from .target import check_handler, handler_of, load_target

__all__ = ["container_offer", "run_on_localstack"]

_NAME: Final = "redrive-local"
_LOOK_EVERY_S: Final = 1.0
_MISSED_MOST: Final = 3
_ANSWER_WITHIN_S: Final = 5.0
# What the stack decides, whatever is set where the command runs.
_OF_THE_STACK: Final = frozenset({"REDRIVE_SINK", "REDRIVE_LEDGER", "REDRIVE_TABLE"})
_ARCHITECTURES: Final = {"aarch64": "arm64", "arm64": "arm64"}


def run_on_localstack(
    target: str | None,
    overrides: Mapping[str, Any],
    *,
    stop: threading.Event,
    on_ready: Callable[[Ready], object],
    progress: Callable[[str], object],
    port: int | None = None,
) -> None:
    """Start everything, call ``on_ready``, wait until ``stop`` is set, and end all that was started.

    ``target`` and ``overrides`` are as for :func:`.local.run_on_moto`. An endpoint that the environment names is used
    as it is, unless ``port`` is given; what was deployed there is removed at the end.

    Raises :class:`UsageError` if the target or the environment cannot be had, or LocalStack goes away.
    """
    offer = container_offer()
    if offer is not None:
        progress(offer)
    consumer = None if target is None else load_target(target).consumer
    queue = replace(QUEUE if consumer is None else consumer.queue, **overrides)
    _check(queue)
    with ExitStack() as running:
        folder = Path(running.enter_context(tempfile.TemporaryDirectory(prefix="redrive-")))
        server = _started(port, progress, running)
        aws = _clients(server)
        was_there = server.pid is None
        name = f"{_NAME}-{os.getpid()}" if was_there else _NAME
        try:
            if consumer is None:
                deployment = _reference(aws, name, queue, server, folder, progress)
            else:
                near = {"PYTHONPATH": _import_path()} if server.has_plugin else {}
                deployment = _of_the_users(aws, name, consumer, queue, folder, near, progress)
        except (DeploymentError, PackagingError) as error:
            raise EnvironmentFailed(str(error)) from error
        if was_there:
            running.callback(_remove, deployment, progress)
        on_ready(_ready(server, deployment, queue, aws.account))
        _wait(server.endpoint_url, stop)


def container_offer() -> str | None:
    """What to say to who could have LocalStack in its container; None where there is no Docker engine or no token."""
    socket = os.environ.get("DOCKER_HOST") or Path("/var/run/docker.sock").exists()
    if not (shutil.which("docker") and socket and os.environ.get("LOCALSTACK_AUTH_TOKEN")):
        return None
    compose = Path(redrive.infra.__path__[0]) / "docker-compose.yml"
    return f"LocalStack's container is an alternative: docker compose -f {compose} up, then LOCALSTACK_ENDPOINT=…"


def _check(queue: QueueSpec) -> None:
    if queue.max_receive_count is None:
        raise EnvironmentFailed("the target's queue has no DLQ, and a local one has: give --max-receive-count")
    mapping = MappingConfig(
        batch_size=queue.batch_size,
        batching_window_s=queue.batching_window_s,
        report_batch_item_failures=queue.report_batch_item_failures,
        function_timeout_s=_function_timeout_s(queue),
    )
    try:
        validate_mapping(mapping, fifo=queue.fifo, visibility_timeout_s=queue.visibility_timeout_s)
    except SqsError as error:
        raise EnvironmentFailed(error.message) from error


def _function_timeout_s(queue: QueueSpec) -> int:
    return min(queue.function_timeout_s, queue.visibility_timeout_s)


def _started(port: int | None, progress: Callable[[str], object], running: ExitStack) -> Server:
    try:
        return running.enter_context(localstack(port=port, progress=progress, existing=port is None))
    except LocalStackError as error:
        raise EnvironmentFailed(str(error)) from error


def _clients(server: Server) -> Any:
    try:
        from redrive.fixtures.localstack import LocalStackAws
    except ModuleNotFoundError as error:
        raise EnvironmentFailed(
            f"no module named {error.name!r}, which makes LocalStack's clients: pip install 'redrive[localstack]'"
        ) from error
    return LocalStackAws(server.endpoint_url)


def _reference(
    aws: Any, name: str, queue: QueueSpec, server: Server, folder: Path, progress: Callable[[str], object]
) -> Deployment:
    architecture = _ARCHITECTURES.get(platform.machine(), "x86_64")
    dependencies = None
    if not server.has_plugin:
        # In a container there is boto3 and nothing else.
        progress("adding what the function needs to its zip")
        dependencies = folder / "dependencies"
        install_dependencies(dependencies, architecture=architecture, python_version="3.13")
    zipped = build_package(
        folder / "function.zip", handler_folder=find_handler_folder(), dependencies=dependencies
    ).path
    parameters = Parameters(fifo=queue.fifo, architecture=architecture)
    deployment = deploy(aws, name=name, code_zip=zipped, parameters=parameters, progress=progress)
    try:
        tune(
            deployment,
            visibility_timeout_s=queue.visibility_timeout_s,
            max_receive_count=queue.max_receive_count,
            function_timeout_s=_function_timeout_s(queue),
            batch_size=queue.batch_size,
            environment=_own_variables(),
        )
    except BaseException:
        if server.pid is None:
            remove(deployment)
        raise
    return deployment


def _own_variables() -> dict[str, str]:
    """The handler's settings, from where the command runs: as on moto."""
    return {
        name: value
        for name, value in os.environ.items()
        if name.startswith("REDRIVE_") and name not in _OF_THE_STACK and value
    }


def _of_the_users(
    aws: Any,
    name: str,
    consumer: Consumer,
    queue: QueueSpec,
    folder: Path,
    variables: Mapping[str, str],
    progress: Callable[[str], object],
) -> Deployment:
    check_handler(consumer)
    source = handler_of(consumer)
    if not isinstance(source, HandlerSource):
        raise TargetError("a handler that has no name in a module cannot be put into a function")
    scratch = folder / "tmp"
    scratch.mkdir()
    environment = {name: value.replace("{tmp}", str(scratch)) for name, value in consumer.environment.items()}
    _set_up(consumer, aws, environment)
    assert queue.max_receive_count is not None
    zipped = folder / "function.zip"
    handler = zip_handler(zipped, source)
    settings = HandlerSettings(
        fifo=queue.fifo,
        visibility_timeout_s=queue.visibility_timeout_s,
        max_receive_count=queue.max_receive_count,
        batch_size=queue.batch_size,
        batching_window_s=queue.batching_window_s,
        function_timeout_s=_function_timeout_s(queue),
        report_batch_item_failures=queue.report_batch_item_failures,
    )
    return deploy_handler(
        aws,
        name=name,
        code_zip=zipped,
        handler=handler,
        environment={**variables, **environment},
        settings=settings,
        progress=progress,
    )


def _import_path() -> str:
    """What this process can import, a function that is a process of this machine can import too, after its own zip."""
    own = {str(Path(sysconfig.get_path(name)).resolve()) for name in ("stdlib", "platstdlib")}
    own |= {f"{folder}/lib-dynload" for folder in own}
    folders = [str(Path(path).resolve()) for path in sys.path if Path(path).is_dir()]
    return os.pathsep.join(folder for folder in dict.fromkeys(folders) if folder not in own)


def _set_up(consumer: Consumer, aws: Any, environment: Mapping[str, str]) -> None:
    os.environ.update(environment)  # this process is for nothing else
    if consumer.setup is not None:
        try:
            consumer.setup(aws)
        except Exception as error:
            raise TargetError(f"the consumer's setup failed with {one_line(error)}") from error


def _remove(deployment: Deployment, progress: Callable[[str], object]) -> None:
    progress(f"removing {deployment.name}")
    try:
        remove(deployment)
    except Exception as error:  # noqa: BLE001 - the endpoint is not ours, and may be gone
        progress(f"{deployment.name} could not be removed: {one_line(error)}")


def _ready(server: Server, deployment: Deployment, queue: QueueSpec, account: str) -> Ready:
    assert queue.max_receive_count is not None
    return Ready(
        environment="localstack",
        endpoint_url=server.endpoint_url,
        region=deployment.region,
        access_key_id=account,
        queue_url=deployment.queue_url,
        dlq_url=deployment.dlq_url,
        table_name=deployment.table_name,
        function_name=deployment.function_name,
        fifo=queue.fifo,
        visibility_timeout_s=queue.visibility_timeout_s,
        max_receive_count=queue.max_receive_count,
        pid=os.getpid(),
    )


def _wait(endpoint_url: str, stop: threading.Event) -> None:
    missed = 0
    while not stop.wait(_LOOK_EVERY_S):
        missed = 0 if _answers(endpoint_url) else missed + 1
        if missed >= _MISSED_MOST:
            raise EnvironmentFailed(f"{endpoint_url} did not answer: LocalStack has gone")


def _answers(endpoint_url: str) -> bool:
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    try:
        with opener.open(f"{endpoint_url}/_localstack/health", timeout=_ANSWER_WITHIN_S):
            return True
    except (OSError, http.client.HTTPException, urllib.error.URLError):
        return False
