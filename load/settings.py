"""What a user sends, and where: the arguments that are added to Locust's own, and their values."""

from __future__ import annotations

import argparse
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

__all__ = ["SendSettings", "add_arguments"]

BATCH_SIZE_MAX = 10


@dataclass(frozen=True, slots=True, kw_only=True)
class SendSettings:
    """The settings of a user. `batches_per_second` is for each user; 0 is as fast as the queue answers."""

    queue_url: str
    endpoint_url: str | None = None
    region: str | None = None
    batch_size: int = BATCH_SIZE_MAX
    batches_per_second: float = 1.0
    poison_rate: float = 0.0

    @classmethod
    def from_options(cls, options: Any) -> SendSettings:
        """From what Locust parsed. Raises ValueError if no queue was given."""
        if not options.queue_url:
            raise ValueError("which queue? Give --queue-url, or set REDRIVE_LOAD_QUEUE_URL")
        return cls(
            queue_url=options.queue_url,
            endpoint_url=options.endpoint_url or None,
            region=options.region or None,
            batch_size=options.batch_size,
            batches_per_second=options.batches_per_second,
            poison_rate=options.poison_rate,
        )

    @property
    def fifo(self) -> bool:
        """A FIFO queue's URL says so."""
        return self.queue_url.endswith(".fifo")


def add_arguments(parser: Any) -> None:
    """Add ours to Locust's parser. Each can be set by its environment variable and in Locust's configuration file."""
    group = parser.add_argument_group("SQS options")

    def add(name: str, **more: Any) -> argparse.Action:
        variable = f"REDRIVE_LOAD_{name.removeprefix('--').replace('-', '_').upper()}"
        action: argparse.Action = group.add_argument(name, env_var=variable, **more)
        return action

    add("--queue-url", metavar="URL", help="The queue to send to. A FIFO queue's ends in .fifo.")
    add(
        "--endpoint-url",
        metavar="URL",
        help="Send there instead. Without it: what AWS_ENDPOINT_URL says, else the host in the queue's URL.",
    )
    add("--region", metavar="REGION", help="Without it: the region in the queue's URL, else the one configured.")
    add(
        "--batch-size",
        type=_number(int, 1, BATCH_SIZE_MAX),
        default=BATCH_SIZE_MAX,
        metavar="N",
        help=f"Messages in a batch, 1 to {BATCH_SIZE_MAX}. Default: {BATCH_SIZE_MAX}.",
    )
    add(
        "--batches-per-second",
        type=_number(float, 0, 10_000),
        default=1.0,
        metavar="RATE",
        help="Of each user; 0 is as fast as the queue answers. Default: 1.",
    )
    add(
        "--poison-rate",
        type=_number(float, 0, 1),
        default=0.0,
        metavar="SHARE",
        help="The share of messages that no consumer can read, 0 to 1. Default: 0.",
    )
    for action in (
        add("--summary-file", metavar="PATH", help="Write the counts and latencies here at the end, as JSON."),
        add("--until-stdin-closes", action="store_true", help="Quit when standard input ends."),
    ):
        # For whoever starts Locust, not for whoever looks at it. Locust's own attribute, which its groups do not take.
        setattr(action, "include_in_web_ui", False)  # noqa: B010


def _number(kind: type[int | float], low: float, high: float) -> Callable[[str], float]:
    def parse(text: str) -> float:
        try:
            value = kind(text)
        except ValueError:
            value = None
        if value is None or not low <= value <= high:
            what = "a whole number" if kind is int else "a number"
            raise argparse.ArgumentTypeError(f"{text!r} is not {what} from {low} to {high}")
        return value

    return parse
