"""Every rogue against every scenario, and handlers that are right: what is caught, and what is a false alarm."""

import ast
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from importlib.metadata import version
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from .environments.environment import Environment
from .errors import InputError, UnknownName, UsageError
from .judgement import Verdict
from .place import HERE, Place
from .rogues import ROGUES, Rogue
from .target import load_target
from .verification import DEFAULT_EXAMPLES, DEFAULT_SEED, jobs_of, verify_scenario
from .workers import Died, in_turn, share

__all__ = ["Matrix", "Row", "honest_targets", "run_matrix", "summary_of"]

_ALARMS = frozenset({Verdict.VIOLATED, Verdict.UNKNOWN})


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """What one handler came to.

    ``verdicts`` and ``violated``, the invariants that it breaks, are by scenario. ``reason`` says why there are none,
    where the handler could not be loaded or ended its process.
    """

    name: str
    verdicts: Mapping[str, Verdict] = field(default_factory=dict)
    violated: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    reason: str | None = None

    @property
    def invariants(self) -> tuple[str, ...]:
        """The invariants that it breaks somewhere, in the order in which that was found."""
        return tuple(dict.fromkeys(name for names in self.violated.values() for name in names))

    @property
    def clean(self) -> bool:
        """Whether it holds somewhere and gives no alarm anywhere."""
        verdicts = set(self.verdicts.values())
        return Verdict.HOLDS in verdicts and not verdicts & _ALARMS

    def is_caught_as(self, rogue: Rogue) -> bool:
        """Whether the invariant that must catch the rogue does, in the scenario that shows it best."""
        return rogue.caught_by in self.violated.get(rogue.scenario, ())

    def as_json(self) -> dict[str, Any]:
        """The verdicts, and the reason where there is one."""
        verdicts = {scenario: str(verdict) for scenario, verdict in self.verdicts.items()}
        return {"verdicts": verdicts, **({} if self.reason is None else {"reason": self.reason})}


_ELSEWHERE = 3
"""How many plans of each other scenario a rogue is asked."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Matrix:
    """The rows of the rogues and of the honest handlers; ``not_run`` names those that an interruption left out.

    ``examples`` is of what the honest handlers are asked, and the rogues in the scenario that each is kept for.
    """

    seed: int
    examples: int
    rogues: Sequence[tuple[Rogue, Row]]
    honest: Sequence[Row]
    not_run: tuple[str, ...] = ()

    @property
    def passed(self) -> bool:
        """Whether all were run, every rogue is caught, and every honest handler is clean."""
        totals = self.totals()
        all_caught = totals["caught"] == totals["rogues"]
        return not self.not_run and all_caught and totals["clean"] == totals["honest"]

    def totals(self) -> dict[str, int]:
        """How many there are of both, and how many of them are as they ought to be."""
        return {
            "rogues": len(self.rogues),
            "caught": sum(row.is_caught_as(rogue) for rogue, row in self.rogues),
            "honest": len(self.honest),
            "clean": sum(row.clean for row in self.honest),
        }

    def as_json(self) -> dict[str, Any]:
        """The object that ``redrive rogues --json`` writes."""
        return {
            "redrive": version("redrive"),
            "seed": self.seed,
            "examples": self.examples,
            "rogues": [_rogue_as_json(rogue, row) for rogue, row in self.rogues],
            "honest": [{"name": row.name, **row.as_json(), "clean": row.clean} for row in self.honest],
            **({"not_run": list(self.not_run)} if self.not_run else {}),
            "totals": self.totals(),
        }


def _rogue_as_json(rogue: Rogue, row: Row) -> dict[str, Any]:
    return {
        "name": rogue.name,
        "family": rogue.family,
        "caught_by": rogue.caught_by,
        "scenario": rogue.scenario,
        **row.as_json(),
        "invariants": list(row.invariants),
        "caught": row.is_caught_as(rogue),
    }


def honest_targets(folder: Path) -> dict[str, str]:
    """The targets in a folder of ``honest_*.py``, by name: the ``consumer`` of each file, or else its ``handler``.

    A file that has neither is no target. Raises :class:`InputError`.
    """
    if not folder.is_dir():
        raise InputError(f"there is no folder {str(folder)!r}")
    targets = {}
    for path in sorted(folder.glob("honest_*.py")):
        try:
            names = set(_names(ast.parse(path.read_bytes(), str(path))))
        except (OSError, SyntaxError, ValueError) as error:
            raise InputError(f"cannot read {str(path)!r}: {error}") from error
        for attribute in ("consumer", "handler"):
            if attribute in names:
                targets[path.stem] = f"{path}:{attribute}"
                break
    if not targets:
        raise InputError(f"no honest_*.py in {str(folder)!r} has a consumer or a handler")
    return targets


def _names(module: ast.Module) -> Iterable[str]:
    """What a module names at its top level."""
    for node in module.body:
        match node:
            case ast.FunctionDef(name=name) | ast.AsyncFunctionDef(name=name):
                yield name
            case ast.Assign(targets=targets):
                yield from (target.id for target in targets if isinstance(target, ast.Name))
            case ast.AnnAssign(target=ast.Name(id=name)):
                yield name
            case ast.ImportFrom(names=aliases):
                yield from (alias.asname or alias.name for alias in aliases)


def summary_of(rogue: Rogue) -> str:
    """The first line of its module's docstring. The module is read and not imported."""
    spec = find_spec(rogue.target.partition(":")[0])
    if spec is None or spec.origin is None:
        return ""
    doc = ast.get_docstring(ast.parse(Path(spec.origin).read_bytes())) or ""
    return doc.partition("\n")[0]


def run_matrix(
    *,
    only: Iterable[str] = (),
    honest: Mapping[str, str] | None = None,
    seed: int = DEFAULT_SEED,
    examples: int = DEFAULT_EXAMPLES,
    processes: int = 1,
    place: Place = HERE,
    on_start: Callable[[str], object] = lambda _: None,
    on_row: Callable[[str, str], object] = lambda _name, _outcome: None,
) -> Matrix:
    """Ask every scenario of the rogues and of the honest handlers, which are targets by name, or of those in ``only``.

    Where time is real, a rogue is asked the scenario that it is kept for and no other.
    ``on_row`` gets a name and what came of it. Ctrl-C ends it: the matrix then has what was done until then. Raises
    :class:`UnknownName` for a name in ``only`` that is neither's.
    """
    targets = {**{name: rogue.target for name, rogue in ROGUES.items()}, **(honest or {})}
    wanted = list(dict.fromkeys(only)) or list(targets)
    for name in wanted:
        if name not in targets:
            raise UnknownName("rogue", name, tuple(targets))
    rows: dict[str, Row] = {}
    tasks = [(name, targets[name]) for name in wanted]

    def started(task: tuple[str, str]) -> None:
        on_start(task[0])

    with place.shared() as shared:
        prepare = partial(_prepare, place=shared, seed=seed, examples=examples)
        if processes == 1:
            answers: Any = in_turn(prepare, tasks, on_start=started, place=shared)
        else:
            answers = share(prepare, tasks, processes=processes, on_start=started, place=shared)
        try:
            for (name, _), answer in answers:
                rows[name] = Row(name=name, reason=str(answer)) if isinstance(answer, Died) else answer
                on_row(name, _outcome(rows[name]))
        except KeyboardInterrupt:
            # What was running has no row: it counts as not run.
            pass
    return Matrix(
        seed=seed,
        examples=examples,
        rogues=[(rogue, rows[name]) for name, rogue in ROGUES.items() if name in rows],
        honest=[rows[name] for name in honest or {} if name in rows],
        not_run=tuple(name for name in wanted if name not in rows),
    )


def _prepare(environment: Environment, *, place: Place, seed: int, examples: int) -> Callable[[tuple[str, str]], Row]:
    return lambda task: _row(environment, *task, place=place, seed=seed, examples=examples)


def _row(environment: Environment, name: str, target: str, *, place: Place, seed: int, examples: int) -> Row:
    try:
        jobs = jobs_of(load_target(target).consumer, place=place)
    except UsageError as error:
        return Row(name=name, reason=str(error))
    rogue = ROGUES.get(name)
    if rogue is not None and place.is_real_time:
        jobs = tuple(job for job in jobs if job.name == rogue.scenario)
    # Of a rogue, the scenario that shows its bug is asked in full; what the others say is an extra.
    asked = {
        job.name: examples if rogue is None or job.name == rogue.scenario else min(examples, _ELSEWHERE) for job in jobs
    }
    results = [verify_scenario(job, environment, seed=seed, examples=asked[job.name], shrink=False) for job in jobs]
    return Row(
        name=name,
        verdicts={result.name: result.verdict for result in results},
        violated={
            result.name: tuple(finding.invariant for finding in result.violations)
            for result in results
            if result.violations
        },
    )


def _outcome(row: Row) -> str:
    """In a few words."""
    if row.reason is not None:
        return row.reason
    rogue = ROGUES.get(row.name)
    if rogue is None:
        alarms = [f"{name} is {verdict}" for name, verdict in row.verdicts.items() if verdict in _ALARMS]
        return "clean" if row.clean else ", ".join(alarms) or "nothing holds"
    if row.is_caught_as(rogue):
        return f"caught by {rogue.caught_by}"
    others = f"; what catches it: {', '.join(row.invariants)}" if row.invariants else ""
    return f"NOT caught by {rogue.caught_by} in {rogue.scenario}{others}"
