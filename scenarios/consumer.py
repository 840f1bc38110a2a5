"""The consumer: a handler, and what it claims. The one object that a user writes."""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any, Protocol

from hypothesis.strategies import SearchStrategy

from .plan import PointerKind
from .pointers import extended_client

__all__ = ["BODY_BYTES_MAX", "Aws", "Body", "Claim", "Consumer", "Effect", "QueueSpec", "Variant"]

Body = str | SearchStrategy[str]

BODY_BYTES_MAX = 1_048_576
"""The largest body that SQS takes (S01)."""


class Claim(StrEnum):
    """What a consumer may promise. Only promises are held against it."""

    PARTIAL_BATCH = "partial-batch"
    IDEMPOTENT = "idempotent"
    ORDERED = "ordered"
    DEAD_LETTERS = "dead-letters"
    DEADLINE_AWARE = "deadline-aware"
    """An invocation ends before its timeout does it, and gives back what it has not begun."""
    OVERSIZE = "oversize"
    """A body that is in S3, and of which the message has but a pointer, is worked on as any other (E25)."""


class Aws(Protocol):
    """Where a consumer's resources are: boto3 with the endpoint, region and credentials already set."""

    def client(self, service: str) -> Any:
        """A boto3 client."""

    def resource(self, service: str) -> Any:
        """A boto3 resource."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Effect:
    """One change that the consumer made in the world for a business key, and the body that it came from if known."""

    key: str
    body: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class QueueSpec:
    """The queue and mapping that the consumer runs behind. Seconds, counts of deliveries, counts of messages.

    ``max_receive_count=None`` stands for a queue without a redrive policy, hence without a dead-letter queue.
    """

    fifo: bool = False
    visibility_timeout_s: int = 300
    max_receive_count: int | None = 3
    batch_size: int = 10
    batching_window_s: int = 0
    function_timeout_s: int = 50
    report_batch_item_failures: bool = True


@dataclass(frozen=True, slots=True, kw_only=True)
class Variant:
    """The same consumer in another configuration, put through some of the scenarios.

    ``needs`` are modules without which the variant is skipped.
    """

    name: str
    consumer: "Consumer"
    scenarios: tuple[str, ...]
    needs: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Consumer:
    """A handler plus what it claims.

    ``handler`` is ``package.module:attribute``, ``path/to/file.py:attribute``, or a callable. ``valid`` gives a good
    body for a business key (or a Hypothesis strategy of good bodies), ``poison`` a body that must end in the
    dead-letter queue; without ``poison``, none is sent. ``effects`` lists what has been done so far, business keys or
    :class:`Effect`; without it only what can be seen from outside is judged. ``setup`` makes what the handler
    needs, and ``environment`` is added to the environment variables of handler, ``setup`` and ``effects``; ``{tmp}`` in
    it stands for a folder that is empty at the beginning of each run.

    A body of up to ``body_bytes_max`` it must be able to do, and a larger one must not harm its neighbours; unless
    given, nothing is said of large bodies but that they do not get lost. The largest that a queue takes is 1 MiB (S01).
    ``pointer`` puts a body into S3 and gives what is sent instead; unless given, it does so as the Extended
    Client Library does, with a bucket of its own.
    """

    handler: str | Callable[[Any, Any], Any]
    valid: Callable[[str], Body]
    poison: Callable[[str], Body] | None = None
    effects: Callable[[Aws], Iterable[str | Effect]] | None = None
    setup: Callable[[Aws], object] | None = None
    queue: QueueSpec = QueueSpec()
    claims: frozenset[Claim] | set[str] = frozenset({Claim.PARTIAL_BATCH, Claim.IDEMPOTENT, Claim.DEAD_LETTERS})
    environment: Mapping[str, str] = field(default_factory=dict)
    body_bytes_max: int | None = None
    pointer: Callable[[Aws, str, PointerKind], str] = field(default_factory=extended_client)
    variants: tuple[Variant, ...] = ()

    def __post_init__(self) -> None:
        unknown = sorted(set(self.claims) - set(Claim))
        if unknown:
            raise ValueError(f"no claim named {unknown[0]!r}; there are: {', '.join(Claim)}")
        object.__setattr__(self, "claims", frozenset(Claim(claim) for claim in self.claims))

    def claims_to_be(self, claim: Claim) -> bool:
        """Whether the consumer promises this."""
        return claim in self.claims
