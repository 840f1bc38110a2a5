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
from pathlib import Path
from typing import Any, Final

import redrive.infra
from redrive.fixtures.runtimes.in_process import HandlerSource
from redrive.infra.deployment import Deployment, DeploymentError, Parameters, deploy, remove
from redrive.infra.handler_deployment import HandlerSettings, deploy_handler, zip_handler
from redrive.infra.localstack.server import LocalStackError, Server, localstack
from redrive.infra.package_function import PackagingError, build_package, find_handler_folder, install_dependencies
from redrive.infra.tuning import tune

from .consumer import Consumer
from .environments.environment import set_up
from .errors import EnvironmentFailed, TargetError, one_line
from .local_queue import NAME, LocalQueue, Ready, create_reply_queue, local_queue, ready, reply_queue_name
from .target import check_handler, handler_of, load_target

__all__ = ["container_offer", "run_on_localstack"]

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
    reply_queue: bool = False,
) -> None:
    """Start everything, call ``on_ready``, wait until ``stop`` is set, and end all that was started.

    ``target``, ``overrides`` and ``reply_queue`` are as for :func:`.local.run_on_moto`. An endpoint that the
    environment names is used as it is, unless ``port`` is given; what was deployed there is removed at the end.

    Raises :class:`UsageError` if the target or the environment cannot be had, or LocalStack goes away.
    """
    offer = container_offer()
    if offer is not None:
        progress(offer)
    consumer = None if target is None else load_target(target).consumer
    queue = local_queue(consumer, overrides)
    with ExitStack() as running:
        folder = Path(running.enter_context(tempfile.TemporaryDirectory(prefix="redrive-")))
        server = _started(port, progress, running)
        aws = _clients(server)
        was_there = server.pid is None
        name = f"{NAME}-{os.getpid()}" if was_there else NAME
        reply_queue_url = create_reply_queue(aws, name) if reply_queue else None
        try:
            if consumer is None:
                deployment = _reference(aws, name, queue, server, folder, progress, reply_queue_url=reply_queue_url)
            else:
                near = {"PYTHONPATH": _import_path()} if server.has_plugin else {}
                deployment = _of_the_users(aws, name, consumer, queue, folder, near, progress)
        except (DeploymentError, PackagingError) as error:
            raise EnvironmentFailed(str(error)) from error
        if was_there:
            running.callback(_remove, deployment, progress)
        on_ready(
            ready(
                deployment,
                queue,
                environment="localstack",
                endpoint_url=server.endpoint_url,
                access_key_id=aws.account,
                function_name=deployment.function_name,
                reply_queue_url=reply_queue_url,
            )
        )
        _wait(server.endpoint_url, stop)


def container_offer() -> str | None:
    """What to say to who could have LocalStack in its container; None where there is no Docker engine or no token."""
    socket = os.environ.get("DOCKER_HOST") or Path("/var/run/docker.sock").exists()
    if not (shutil.which("docker") and socket and os.environ.get("LOCALSTACK_AUTH_TOKEN")):
        return None
    compose = Path(redrive.infra.__path__[0]) / "docker-compose.yml"
    return f"LocalStack's container is an alternative: docker compose -f {compose} up, then LOCALSTACK_ENDPOINT=…"


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
    aws: Any,
    name: str,
    queue: LocalQueue,
    server: Server,
    folder: Path,
    progress: Callable[[str], object],
    *,
    reply_queue_url: str | None,
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
    parameters = Parameters(
        fifo=queue.spec.fifo,
        architecture=architecture,
        reply_queue="" if reply_queue_url is None else reply_queue_name(name),
    )
    deployment = deploy(aws, name=name, code_zip=zipped, parameters=parameters, progress=progress)
    try:
        tune(
            deployment,
            visibility_timeout_s=queue.spec.visibility_timeout_s,
            max_receive_count=queue.max_receive_count,
            function_timeout_s=queue.spec.function_timeout_s,
            batch_size=queue.spec.batch_size,
            environment={**_own_variables(), **_where_to_reply(reply_queue_url)},
        )
    except BaseException:
        if server.pid is None:
            remove(deployment)
        raise
    return deployment


def _where_to_reply(reply_queue_url: str | None) -> dict[str, str]:
    """The URL that the emulator has for it; the template knows AWS's alone."""
    return {} if reply_queue_url is None else {"REDRIVE_REPLY_QUEUE_URL": reply_queue_url}


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
    queue: LocalQueue,
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
    os.environ.update(environment)  # this process is for nothing else
    set_up(consumer, aws)
    zipped = folder / "function.zip"
    handler = zip_handler(zipped, source)
    spec = queue.spec
    settings = HandlerSettings(
        fifo=spec.fifo,
        visibility_timeout_s=spec.visibility_timeout_s,
        max_receive_count=queue.max_receive_count,
        batch_size=spec.batch_size,
        batching_window_s=spec.batching_window_s,
        function_timeout_s=spec.function_timeout_s,
        report_batch_item_failures=spec.report_batch_item_failures,
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


def _remove(deployment: Deployment, progress: Callable[[str], object]) -> None:
    progress(f"removing {deployment.name}")
    try:
        remove(deployment)
    except Exception as error:  # noqa: BLE001 - the endpoint is not ours, and may be gone
        progress(f"{deployment.name} could not be removed: {one_line(error)}")


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
