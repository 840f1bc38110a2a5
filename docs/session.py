"""Draws ``docs/session.svg`` and prints the session in the README: ``python docs/session.py``."""

import re
from pathlib import Path

from rich.console import Console

from redrive.scenarios.environments.simulated import SimulatedEnvironment
from redrive.scenarios.report import print_report
from redrive.scenarios.scheduling import verify
from redrive.scenarios.target import load_target
from redrive.scenarios.verification import jobs_of

TARGET = "redrive.scenarios.rogues.swallowed_exception:handler"
SCENARIO = "partial-failure"


def main() -> None:
    with SimulatedEnvironment().running():
        target = load_target(TARGET)
    report = verify(target, jobs=jobs_of(target.consumer, [SCENARIO]))
    console = Console(record=True, width=120, highlight=False)
    console.print(f"$ redrive verify {TARGET} --scenario {SCENARIO}")
    print_report(report, console)
    # Fixed ids, so that drawing it again changes nothing but what changed.
    svg = console.export_svg(title="redrive verify", unique_id="session", font_aspect_ratio=0.61)
    # Whatever font the reader has will do: a picture in a document fetches nothing.
    svg = re.sub(r"@font-face \{.*?\}", "", svg, flags=re.DOTALL)
    Path(__file__).with_name("session.svg").write_text(svg, encoding="utf-8")


if __name__ == "__main__":
    main()
