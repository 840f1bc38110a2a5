"""What a user sends, and where: the arguments that are added to Locust's own, and their values."""

from __future__ import annotations

import argparse
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from .sending.message_bytes import MessageBytes

__all__ = ["BATCH_SIZE_MAX", "CLIENTS", "SendSettings", "add_arguments", "add_option", "number"]

BATCH_SIZE_MAX: Final = 10
GROUP_COUNT: Final = 100
CLIENTS: Final = ("fast", "boto3")


@dataclass(frozen=True, slots=True, kw_only=True)
class SendSettings:
    """The settings of a user. `batches_per_second` is for each user; 0 is as fast as the queue answers.

    Rates are shares of all messages, 0 to 1. `message_bytes` None is as small as they can be.
    """

    queue_url: str
    endpoint_url: str | None = None
    region: str | None = None
    profile: str | None = None
    client: str = "fast"
    batch_size: int = BATCH_SIZE_MAX
    batches_per_second: float = 1.0
    message_bytes: MessageBytes | None = None
    seed: int = 0
    poison_rate: float = 0.0
    duplicate_rate: float = 0.0
    oversize_rate: float = 0.0
    group_count: int = GROUP_COUNT
    body_file: Path | None = None

    def __post_init__(self) -> None:
        if self.poison_rate + self.duplicate_rate + self.oversize_rate > 1:
            raise ValueError("--poison-rate, --duplicate-rate and --oversize-rate are more than 1 together")
        if self.body_file is not None and self.message_bytes is not None:
            raise ValueError("--message-bytes is for bodies that are made; those of --body-file have their own size")

    @classmethod
    def from_options(cls, options: Any) -> SendSettings:
        """From what Locust parsed. Raises ValueError if no queue was given, or if the values do not go together."""
        if not options.queue_url:
            raise ValueError("which queue? Give --queue-url, or set REDRIVE_LOAD_QUEUE_URL")
        return cls(
            queue_url=options.queue_url,
            endpoint_url=options.endpoint_url or None,
            region=options.region or None,
            # Locust keeps its own options from workers, so that the master sends it as one of ours.
            profile=getattr(options, PROFILE_OPTION, None) or options.profile or None,
            client=options.client,
            batch_size=options.batch_size,
            batches_per_second=options.batches_per_second,
            message_bytes=MessageBytes.parse(options.message_bytes) if options.message_bytes else None,
            seed=options.seed,
            poison_rate=options.poison_rate,
            duplicate_rate=options.duplicate_rate,
            oversize_rate=options.oversize_rate,
            group_count=options.group_count,
            body_file=Path(options.body_file) if options.body_file else None,
        )

    @property
    def fifo(self) -> bool:
        """A FIFO queue's URL says so."""
        return self.queue_url.endswith(".fifo")


PROFILE_OPTION: Final = "redrive_profile"


def add_arguments(parser: Any) -> None:
    """Add ours to Locust's parser. Each can be set by its environment variable and in Locust's configuration file."""
    group = parser.add_argument_group("SQS options")
    _add_queue(parser, group)
    _add_rates(group)
    _add_messages(group)
    for action in (
        add_option(group, "--summary-file", metavar="PATH", help="Write the counts and latencies here at the end."),
        add_option(group, "--until-stdin-closes", action="store_true", help="Quit when standard input ends."),
    ):
        # For whoever starts Locust, not for whoever looks at it. Locust's own attribute, which its groups do not take.
        setattr(action, "include_in_web_ui", False)  # noqa: B010


def add_option(group: Any, name: str, **more: Any) -> argparse.Action:
    """Add one argument, with its environment variable `REDRIVE_LOAD_…`."""
    action: argparse.Action = group.add_argument(name, env_var=_variable(name), **more)
    return action


def number(kind: type[int | float], low: float, high: float) -> Callable[[str], float]:
    """A parser of numbers from `low` to `high`, for an argument's `type`."""

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


def _add_queue(parser: Any, group: Any) -> None:
    add_option(group, "--queue-url", metavar="URL", help="The queue to send to. A FIFO queue's ends in .fifo.")
    add_option(
        group,
        "--endpoint-url",
        metavar="URL",
        help="Send there instead. Without it: what AWS_ENDPOINT_URL says, else the host in the queue's URL.",
    )
    add_option(
        group, "--region", metavar="REGION", help="Without it: the region in the queue's URL, else the one configured."
    )
    _add_profile(parser, group)
    add_option(
        group,
        "--client",
        choices=CLIENTS,
        default=CLIENTS[0],
        help="What sends: `fast` is over Locust's fast HTTP client, `boto3` is boto3. Default: fast.",
    )


def _add_profile(parser: Any, group: Any) -> None:
    """Locust has an option of this name, which names a group of runs. Then it names both."""
    said = "The AWS profile whose credentials sign, and the name of the group that Locust puts the run in."
    for action in parser._actions:  # noqa: SLF001 - argparse has no other way to find one
        if "--profile" in action.option_strings:
            action.help, action.env_var = said, _variable("--profile")
            return
    add_option(group, "--profile", metavar="NAME", help=said)


def _add_rates(group: Any) -> None:
    add_option(
        group,
        "--batch-size",
        type=number(int, 1, BATCH_SIZE_MAX),
        default=BATCH_SIZE_MAX,
        metavar="N",
        help=f"Messages in a batch, 1 to {BATCH_SIZE_MAX}. Default: {BATCH_SIZE_MAX}.",
    )
    add_option(
        group,
        "--batches-per-second",
        type=number(float, 0, 10_000),
        default=1.0,
        metavar="RATE",
        help="Of each user; 0 is as fast as the queue answers. Default: 1.",
    )
    for name, what in (
        ("--poison-rate", "that no consumer can read"),
        ("--duplicate-rate", "that repeat the key of an earlier message, as messages of their own"),
        ("--oversize-rate", "that are larger than SQS takes, for it to refuse"),
    ):
        add_option(
            group,
            name,
            type=number(float, 0, 1),
            default=0.0,
            metavar="SHARE",
            help=f"The share of messages {what}, 0 to 1. Default: 0.",
        )


def _add_messages(group: Any) -> None:
    add_option(
        group,
        "--message-bytes",
        type=_message_bytes,
        metavar="SIZE",
        help="Of a message as SQS counts it: 512, 100-2000 or lognormal:MEDIAN,SIGMA. Without it: some 100.",
    )
    add_option(
        group,
        "--seed",
        type=number(int, 0, 2**63),
        default=0,
        metavar="N",
        help="The same seed draws the same sizes again. Default: 0.",
    )
    add_option(
        group,
        "--group-count",
        type=number(int, 1, 1_000_000),
        default=GROUP_COUNT,
        metavar="N",
        help=f"Message groups that the keys are spread over, on a FIFO queue. Default: {GROUP_COUNT}.",
    )
    add_option(
        group, "--body-file", metavar="PATH", help="Send the lines of this file as bodies, over and over, instead."
    )


def _message_bytes(text: str) -> str:
    """Checked here, parsed later: Locust sends options to its workers, and takes texts and numbers only."""
    try:
        MessageBytes.parse(text)
    except ValueError as error:
        raise argparse.ArgumentTypeError(str(error)) from None
    return text


def _variable(name: str) -> str:
    return f"REDRIVE_LOAD_{name.removeprefix('--').replace('-', '_').upper()}"
