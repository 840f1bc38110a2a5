"""A whole verification: which scenarios are asked of a target, in which process, and what came of all of them."""

import shlex
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from importlib.metadata import version

from .added_faults import fault_options
from .environments.environment import Environment
from .handler_runtime import HandlerRuntime
from .judgement import Verdict
from .place import HERE, Place
from .results import Report, ScenarioResult
from .target import Target, load_elsewhere, load_target
from .target_options import TargetOptions
from .verification import DEFAULT_EXAMPLES, DEFAULT_SEED, NO_FAULTS, Job, jobs_of, verify_scenario
from .workers import Died, in_turn, share

__all__ = ["load", "verify"]


def load(name: str, options: TargetOptions, runtime: HandlerRuntime) -> Target:
    """The target of this name; where that is the runtime's own, the handler is wherever the runtime finds it.

    Raises as :func:`~.target.load_target`.
    """
    return load_elsewhere(name, options) if name == runtime.names else load_target(name, options)


def verify(
    target: Target,
    *,
    jobs: Sequence[Job],
    seed: int = DEFAULT_SEED,
    examples: int = DEFAULT_EXAMPLES,
    fault_rates: Mapping[str, float] = NO_FAULTS,
    processes: int = 1,
    place: Place = HERE,
    on_start: Callable[[str], object] = lambda _: None,
    on_result: Callable[[ScenarioResult], object] = lambda _: None,
) -> Report:
    """Run the jobs where they are to be run. In virtual time the same seed gives the same report.

    With more than one process the target is loaded anew in each, by name and options; a process that dies takes its
    scenario's verdict with it, which is then unknown. ``on_start`` gets the name of each scenario as it is begun,
    ``on_result`` the results as they come; the report has them in the order of the jobs. Faults are added to every plan
    at ``fault_rates``, by name (:mod:`redrive.fixtures.named_faults`); on a FIFO queue those that it does not have are
    left out.

    Ctrl-C ends it: the report then has what was found until then, and names what was not run. No process stays behind.
    """
    asking = _Asking(target.name, target.options, place, seed=seed, examples=examples, fault_rates=dict(fault_rates))
    names = [job.name for job in jobs]
    results: dict[str, ScenarioResult] = {}
    try:
        for result in _results(asking, jobs, processes, on_start):
            results[result.name] = result
            on_result(result)
    except KeyboardInterrupt:
        # What was running has no result: it counts as not run.
        pass
    return Report(
        version=version("redrive"),
        target=target.name,
        options=(*place.words(), *target.options.words()),
        environment=place.kind.name,
        runtime=place.runtime.kind,
        seed=seed,
        scenarios=[results[name] for name in names if name in results],
        not_run=tuple(name for name in names if name not in results),
        faults=dict(fault_rates),
    )


def _results(
    asking: "_Asking", jobs: Sequence[Job], processes: int, on_start: Callable[[str], object]
) -> Iterator[ScenarioResult]:
    if processes == 1:
        names = [job.name for job in jobs]
        by_name = {job.name: job for job in jobs}
        for _, result in in_turn(
            lambda environment: asking.each(by_name, environment), names, on_start=on_start, place=asking.place
        ):
            yield result
        return
    names = [job.name for job in sorted(jobs, key=_takes_long, reverse=True)]
    for name, answer in share(asking, names, processes=processes, on_start=on_start, place=asking.place):
        if isinstance(answer, Died):
            yield ScenarioResult(name=name, verdict=Verdict.UNKNOWN, reason=str(answer))
        else:
            yield answer


def _takes_long(job: Job) -> bool:
    """Whether to begin with it, so that it does not run alone in the end: very many runs, or very large ones."""
    return job.scenario.at_every_call or job.scenario.examples_most is not None


@dataclass(frozen=True, slots=True)
class _Asking:
    """Loads the target, once in each process, for its scenarios to be asked of it by name."""

    target: str
    options: TargetOptions
    place: Place
    seed: int = field(kw_only=True)
    examples: int = field(kw_only=True)
    fault_rates: Mapping[str, float] = field(kw_only=True)

    def __call__(self, environment: Environment) -> Callable[[str], ScenarioResult]:
        consumer = load(self.target, self.options, self.place.runtime).consumer
        return self.each({job.name: job for job in jobs_of(consumer, place=self.place)}, environment)

    def each(self, jobs: Mapping[str, Job], environment: Environment) -> Callable[[str], ScenarioResult]:
        """What asks a scenario by name."""
        return lambda name: verify_scenario(
            jobs[name],
            environment,
            seed=self.seed,
            examples=self.examples,
            fault_rates=self.fault_rates,
            replay=self._replay(name),
        )

    def _replay(self, scenario: str) -> str:
        target = [] if self.target == self.place.runtime.names else [self.target]
        words = ["redrive", "verify", *target, *self.place.words(), *self.options.words()]
        words += ["--scenario", scenario, "--seed", str(self.seed)]
        if self.examples != self.place.examples(DEFAULT_EXAMPLES):
            words += ["--examples", str(self.examples)]
        return shlex.join(words + fault_options(self.fault_rates))
