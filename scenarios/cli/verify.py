"""``redrive verify``: ask every scenario of a consumer."""

import json
from collections.abc import Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import Any

import click

from redrive.fixtures.named_faults import NAMED_FAULTS

from ..added_faults import fault_rates, without_standard_only
from ..capabilities import needed_by
from ..environment_kinds import AWS, KINDS, SIMULATED, EnvironmentKind
from ..errors import InputError
from ..handler_runtime import HandlerRuntime, RuntimeKind
from ..junit import junit_xml
from ..place import Place
from ..report import Progress, print_report
from ..results import Report, ScenarioResult
from ..scheduling import load
from ..scheduling import verify as run_verification
from ..target import REFERENCE
from ..verification import DEFAULT_EXAMPLES, DEFAULT_SEED, Job, jobs_of
from ..workers import cores
from ..written_files import check_writable, write_whole
from .aws_options import aws_options, verify_on_aws, with_aws_options
from .target_options import target_options, with_target_options

__all__ = ["verify"]

INTERRUPTED = 130
"""The exit status after Ctrl-C, as a shell has it; also where something was violated by then."""

_PATH = click.Path(path_type=Path, dir_okay=False)

# What begins with \b is shown line by line.
_WIDTH = max(map(len, NAMED_FAULTS))
_FAULTS = "\n".join(
    ["\b", "Faults:", *(f"  {name:<{_WIDTH}}  {named.summary}" for name, named in NAMED_FAULTS.items())]
)


@click.command(epilog=_FAULTS)
@click.argument("target", required=False)
@click.option(
    "--on",
    "environment",
    type=click.Choice([*KINDS, AWS.name]),
    default="simulated",
    show_default=True,
    help="Where to run.",
)
@click.option("--scenario", "names", multiple=True, metavar="NAME", help="Only this scenario; may be given again.")
@click.option(
    "--seed", type=click.IntRange(0), default=DEFAULT_SEED, show_default=True, help="Decides everything random."
)
@click.option(
    "--examples",
    type=click.IntRange(1),
    default=None,
    help=f"How many plans to try for each scenario. [default: {DEFAULT_EXAMPLES}; where time is real, fewer]",
)
@click.option(
    "--fault",
    "faults",
    multiple=True,
    metavar="NAME=RATE",
    help="Add this fault to every plan: RATE of the messages, invocations or execution environments that it can "
    "strike; may be given again.",
)
@click.option(
    "--jobs", "processes", type=click.IntRange(1), default=None, help="Processes to run at once. [default: the cores]"
)
@click.option("--json", "json_path", type=_PATH, help="Write the results here, as JSON.")
@click.option("--junit", "junit_path", type=_PATH, help="Write the results here, as JUnit XML.")
@click.option(
    "--runtime",
    "kind",
    type=click.Choice([str(kind) for kind in RuntimeKind]),
    default=None,
    help="How the handler is run: in this process, in processes of its own, behind a URL, or by the environment's own "
    "Lambda. [default: in-process; native where there is one]",
)
@click.option("--exec", "command", metavar="COMMAND", help="A Lambda bootstrap in any language, started with this.")
@click.option("--url", metavar="URL", help="A function behind an Invoke-compatible endpoint.")
@with_aws_options
@with_target_options
def verify(
    target: str | None,
    environment: str,
    names: tuple[str, ...],
    seed: int,
    examples: int | None,
    faults: tuple[str, ...],
    processes: int | None,
    json_path: Path | None,
    junit_path: Path | None,
    kind: str | None,
    command: str | None,
    url: str | None,
    **shaped: Any,
) -> int:
    """Verify TARGET, a handler or a Consumer: package.module:attribute or path/to/file.py:attribute.

    Without TARGET the reference handler is verified. A bare handler is made a consumer by --body and the options after
    it; a Consumer says all that itself, and takes of them --env and --path only.

    Exit status: 0 if all that was asked holds, 1 if something is violated or unknown, 2 if it could not be run, 130 if
    it was interrupted; then what was found so far is printed and written.
    """
    rates = fault_rates(faults)
    on_aws = aws_options(shaped)
    on_aws.check(environment, command=command, processes=processes)
    options = target_options(**shaped)
    on = AWS if environment == AWS.name else KINDS[environment]
    runtime = runtime_of(kind, command=command, url=url, on=on)
    _check_faults(rates, Place(kind=on, runtime=runtime))
    if on is AWS:
        for path in (json_path, junit_path):
            if path is not None:
                check_writable(path)
        loaded = load(target or REFERENCE, options, runtime)
        finish = partial(_finish, json_path=json_path, junit_path=junit_path)
        return verify_on_aws(loaded, on_aws, names, seed=seed, examples=examples, finish=finish)
    with Place(kind=on, runtime=runtime).shared() as place:
        with place.environment().running() as running:
            loaded = load(target or runtime.names or REFERENCE, options, runtime)
            running.check(place.shaped(loaded.consumer))
        jobs = jobs_of(loaded.consumer, names, place=place)
        for path in (json_path, junit_path):
            if path is not None:
                check_writable(path)
        notes = [*([] if loaded.note is None else [loaded.note]), *_left_out(rates, jobs)]
        with Progress(f"verifying {loaded.name}, {len(jobs)} scenarios", total=len(jobs), notes=notes) as progress:

            def done(result: ScenarioResult) -> None:
                progress.done(result.name, result.verdict)

            report = run_verification(
                loaded,
                jobs=jobs,
                seed=seed,
                examples=examples or place.examples(DEFAULT_EXAMPLES),
                fault_rates=rates,
                place=place,
                processes=min(processes or place.processes(cores()), len(jobs)),
                on_start=progress.started,
                on_result=done,
            )
    return _finish(report, json_path, junit_path)


def _finish(report: Report, json_path: Path | None, junit_path: Path | None) -> int:
    """Write and print the report; the exit status."""
    # First of all, as what reads the terminal's output may be gone by now.
    _write(report, json_path, junit_path)
    print_report(report)
    if report.not_run:
        return INTERRUPTED
    return 0 if report.passed else 1


def runtime_of(
    kind: str | None, *, command: str | None, url: str | None, on: EnvironmentKind = SIMULATED
) -> HandlerRuntime:
    """The runtime that the options choose. Raises :class:`InputError` for options that contradict each other."""
    if on.is_native:
        if url is not None or kind not in {None, RuntimeKind.NATIVE}:
            raise InputError(f"--on {on.name} runs the handler in its own Lambda: leave out --runtime and --url")
        return HandlerRuntime(kind=RuntimeKind.NATIVE, command=command)
    if kind == RuntimeKind.NATIVE:
        raise InputError(f"--runtime native is for an environment with a Lambda of its own, and {on.name} has none")
    if command is not None and url is not None:
        raise InputError("--exec starts the handler and --url says where it is: give one of them")
    if kind not in {None, RuntimeKind.PROCESS} and command is not None:
        raise InputError(f"--exec runs the handler in a process: leave out --runtime {kind}")
    if kind not in {None, RuntimeKind.HTTP} and url is not None:
        raise InputError(f"--url invokes the handler over HTTP: leave out --runtime {kind}")
    if kind == RuntimeKind.HTTP and url is None:
        raise InputError("--runtime http needs --url, where the function is")
    chosen = RuntimeKind.PROCESS if command is not None else RuntimeKind.HTTP if url is not None else kind
    return HandlerRuntime(kind=RuntimeKind(chosen or RuntimeKind.IN_PROCESS), command=command, url=url)


def _check_faults(rates: Mapping[str, float], place: Place) -> None:
    """Raise :class:`InputError` for a fault that could not strike there."""
    for name in rates:
        lacking = sorted(needed_by(NAMED_FAULTS[name].kind) - place.capabilities)
        if lacking:
            where = " ".join(["--on", place.kind.name, *place.runtime.words()])
            raise InputError(f"--fault {name} cannot strike with {where}, which has no {', no '.join(lacking)}")


def _write(report: Report, json_path: Path | None, junit_path: Path | None) -> None:
    """Write the files that were asked for. If one cannot be written, the report is printed before that is said."""
    try:
        if json_path is not None:
            write_whole(json_path, json.dumps(report.as_json(), indent=2, ensure_ascii=False) + "\n")
        if junit_path is not None:
            write_whole(junit_path, junit_xml(report))
    except InputError:
        print_report(report)
        raise


def _left_out(rates: Mapping[str, float], jobs: Sequence[Job]) -> list[str]:
    """Which faults cannot be added where, as a line. Raises :class:`InputError` if none can be added anywhere."""
    left = without_standard_only(rates)
    names = ", ".join(name for name in rates if name not in left)
    asked = [job for job in jobs if job.why_not() is None]
    fifo = [job.name for job in asked if job.scenario.fifo]
    if not names or not fifo:
        return []
    if not left and len(fifo) == len(asked):
        raise InputError(
            f"nothing is left of --fault: FIFO queues do not have {names}, and all that is asked is on FIFO queues"
        )
    return [f"not added in {', '.join(fifo)}: {names}, which FIFO queues do not have"]
