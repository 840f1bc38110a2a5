"""Verification: generate plans for a scenario, run each, judge its history, keep the shortest that breaks something."""

import hashlib
import multiprocessing
import shlex
import time
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import ProcessPoolExecutor, as_completed
from dataclasses import dataclass, field
from functools import partial
from importlib.metadata import version
from types import MappingProxyType

import hypothesis
from hypothesis import HealthCheck, Phase, Verbosity
from hypothesis import strategies as st
from hypothesis.errors import Flaky

from redrive.fixtures.faults import Fault

from .added_faults import fault_options, with_faults
from .catalogue import CATALOGUE
from .consumer import Consumer
from .environments.simulated import SimulatedEnvironment
from .errors import UnknownName, one_line
from .history import History
from .judgement import Judgement, Verdict, judge
from .plan import Plan, shorter_plans
from .results import Finding, Report, ScenarioResult
from .scenario import Scenario
from .strikes import has_struck
from .target import HandlerOf, Target, handler_of, is_installed, load_target
from .timeline import timeline

__all__ = ["DEFAULT_EXAMPLES", "DEFAULT_SEED", "Job", "jobs_of", "verify", "verify_scenario"]

DEFAULT_EXAMPLES = 12
DEFAULT_SEED = 0

NO_FAULTS: Mapping[str, float] = MappingProxyType({})

_SHORTENING_RUNS_MAX = 50
_NUMBERS = st.integers(0, 2**32 - 1)


@dataclass(frozen=True, slots=True, kw_only=True)
class Job:
    """One scenario to be asked of one consumer. ``name`` says the variant too: ``crash-after-effect[delta]``."""

    name: str
    scenario: Scenario
    consumer: Consumer
    needs: tuple[str, ...] = ()

    def why_not(self) -> str | None:
        """Why this cannot be asked, or None."""
        missing = [module for module in self.needs if not is_installed(module)]
        if missing:
            return f"not installed: {', '.join(missing)}"
        return self.scenario.why_not(self.consumer)


def jobs_of(consumer: Consumer, names: Iterable[str] = ()) -> tuple[Job, ...]:
    """What to run: the whole catalogue and the consumer's variants, or the named scenarios of them.

    Raises :class:`UnknownName` for a name that fits nothing.
    """
    jobs = [Job(name=name, scenario=scenario, consumer=consumer) for name, scenario in CATALOGUE.items()]
    for variant in consumer.variants:
        jobs.extend(
            Job(
                name=f"{name}[{variant.name}]",
                scenario=CATALOGUE[name],
                consumer=variant.consumer,
                needs=variant.needs,
            )
            for name in variant.scenarios
        )
    wanted = tuple(names)
    for name in wanted:
        if not any(name == job.name for job in jobs):
            raise UnknownName("scenario", name, tuple(job.name for job in jobs))
    return tuple(job for job in jobs if not wanted or job.name in wanted)


def verify(
    target: Target,
    *,
    jobs: Sequence[Job],
    seed: int = DEFAULT_SEED,
    examples: int = DEFAULT_EXAMPLES,
    fault_rates: Mapping[str, float] = NO_FAULTS,
    processes: int = 1,
    on_result: Callable[[ScenarioResult], None] = lambda _: None,
) -> Report:
    """Run the jobs in the simulated environment. The same seed gives the same report but for time.

    With more than one process the target is loaded anew in each, by name. ``on_result`` sees the results as they come;
    the report has them in the order of the jobs. Faults are added to every plan at ``fault_rates``, by name
    (:mod:`redrive.fixtures.named_faults`); on a FIFO queue those that it does not have are left out.
    """
    asking = partial(_ask, seed=seed, examples=examples, fault_rates=dict(fault_rates))
    results = {}
    for result in _in_turn(target, jobs, asking) if processes == 1 else _at_once(target, jobs, asking, processes):
        results[result.name] = result
        on_result(result)
    return Report(
        version=version("redrive"),
        target=target.name,
        environment=SimulatedEnvironment.name,
        runtime="in-process",
        seed=seed,
        scenarios=[results[job.name] for job in jobs],
        faults=dict(fault_rates),
    )


_Asking = Callable[[Target, Job, SimulatedEnvironment], ScenarioResult]


def _ask(
    target: Target,
    job: Job,
    environment: SimulatedEnvironment,
    *,
    seed: int,
    examples: int,
    fault_rates: Mapping[str, float],
) -> ScenarioResult:
    replay = _replay(target.name, job.name, seed, examples, fault_rates)
    return verify_scenario(job, environment, seed=seed, examples=examples, fault_rates=fault_rates, replay=replay)


def _in_turn(target: Target, jobs: Sequence[Job], asking: _Asking) -> Iterator[ScenarioResult]:
    environment = SimulatedEnvironment()
    with environment.running():
        for job in jobs:
            yield asking(target, job, environment)


def _at_once(target: Target, jobs: Sequence[Job], asking: _Asking, processes: int) -> Iterator[ScenarioResult]:
    with ProcessPoolExecutor(
        max_workers=min(processes, len(jobs)),
        # A fresh interpreter: what this process has imported and patched stays here.
        mp_context=multiprocessing.get_context("spawn"),
    ) as executor:
        futures = [executor.submit(_ask_in_worker, target.name, job.name, asking) for job in jobs]
        try:
            for future in as_completed(futures):
                yield future.result()
        except BaseException:
            executor.shutdown(wait=False, cancel_futures=True)
            raise


def _ask_in_worker(target: str, job: str, asking: _Asking) -> ScenarioResult:
    environment = SimulatedEnvironment()
    with environment.running():
        loaded = load_target(target)
        (found,) = jobs_of(loaded.consumer, [job])
        return asking(loaded, found, environment)


def verify_scenario(
    job: Job,
    environment: SimulatedEnvironment,
    *,
    seed: int = DEFAULT_SEED,
    examples: int = DEFAULT_EXAMPLES,
    fault_rates: Mapping[str, float] = NO_FAULTS,
    replay: str = "",
    shrink: bool = True,
) -> ScenarioResult:
    """Ask one scenario of one consumer, within :meth:`SimulatedEnvironment.running`.

    With ``shrink=False`` the first history that breaks something will do, which is quicker.
    """
    began = time.perf_counter()
    reason = job.why_not()
    if reason is not None:
        return ScenarioResult(name=job.name, verdict=Verdict.SKIPPED, reason=reason)
    search = _Search(job, handler_of(job.consumer), environment, _derive(seed, job.name), fault_rates)
    phases = (Phase.explicit, Phase.generate, Phase.shrink) if shrink else (Phase.explicit, Phase.generate)
    crashed = search.hunt(examples, phases)
    if shrink:
        search.shorten()
    verdict, reason = search.verdict(crashed)
    return ScenarioResult(
        name=job.name,
        verdict=verdict,
        reason=reason,
        examples=search.examples,
        deliveries=search.deliveries,
        seconds=round(time.perf_counter() - began, 3),
        violations=tuple(search.findings(replay)) if verdict is Verdict.VIOLATED else (),
    )


class _Broken(Exception):
    """An invariant is violated: tells Hypothesis to shrink. Never leaves this module."""


@dataclass(slots=True)
class _Search:
    """The runs of one scenario, and the shortest history found so far for each invariant that was broken."""

    job: Job
    handler: HandlerOf
    environment: SimulatedEnvironment
    seed: int
    fault_rates: Mapping[str, float]
    examples: int = 0
    deliveries: int = 0
    calls: int = 0
    struck: bool = False
    unknown: dict[str, str] = field(default_factory=dict)
    broken: dict[str, tuple[tuple[int, ...], History, Judgement]] = field(default_factory=dict)

    def hunt(self, examples: int, phases: tuple[Phase, ...]) -> str | None:
        """Generate and judge. Returns what kept the search from its end, or None."""
        settings = hypothesis.settings(
            max_examples=examples,
            phases=phases,
            database=None,
            deadline=None,
            verbosity=Verbosity.quiet,
            report_multiple_bugs=False,
            suppress_health_check=list(HealthCheck),
        )
        plans = self.job.scenario.plans(self.job.consumer)
        if self.fault_rates:
            test = hypothesis.given(plan=plans, number=_NUMBERS)(self._try_with_faults)
        else:
            test = hypothesis.given(plan=plans)(self._try)
        test = hypothesis.seed(self.seed)(settings(test))
        try:
            test()
        except _Broken:
            return None
        except Flaky:
            return "the same plan ended differently when it was run again: the handler depends on more than it is given"
        except Exception as error:  # noqa: BLE001 - setup or effects of the consumer failed: the verdict says so
            return f"the run failed with {one_line(error)}"
        return None

    def _try(self, plan: Plan) -> None:
        self._judge(plan, plan.faults)

    def _try_with_faults(self, plan: Plan, number: int) -> None:
        # The faults follow from a number, so that a plan that is shrunk keeps those that still have what they strike.
        more = with_faults(plan, self.fault_rates, self.job.consumer.queue, seed=f"{self.seed}:{number}")
        self._judge(more, plan.faults)

    def _judge(self, plan: Plan, own: Collection[Fault]) -> None:
        history = self.environment.run(plan, self.job.consumer, self.handler, seed=self.seed)
        self.examples += 1
        self.deliveries += history.deliveries
        self.calls += history.calls
        # A scenario does not get to what it is about by a fault that was added to its own.
        self.struck |= has_struck(history, own)
        violated = False
        for judgement in judge(history, self.job.scenario.judged_by(self.job.consumer)):
            if judgement.verdict is Verdict.UNKNOWN:
                self.unknown.setdefault(judgement.invariant, judgement.reason or "")
            elif judgement.verdict is Verdict.VIOLATED:
                violated = True
                self._keep(history, judgement)
        if violated:
            raise _Broken

    def shorten(self) -> None:
        """Leave out messages and faults one by one, for as long as the same invariant is broken without them.

        Hypothesis shrinks what a plan was drawn from, and may stop where no smaller draw is a smaller plan.
        """
        for name in self.broken:
            for _ in range(_SHORTENING_RUNS_MAX):
                before = self.broken[name][1].plan
                if not any(self._breaks_as_well(plan, name) for plan in shorter_plans(before)):
                    break

    def _breaks_as_well(self, plan: Plan, name: str) -> bool:
        if not plan.messages:
            return False
        history = self.environment.run(plan, self.job.consumer, self.handler, seed=self.seed)
        (judgement,) = judge(history, [name])
        if judgement.verdict is not Verdict.VIOLATED:
            return False
        kept = self.broken[name]
        self._keep(history, judgement)
        return self.broken[name] is not kept

    def _keep(self, history: History, judgement: Judgement) -> None:
        size = (len(history.plan.messages), len(history.plan.faults), history.deliveries, len(history.events))
        best = self.broken.get(judgement.invariant)
        if best is None or size < best[0]:
            self.broken[judgement.invariant] = (size, history, judgement)

    def verdict(self, crashed: str | None) -> tuple[Verdict, str | None]:
        """The scenario's verdict, and the reason where it needs one."""
        if self.broken:
            return Verdict.VIOLATED, None
        if crashed is not None:
            return Verdict.UNKNOWN, crashed
        if self.unknown:
            return Verdict.UNKNOWN, "; ".join(f"{name}: {reason}" for name, reason in self.unknown.items())
        if self.job.scenario.strikes and not self.struck:
            if self.calls == 0:
                return Verdict.SKIPPED, "the handler makes no AWS call that could fail"
            return Verdict.UNKNOWN, "no fault of the scenario struck in any example, so nothing was shown"
        return Verdict.HOLDS, None

    def findings(self, replay: str) -> Iterator[Finding]:
        """A finding for each broken invariant, in the scenario's order of them."""
        for name in self.job.scenario.invariants:
            if name in self.broken:
                _, history, judgement = self.broken[name]
                keys = tuple(dict.fromkeys(key for found in judgement.violations for key in found.business_keys))
                yield Finding(
                    invariant=name,
                    message="; ".join(found.message for found in judgement.violations),
                    business_keys=keys,
                    timeline=timeline(history),
                    replay=replay,
                )


def _derive(seed: int, name: str) -> int:
    """A seed for each scenario that does not depend on which others are run."""
    return int.from_bytes(hashlib.sha256(f"{seed}:{name}".encode()).digest()[:8])


def _replay(target: str, scenario: str, seed: int, examples: int, fault_rates: Mapping[str, float]) -> str:
    words = ["redrive", "verify", target, "--scenario", scenario, "--seed", str(seed)]
    if examples != DEFAULT_EXAMPLES:
        words += ["--examples", str(examples)]
    return shlex.join(words + fault_options(fault_rates))
