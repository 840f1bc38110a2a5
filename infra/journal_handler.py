"""A Lambda handler around another one that keeps a journal: a line as an invocation begins, and one as it ends.

Goes into the function's zip as ``journal_handler.py``, alone: standard library only. The function's handler is then
``journal_handler.handler``, and the variable ``REDRIVE_JOURNAL_HANDLER`` names the handler within, as Lambda would
(``orders.app.lambda_handler``). What that one gets, answers and raises is unchanged.

The lines are JSON on standard output, and so in the function's log. No body is in them, nor an error's message: of a
response there is left what the event source mapping reads of it. An invocation without a second line was ended by its
timeout, or its process died, which Lambda's own lines tell apart.
"""

from __future__ import annotations

import importlib
import json
import os
import sys
import time
import uuid
from collections.abc import Callable, Iterable
from decimal import Decimal
from typing import Any

__all__ = ["BATCH_SIZE_MAX", "HANDLER", "HANDLER_VARIABLE", "MARK", "VERSION", "handler", "journalled", "reduced"]

MARK = "redrive_journal"
"""The name that every line has, with :data:`VERSION` for its value."""
VERSION = 1
HANDLER = "journal_handler.handler"
"""The function's handler where this file is at the root of its zip."""
HANDLER_VARIABLE = "REDRIVE_JOURNAL_HANDLER"
BATCH_SIZE_MAX = 1_000
"""Larger batches make lines that the log may cut."""

_NOT_IN_BATCH = "(not in the batch)"
_NOT_JSON = "(not JSON)"


def journalled(inner: Callable[[Any, Any], Any], *, write: Callable[[str], object]) -> Callable[[Any, Any], Any]:
    """``inner`` with a journal, whose lines go to ``write``. One for each execution environment.

    An exception passes through. What is no :class:`Exception` ends the process, and so the journal has no end for it.
    """
    # Not as the module is imported: a snapshot of the process may start many environments.
    environment: list[str] = []

    def handle(event: Any, context: Any) -> Any:
        cold = not environment
        if cold:
            environment.append(uuid.uuid4().hex)
        records = _records(event)
        began = {"environment": environment[0], "cold": cold, "records": records}
        write(_line("began", context, began))
        try:
            answer = inner(event, context)
        except Exception as error:
            write(_line("ended", context, {"error_type": type(error).__name__}))
            raise
        write(_line("ended", context, _ending(answer, {message_id for message_id, _, _ in records})))
        return answer

    return handle


def reduced(payload: str, message_ids: Iterable[str]) -> str:
    """A response's JSON text, with all left out that the event source mapping does not read.

    What is not a message id of the batch is replaced by something of its kind, so that the mapping's verdict stays.
    """
    try:
        response = json.loads(payload, parse_constant=_refuse)
    except (ValueError, RecursionError):
        return _NOT_JSON
    return json.dumps(_reduced_response(response, frozenset(message_ids)))


def _reduced_response(response: Any, message_ids: frozenset[str]) -> Any:
    if not isinstance(response, dict):
        return _of_its_kind(response)
    if "batchItemFailures" not in response:
        return {"(something else)": None} if response else {}
    items = response["batchItemFailures"]
    if isinstance(items, list):
        return {"batchItemFailures": [_reduced_item(item, message_ids) for item in items]}
    return {"batchItemFailures": _of_its_kind(items)}


def _reduced_item(item: Any, message_ids: frozenset[str]) -> Any:
    if not isinstance(item, dict) or "itemIdentifier" not in item:
        return {} if isinstance(item, dict) else _of_its_kind(item)
    identifier = item["itemIdentifier"]
    if isinstance(identifier, str) and identifier:
        return {"itemIdentifier": identifier if identifier in message_ids else _NOT_IN_BATCH}
    return {"itemIdentifier": _of_its_kind(identifier)}


def _of_its_kind(value: Any) -> Any:
    match value:
        case None | bool():
            return value
        case str():
            return "(text)" if value else ""
        case int() | float():
            return 0
        case list():
            return []
        case _:
            return {}


def _refuse(constant: str) -> None:
    raise ValueError(f"{constant} is not JSON")


def _line(what: str, context: Any, more: dict[str, Any]) -> str:
    line = {MARK: VERSION, "what": what, "request_id": context.aws_request_id, "at_ms": time.time_ns() // 1_000_000}
    return json.dumps({**line, **more}, separators=(",", ":"))


def _records(event: Any) -> list[tuple[str, int, str]]:
    """Message id, receive count and MD5 of the body of each record; of an event that is not SQS's, none."""
    found = []
    records = event.get("Records") if isinstance(event, dict) else None
    for record in records if isinstance(records, list) else []:
        try:
            count = int(record["attributes"]["ApproximateReceiveCount"])
            found.append((str(record["messageId"]), count, str(record["md5OfBody"])))
        except (KeyError, TypeError, ValueError):
            continue
    return found


def _ending(answer: Any, message_ids: set[str]) -> dict[str, str]:
    try:
        payload = _marshalled(answer)
    except Exception:  # noqa: BLE001 - whatever it is, the runtime meets it as well, and reports this
        return {"error_type": "Runtime.MarshalError"}
    return {"payload": reduced(payload, message_ids)}


def _marshalled(answer: Any) -> str:
    """The answer as the runtime will send it; by the runtime's own means where they are at hand."""
    try:
        marshaller = importlib.import_module("awslambdaric.lambda_runtime_marshaller").LambdaMarshaller()
    except ImportError:
        return json.dumps(answer, default=_decimal, ensure_ascii=False)
    payload, _ = marshaller.marshal_response(answer)
    return payload.decode(errors="replace") if isinstance(payload, bytes) else str(payload)


def _decimal(value: Any) -> float:
    if isinstance(value, Decimal):
        return float(value)
    raise TypeError(f"Object of type {type(value).__name__} is not JSON serializable")


def _print(line: str) -> None:
    # In one piece, whatever else writes: Lambda makes an event of each line.
    _stdout.write(f"{line}\n")
    _stdout.flush()


def _load(name: str) -> Callable[[Any, Any], Any]:
    module, _, attribute = name.replace("/", ".").rpartition(".")
    loaded: Callable[[Any, Any], Any] = getattr(importlib.import_module(module), attribute)
    return loaded


_stdout = sys.stdout


def _unnamed(*_: Any) -> Any:
    raise RuntimeError(f"the variable {HANDLER_VARIABLE} has to name the handler within")


# In the init phase, as without the journal. Where nothing is named, this is not such a function.
_name = os.environ.get(HANDLER_VARIABLE)
handler = journalled(_load(_name), write=_print) if _name else _unnamed
