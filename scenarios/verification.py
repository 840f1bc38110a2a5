"""Verification: generate plans for a scenario, run each, judge its history, keep the shortest that breaks something."""

import contextlib
import hashlib
import time
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from itertools import islice
from types import MappingProxyType

import hypothesis
from hypothesis import HealthCheck, Phase, Verbosity
from hypothesis import strategies as st
from hypothesis.errors import Flaky

from redrive.fixtures.faults import Fault
from redrive.fixtures.runtimes.runtime import RuntimeUnavailable

from .added_faults import with_faults
from .catalogue import CATALOGUE
from .comparing import Runs
from .consumer import Consumer
from .crash_points import plans_at_every_call, simplest
from .environments.environment import Environment
from .errors import TargetError, UnknownName, one_line
from .history import History
from .invariants import INVARIANTS
from .judgement import Judgement, Verdict, judge
from .place import HERE, Place
from .plan import Plan, shorter_plans
from .results import Finding, ScenarioResult
from .scenario import Scenario
from .strikes import has_struck
from .target import HandlerOf, handler_of, is_installed
from .timeline import timeline

__all__ = ["DEFAULT_EXAMPLES", "DEFAULT_SEED", "NO_FAULTS", "Job", "jobs_of", "scenario_seed", "verify_scenario"]

DEFAULT_EXAMPLES = 12
DEFAULT_SEED = 0

NO_FAULTS: Mapping[str, float] = MappingProxyType({})

_SHORTENING_TRIES_MAX = 2_000
_SHORTENING_TRIES_IN_REAL_TIME = 3
_LOOKS = 3
"""How many examples are tried of what the consumer does not claim."""
_NUMBERS = st.integers(0, 2**32 - 1)


@dataclass(frozen=True, slots=True, kw_only=True)
class Job:
    """One scenario to be asked of one consumer. ``name`` says the variant too: ``crash-after-effect[delta]``."""

    name: str
    scenario: Scenario
    consumer: Consumer
    needs: tuple[str, ...] = ()
    place: Place = HERE

    def why_not(self) -> str | None:
        """Why this cannot be asked, or None."""
        missing = [module for module in self.needs if not is_installed(module)]
        if missing:
            return f"not installed: {', '.join(missing)}"
        able = self.place.capabilities
        return self.scenario.why_not(self.consumer, able) or self.place.kind.why_not(self.scenario.name)

    def is_worth_a_look(self) -> bool:
        """Whether it can be tried although the consumer does not claim what it is about."""
        installed = all(is_installed(module) for module in self.needs)
        unfit = self.scenario.why_not_even_tried(self.consumer, self.place.capabilities)
        return (
            installed
            and not self.scenario.at_every_call
            and unfit is None
            and self.place.kind.why_not(self.scenario.name) is None
        )


def jobs_of(consumer: Consumer, names: Iterable[str] = (), *, place: Place = HERE) -> tuple[Job, ...]:
    """What to run: the whole catalogue and the consumer's variants, or the named scenarios of them.

    The consumers are as they are shaped for where they run. Raises :class:`UnknownName` for a name that fits nothing.
    """
    shaped = place.shaped(consumer)
    jobs = [Job(name=name, scenario=scenario, consumer=shaped, place=place) for name, scenario in CATALOGUE.items()]
    for variant in consumer.variants:
        jobs.extend(
            Job(
                name=f"{name}[{variant.name}]",
                scenario=CATALOGUE[name],
                consumer=place.shaped(variant.consumer),
                needs=variant.needs,
                place=place,
            )
            for name in variant.scenarios
        )
    wanted = tuple(names)
    for name in wanted:
        if not any(name == job.name for job in jobs):
            raise UnknownName("scenario", name, tuple(job.name for job in jobs))
    return tuple(job for job in jobs if not wanted or job.name in wanted)


def verify_scenario(
    job: Job,
    environment: Environment,
    *,
    seed: int = DEFAULT_SEED,
    examples: int = DEFAULT_EXAMPLES,
    fault_rates: Mapping[str, float] = NO_FAULTS,
    replay: str = "",
    shrink: bool = True,
) -> ScenarioResult:
    """Ask one scenario of one consumer, within :meth:`Environment.running`.

    With ``shrink=False`` the first history that breaks something will do, which is quicker. Raises
    :class:`TargetError` if there is nothing to invoke: no such command, nobody at the URL.
    """
    began = time.perf_counter()
    reason = job.why_not()
    if reason is not None and not job.is_worth_a_look():
        return ScenarioResult(name=job.name, verdict=Verdict.SKIPPED, reason=reason)
    search = _Search(job, handler_of(job.consumer), environment, scenario_seed(seed, job.name), fault_rates)
    if reason is not None:
        looked = search.look(min(examples, _LOOKS))
        return ScenarioResult(
            name=job.name,
            verdict=Verdict.SKIPPED,
            reason=f"{reason}; {looked}",
            examples=search.examples,
            deliveries=search.deliveries,
            seconds=round(time.perf_counter() - began, 3),
        )
    examples = job.scenario.examples(examples)
    # Where time is real a run takes seconds, so that what is found is shortened, but not shrunk.
    is_virtual = not job.place.is_real_time
    phases = (Phase.explicit, Phase.generate, *((Phase.shrink,) if shrink and is_virtual else ()))
    crashed = search.strike_every_call() if job.scenario.at_every_call else search.hunt(examples, phases)
    if shrink:
        search.shorten(_SHORTENING_TRIES_MAX if is_virtual else _SHORTENING_TRIES_IN_REAL_TIME)
    verdict, reason = search.verdict(crashed)
    return ScenarioResult(
        name=job.name,
        verdict=verdict,
        reason=reason,
        examples=search.examples,
        points=search.points,
        deliveries=search.deliveries,
        seconds=round(time.perf_counter() - began, 3),
        violations=tuple(search.findings(replay)) if verdict is Verdict.VIOLATED else (),
        notes=search.notes(),
    )


class _Broken(Exception):
    """An invariant is violated: tells Hypothesis to shrink. Never leaves this module."""


@dataclass(slots=True, repr=False)
class _Search:
    """The runs of one scenario, and the shortest history found so far for each invariant that was broken."""

    job: Job
    handler: HandlerOf
    environment: Environment
    seed: int
    fault_rates: Mapping[str, float]
    examples: int = 0
    deliveries: int = 0
    points: int = 0
    points_in_all: int = 0
    calls: int = 0
    struck: bool = False
    unknown: dict[str, str] = field(default_factory=dict)
    broken: dict[str, tuple[tuple[int, ...], History, Judgement]] = field(default_factory=dict)
    unclaimed: dict[str, Verdict] = field(default_factory=dict)
    held_to: tuple[str, ...] = field(init=False)
    looked_at: tuple[str, ...] = field(init=False)
    runs: Runs = field(init=False)

    def __post_init__(self) -> None:
        self.held_to = self.job.scenario.judged_by(self.job.consumer)
        self.looked_at = self.job.scenario.observed_of(self.job.consumer)
        self.runs = Runs(self.environment, self.job.consumer, self.handler, seed=self.seed)

    def notes(self) -> tuple[str, ...]:
        """What was seen and is held against nobody."""
        left_out = self.points_in_all - self.points
        few = (f"{self.points} of {self.points_in_all} points were tried, evenly spread",) if left_out else ()
        unclaimed = (
            f"not claimed, {'and not so' if verdict is Verdict.VIOLATED else 'but so'}: "
            f"{INVARIANTS[name].claim} ({name})"
            for name, verdict in self.unclaimed.items()
            if verdict is not Verdict.UNKNOWN
        )
        return (*few, *self.runs.dropped.notes(), *unclaimed)

    def look(self, examples: int) -> str:
        """Try what the consumer does not claim, and say what came of it: nothing is held against it."""
        claims = self.job.scenario.unclaimed(self.job.consumer)
        about = tuple(name for name in self.looked_at if INVARIANTS[name].claim in claims)
        self.held_to, self.looked_at = (), about or self.job.scenario.invariants
        crashed = self.hunt(examples, (Phase.explicit, Phase.generate))
        broken = [name for name in self.looked_at if self.unclaimed.get(name) is Verdict.VIOLATED]
        if broken:
            return f"and not so ({', '.join(broken)})"
        if crashed is not None:
            return f"and whether it is so cannot be told: {crashed}"
        missed = self.job.scenario.strikes and not self.struck
        if missed or any(self.unclaimed.get(name) is not Verdict.HOLDS for name in self.looked_at):
            return "and whether it is so cannot be told"
        return "but so"

    def strike_every_call(self) -> str | None:
        """Run the simplest plan, and then with a fault at each call that it came to. Returns as :meth:`hunt` does."""
        return self._kept_from_its_end(self._strike_each)

    def _strike_each(self) -> None:
        plan = self.runs.learned(simplest(self.job.scenario.plans(self.job.consumer)))
        undisturbed = self.environment.run(plan, self.job.consumer, self.handler, seed=self.seed)
        plans, self.points_in_all = plans_at_every_call(undisturbed, self.job.place.kind.points_most)
        for self.points, struck in enumerate(plans, 1):
            with contextlib.suppress(_Broken):
                self._judge(struck, struck.faults)
        self.calls += undisturbed.calls

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
        return self._kept_from_its_end(hypothesis.seed(self.seed)(settings(test)))

    def _kept_from_its_end(self, search: Callable[[], None]) -> str | None:
        try:
            search()
        except _Broken:
            return None
        except Flaky:
            return "the same plan ended differently when it was run again: the handler depends on more than it is given"
        except RuntimeUnavailable as error:
            raise TargetError(str(error)) from error
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
        related = self.job.scenario.related
        history = self.runs.run(plan if related is not None else self.runs.learned(plan), related)
        self.examples += 1
        self.deliveries += history.deliveries
        self.calls += history.calls
        # A scenario does not get to what it is about by a fault that was added to its own.
        self.struck |= has_struck(history, own)
        for judgement in judge(history, self.looked_at):
            self._note(judgement)
        violated = False
        for judgement in judge(history, self.held_to):
            if judgement.verdict is Verdict.UNKNOWN:
                self.unknown.setdefault(judgement.invariant, judgement.reason or "")
            elif judgement.verdict is Verdict.VIOLATED:
                violated = True
                self._keep(history, judgement)
        if violated:
            raise _Broken

    def _note(self, judgement: Judgement) -> None:
        """The worst is what counts."""
        worst = (Verdict.HOLDS, Verdict.UNKNOWN, Verdict.VIOLATED)
        before = self.unclaimed.get(judgement.invariant, Verdict.HOLDS)
        self.unclaimed[judgement.invariant] = max(before, judgement.verdict, key=worst.index)

    def shorten(self, tries: int) -> None:
        """Leave out messages and faults one by one, for as long as the same invariant is broken without them.

        ``tries`` is how many shorter plans are run, at most, for each invariant.

        Hypothesis shrinks what a plan was drawn from, and may stop where no smaller draw is a smaller plan.
        """
        for name in self.broken:
            left = tries
            while left > 0:
                before = self.broken[name][1].plan
                tried = enumerate(islice(shorter_plans(before), left), 1)
                used = next((number for number, plan in tried if self._breaks_as_well(plan, name)), None)
                if used is None:
                    break
                left -= used

    def _breaks_as_well(self, plan: Plan, name: str) -> bool:
        if not plan.messages:
            return False
        try:
            history = self.runs.run(plan, self.job.scenario.related)
        except Exception:  # noqa: BLE001 - where the world takes part a run may fail, and what was found stands
            return False
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
                    plan=history.plan,
                )


def scenario_seed(seed: int, name: str) -> int:
    """A seed for each scenario that does not depend on which others are run."""
    return int.from_bytes(hashlib.sha256(f"{seed}:{name}".encode()).digest()[:8])
