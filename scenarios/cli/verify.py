"""``redrive verify``: ask every scenario of a consumer."""

import json
import os
from collections.abc import Mapping, Sequence
from pathlib import Path

import click

from redrive.fixtures.named_faults import NAMED_FAULTS

from ..added_faults import fault_rates, without_standard_only
from ..environments.simulated import SimulatedEnvironment
from ..errors import InputError
from ..report import Progress, print_report
from ..target import REFERENCE, load_target
from ..verification import DEFAULT_EXAMPLES, DEFAULT_SEED, Job, jobs_of
from ..verification import verify as run_verification

__all__ = ["verify"]

_ENVIRONMENTS = ("simulated",)

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
    type=click.Choice(_ENVIRONMENTS),
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
    default=DEFAULT_EXAMPLES,
    show_default=True,
    help="How many plans to try for each scenario.",
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
@click.option("--json", "json_path", type=click.Path(path_type=Path, dir_okay=False), help="Write the results here.")
def verify(
    target: str | None,
    environment: str,
    names: tuple[str, ...],
    seed: int,
    examples: int,
    faults: tuple[str, ...],
    processes: int | None,
    json_path: Path | None,
) -> int:
    """Verify TARGET, a handler or a Consumer: package.module:attribute or path/to/file.py:attribute.

    Without TARGET the reference handler is verified.
    """
    del environment  # one choice so far, checked by click
    rates = fault_rates(faults)
    simulated = SimulatedEnvironment()
    with simulated.running():
        loaded = load_target(target or REFERENCE)
        simulated.check(loaded.consumer)
    jobs = jobs_of(loaded.consumer, names)
    if json_path is not None:
        _check_writable(json_path)
    with Progress(loaded, total=len(jobs), notes=_left_out(rates, jobs)) as progress:
        report = run_verification(
            loaded,
            jobs=jobs,
            seed=seed,
            examples=examples,
            fault_rates=rates,
            processes=min(processes or os.cpu_count() or 1, len(jobs)),
            on_result=progress.done,
        )
    if json_path is not None:
        json_path.write_text(json.dumps(report.as_json(), indent=2, ensure_ascii=False) + "\n", encoding="utf-8")
    print_report(report)
    return 0 if report.passed else 1


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


def _check_writable(path: Path) -> None:
    """Say so before the work rather than after it."""
    if not path.parent.is_dir():
        raise InputError(f"cannot write {str(path)!r}: there is no folder {str(path.parent)!r}")
    if not os.access(path if path.exists() else path.parent, os.W_OK):
        raise InputError(f"cannot write {str(path)!r}: permission denied")
