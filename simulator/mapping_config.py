"""What an event source mapping may be configured to (E01, E02, E04, E12, E14, E15)."""

from dataclasses import dataclass

from .errors import SqsError
from .filters import FilterCriteria

__all__ = ["BATCH_SIZE_MAX_FIFO", "MappingConfig", "ProvisionedPollers", "validate_mapping"]

BATCH_SIZE_MAX_FIFO = 10
BATCH_SIZE_MAX_STANDARD = 10_000
BATCH_SIZE_MAX_WITHOUT_WINDOW = 10
BATCHING_WINDOW_S_MAX = 300
FUNCTION_TIMEOUT_S_MAX = 900
MAXIMUM_CONCURRENCY = (2, 1_000)
POLLERS_LEAST = (2, 200)
POLLERS_MOST = (2, 10_000)


@dataclass(frozen=True, slots=True, kw_only=True)
class ProvisionedPollers:
    """Provisioned mode: how many pollers there are at least and at most (E15)."""

    minimum: int = 2
    maximum: int = 200


@dataclass(frozen=True, slots=True, kw_only=True)
class MappingConfig:
    """The event source mapping and, of its function, what the mapping meets.

    ``maximum_concurrency`` and ``provisioned_pollers`` exclude each other (E14, E15). ``filters`` are the patterns of
    the filter criteria, as JSON text; without any, every message passes (E12). ``concurrent_batches`` fixes how many
    batches may be with the function at once instead of scaling (E13), for runs that are to be small.

    Of the function: its timeout, its reserved concurrency if it has one (E17; ``0`` throttles everything), and how
    long an execution environment takes to be made before its first invocation (E24).
    """

    batch_size: int = 10
    batching_window_s: int = 0
    report_batch_item_failures: bool = True
    filters: tuple[str, ...] = ()
    maximum_concurrency: int | None = None
    provisioned_pollers: ProvisionedPollers | None = None
    concurrent_batches: int | None = None
    function_timeout_s: int = 60
    reserved_concurrency: int | None = None
    cold_start_ms: int = 0


def validate_mapping(mapping: MappingConfig, *, fifo: bool, visibility_timeout_s: int) -> None:
    """Raise :class:`SqsError` ``InvalidParameterValueException`` for a mapping that Lambda refuses.

    E01, E02, E04, E12, E14, E15.
    """
    FilterCriteria(mapping.filters)
    _check_batching(mapping, fifo=fifo)
    _check_concurrency(mapping)
    _check_function(mapping)
    if mapping.function_timeout_s > visibility_timeout_s:
        _refuse(
            f"Queue visibility timeout: {visibility_timeout_s} seconds is less than "
            f"Function timeout: {mapping.function_timeout_s} seconds"
        )


def _check_batching(mapping: MappingConfig, *, fifo: bool) -> None:
    most = BATCH_SIZE_MAX_FIFO if fifo else BATCH_SIZE_MAX_STANDARD
    _bounded("BatchSize", mapping.batch_size, 1, most)
    _bounded("MaximumBatchingWindowInSeconds", mapping.batching_window_s, 0, BATCHING_WINDOW_S_MAX)
    if fifo and mapping.batching_window_s:
        _refuse("Batching window is not supported for FIFO queues")
    if mapping.batch_size > BATCH_SIZE_MAX_WITHOUT_WINDOW and mapping.batching_window_s < 1:
        _refuse("MaximumBatchingWindowInSeconds is at least 1 for a BatchSize above 10")


def _check_concurrency(mapping: MappingConfig) -> None:
    if mapping.maximum_concurrency is not None:
        _bounded("MaximumConcurrency", mapping.maximum_concurrency, *MAXIMUM_CONCURRENCY)
    pollers = mapping.provisioned_pollers
    if pollers is not None:
        _bounded("MinimumPollers", pollers.minimum, *POLLERS_LEAST)
        _bounded("MaximumPollers", pollers.maximum, *POLLERS_MOST)
        if pollers.minimum > pollers.maximum:
            _refuse(f"MinimumPollers {pollers.minimum} is more than MaximumPollers {pollers.maximum}")
        if mapping.maximum_concurrency is not None:
            _refuse("MaximumConcurrency is not supported together with ProvisionedPollerConfig")
    if mapping.concurrent_batches is not None and mapping.concurrent_batches < 1:
        _refuse(f"{mapping.concurrent_batches} concurrent batches are not at least 1")


def _check_function(mapping: MappingConfig) -> None:
    _bounded("Timeout", mapping.function_timeout_s, 1, FUNCTION_TIMEOUT_S_MAX)
    if mapping.reserved_concurrency is not None and mapping.reserved_concurrency < 0:
        _refuse(f"ReservedConcurrentExecutions {mapping.reserved_concurrency} is negative")
    if mapping.cold_start_ms < 0:
        _refuse(f"a cold start of {mapping.cold_start_ms} ms is negative")


def _bounded(name: str, value: int, least: int, most: int) -> None:
    if not least <= value <= most:
        _refuse(f"{name} {value} is not from {least} to {most}")


def _refuse(message: str) -> None:
    raise SqsError("InvalidParameterValueException", message)
