"""The runs of one search, with those that they are compared with, and what these teach about the bodies."""

from collections.abc import Callable
from dataclasses import replace

from .consumer import Consumer
from .environments.environment import Environment
from .evidence_invariants import is_acknowledged
from .history import History
from .metamorphic import Dropped, alone
from .plan import Kind, Plan, PlannedMessage
from .target import HandlerOf

__all__ = ["Runs"]

_LEARNED_MOST = 50
"""Up to how many messages of a plan are tried one by one; of more, the first stands for all."""


class Runs:
    """Runs plans of one consumer with one seed. What a run is compared with is run once, however often it is asked for.

    ``dropped`` counts the bodies that were seen to be acknowledged without effect.
    """

    def __init__(self, environment: Environment, consumer: Consumer, handler: HandlerOf, *, seed: int) -> None:
        self._environment = environment
        self._consumer = consumer
        self._handler = handler
        self._seed = seed
        self._known: dict[Plan, History] = {}
        self.dropped = Dropped()

    def run(self, plan: Plan, related: Callable[[Plan], tuple[Plan, ...]] | None) -> History:
        """One run, with the runs of the plans that ``related`` gives for this one."""
        history = self._environment.run(plan, self._consumer, self._handler, seed=self._seed)
        if related is None:
            return history
        history = replace(history, related=tuple(map(self._once, related(plan))))
        self.dropped.see(history)
        return history

    def learned(self, plan: Plan) -> Plan:
        """The plan with what the handler fails alone as poison, for a consumer that defines neither poison nor effects.

        Nobody said that its bodies are any good for this handler.
        """
        if self._consumer.effects is not None or self._consumer.poison is not None:
            return plan
        if len(plan.messages) > _LEARNED_MOST:
            kind = self._learned(plan.messages[0], plan).kind
            return replace(plan, messages=tuple(replace(message, kind=kind) for message in plan.messages))
        return replace(plan, messages=tuple(self._learned(message, plan) for message in plan.messages))

    def _learned(self, message: PlannedMessage, plan: Plan) -> PlannedMessage:
        if message.kind is not Kind.VALID or message.pointer is not None:
            return message
        (by_itself,) = alone(replace(plan, messages=(message,)))
        history = self._once(by_itself)
        if history.finished and not is_acknowledged(history.fates[0]):
            return replace(message, kind=Kind.POISON)
        return message

    def _once(self, plan: Plan) -> History:
        if plan not in self._known:
            self._known[plan] = self._environment.run(plan, self._consumer, self._handler, seed=self._seed)
        return self._known[plan]
