"""``redrive invoke``: a handler, once, on a sample event or one from a file."""

import json
import os
import time
from pathlib import Path
from typing import Any

import click

from redrive.fixtures import sample_events
from redrive.fixtures.runtimes.context import LambdaContext
from redrive.fixtures.runtimes.in_process import ExecutionEnvironment

from ..delta_table import NEEDS, delta_rows
from ..errors import InputError, TargetError
from ..reference import HANDLER
from ..target import SHARED_MODULES, check_handler, handler_of, is_installed, load_target

__all__ = ["invoke"]

DELTA_TABLE = Path(".redrive") / "delta" / "sqs_messages"


@click.command()
@click.argument("target", required=False)
@click.option(
    "--event",
    "event_name",
    default="standard",
    show_default=True,
    metavar="NAME|PATH",
    help="A sample, or a JSON file.",
)
@click.option("--table", type=click.Path(path_type=Path, file_okay=False), help="The Delta table to write to.")
@click.option(
    "--timeout", "timeout_s", type=click.FloatRange(min=0.001), default=60.0, show_default=True, help="Seconds."
)
@click.option("--list", "list_events", is_flag=True, help="List the sample events.")
def invoke(target: str | None, event_name: str, table: Path | None, timeout_s: float, list_events: bool) -> int:
    """Invoke a handler once with an SQS event, and show its response, its output and the time that it took.

    Without TARGET it is the reference handler, which writes to a local Delta table unless REDRIVE_SINK says otherwise.
    Exit status 1 if the handler raises.
    """
    if list_events:
        for name in sample_events.names():
            click.echo(f"{name}\t{sample_events.describe(name)}")
        return 0
    if target is not None and table is not None:
        raise InputError("--table is where the reference handler writes: leave it out, or leave TARGET out")
    event = read_event(event_name)
    loaded = load_target(target or HANDLER)
    table = _prepare_delta(table) if target is None else None
    check_handler(loaded.consumer)
    environment = ExecutionEnvironment(handler_of(loaded.consumer), shared=SHARED_MODULES)
    began = time.perf_counter()
    result = environment.invoke(event, LambdaContext(timeout_s=timeout_s))
    took_ms = (time.perf_counter() - began) * 1000
    if result.output:
        _show(result.output.removesuffix("\n"))
    _show(json.dumps(json.loads(result.payload), indent=2, ensure_ascii=False))
    click.echo(f"{'failed' if result.function_error else 'returned'} after {took_ms:.0f} ms")
    if table is not None:
        click.echo(f"table: {table.resolve()} ({len(delta_rows(table, ['message_id']))} rows)")
    return 1 if result.function_error else 0


def _show(text: str) -> None:
    """Print what may hold half a surrogate pair, which no terminal takes."""
    click.echo(text.encode(errors="backslashreplace").decode())


def read_event(name: str) -> dict[str, Any]:
    """A sample event by name, or the event in a JSON file. Raises :class:`InputError`."""
    if name in sample_events.names():
        return sample_events.load(name)
    try:
        event = json.loads(Path(name).read_text(encoding="utf-8"))
    except FileNotFoundError as error:
        known = ", ".join(sample_events.names())
        raise InputError(f"no sample event and no file named {name!r}; sample events: {known}") from error
    except OSError as error:
        raise InputError(f"cannot read {name!r}: {error.strerror}") from error
    except UnicodeDecodeError as error:
        raise InputError(f"{name!r} is not UTF-8: byte {error.start}") from error
    except (ValueError, RecursionError) as error:
        raise InputError(f"{name!r} is not JSON: {error}") from error
    if not isinstance(event, dict):
        raise InputError(f"{name!r} holds no JSON object, so it is no event")
    return event


def _prepare_delta(table: Path | None) -> Path | None:
    """Have the reference handler write where the user can find it, unless they chose another sink."""
    if os.environ.get("REDRIVE_SINK", "delta") != "delta":
        return None
    missing = [module for module in NEEDS if not is_installed(module)]
    if missing:
        raise TargetError(f"the Delta sink needs {missing[0]}: pip install 'redrive[delta]', or set REDRIVE_SINK")
    chosen = table or Path(os.environ.get("REDRIVE_DELTA_TABLE") or DELTA_TABLE)
    try:
        chosen.parent.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise InputError(f"cannot make the folder {str(chosen.parent)!r}: {error.strerror}") from error
    os.environ["REDRIVE_DELTA_TABLE"] = str(chosen.resolve())
    return chosen
