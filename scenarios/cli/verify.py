"""``redrive verify``: ask every scenario of a consumer."""

import json
import os
from pathlib import Path

import click

from ..environments.simulated import SimulatedEnvironment
from ..errors import InputError
from ..report import Progress, print_report
from ..target import REFERENCE, load_target
from ..verification import DEFAULT_EXAMPLES, DEFAULT_SEED, jobs_of
from ..verification import verify as run_verification

__all__ = ["verify"]

_ENVIRONMENTS = ("simulated",)


@click.command()
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
    "--jobs", "processes", type=click.IntRange(1), default=None, help="Processes to run at once. [default: the cores]"
)
@click.option("--json", "json_path", type=click.Path(path_type=Path, dir_okay=False), help="Write the results here.")
def verify(
    target: str | None,
    environment: str,
    names: tuple[str, ...],
    seed: int,
    examples: int,
    processes: int | None,
    json_path: Path | None,
) -> int:
    """Verify TARGET, a handler or a Consumer: package.module:attribute or path/to/file.py:attribute.

    Without TARGET the reference handler is verified.
    """
    del environment  # one choice so far, checked by click
    simulated = SimulatedEnvironment()
    with simulated.running():
        loaded = load_target(target or REFERENCE)
        simulated.check(loaded.consumer)
    jobs = jobs_of(loaded.consumer, names)
    if json_path is not None:
        _check_writable(json_path)
    with Progress(loaded, total=len(jobs)) as progress:
        report = run_verification(
            loaded,
            jobs=jobs,
            seed=seed,
            examples=examples,
            processes=min(processes or os.cpu_count() or 1, len(jobs)),
            on_result=progress.done,
        )
    if json_path is not None:
        json_path.write_text(json.dumps(report.as_json(), indent=2, ensure_ascii=False) + "\n", encoding="utf-8")
    print_report(report)
    return 0 if report.passed else 1


def _check_writable(path: Path) -> None:
    """Say so before the work rather than after it."""
    if not path.parent.is_dir():
        raise InputError(f"cannot write {str(path)!r}: there is no folder {str(path.parent)!r}")
    if not os.access(path if path.exists() else path.parent, os.W_OK):
        raise InputError(f"cannot write {str(path)!r}: permission denied")
