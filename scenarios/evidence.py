"""Reading AWS calls: what a call would do if it were made again, a hash of its parameters, and which record it is for.

A call is read from its parameters, or from its request where a proxy saw it. Neither is kept: a history has the hash.
"""

import hashlib
import json
import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, NamedTuple
from urllib.parse import parse_qs

from .evidence_table import GUARDS, Rule, Writing, rule_of
from .mentions import Records, texts_in

__all__ = ["NOTHING_KNOWN", "AwsCall", "Evidence", "Writing", "call_of_request", "read_call"]


class Evidence(NamedTuple):
    """What a history keeps of a call.

    ``parameters`` is the SHA-256 of the parameters in hexadecimal, the same in every process. ``target`` is what the
    call replaces or deletes, as two hashes with a colon between them: of table or bucket, and of the key in it; empty
    where there is no such thing. ``about`` are the message ids of the records that the call is for, as far as that
    can be told: their ids, their bodies or values of these are among its parameters.
    """

    parameters: str = ""
    writing: Writing = Writing.UNKNOWN
    target: str = ""
    about: tuple[str, ...] = ()


NOTHING_KNOWN = Evidence()


@dataclass(frozen=True, slots=True, kw_only=True)
class AwsCall:
    """A call on its way. ``texts`` are the strings among its parameters, and are dropped with it."""

    service: str
    operation: str
    parameters: str
    writing: Writing
    target: str = ""
    texts: tuple[str, ...] = field(default=(), repr=False)

    def evidence(self, records: Records) -> Evidence:
        """What to keep of it, made by a handler that was given these records."""
        return Evidence(self.parameters, self.writing, self.target, records.mentioned_in(self.texts))


def read_call(
    service: str,
    operation: str,
    parameters: Mapping[str, Any],
    *,
    method: str = "",
    keys_of_tables: Mapping[str, tuple[str, ...]] | None = None,
) -> AwsCall:
    """Read a call from its parameters, without those that the SDK filled in.

    ``keys_of_tables`` are the names of the key attributes of DynamoDB tables: of a ``PutItem`` nothing else says them.
    """
    rule = rule_of(service, operation, method)
    plain = _plain(parameters)
    return AwsCall(
        service=service,
        operation=operation,
        parameters=_sha256(plain),
        writing=_writing(operation, plain, rule),
        target=_target(plain, rule, keys_of_tables or {}),
        texts=tuple(texts_in(plain)),
    )


def call_of_request(
    service: str,
    operation: str,
    *,
    method: str = "POST",
    path: str = "",
    headers: Mapping[str, str] | None = None,
    body: bytes = b"",
) -> AwsCall:
    """Read a call from its HTTP request. ``path`` is with its query.

    A token that the SDK filled in cannot be told from one that the handler gave: it counts as given.
    """
    named = {name.lower(): value for name, value in (headers or {}).items()}
    parameters = _parameters_of_body(body, named.get("content-type", ""))
    if parameters is None:
        parameters = {"Path": path, "Body": body}
        names = {"if-match": "IfMatch", "if-none-match": "IfNoneMatch"}
        parameters.update((name, named[header]) for header, name in names.items() if header in named)
        bucket, _, key = path.partition("?")[0].lstrip("/").partition("/")
        parameters.update({"Bucket": bucket, "Key": key})
    return read_call(service, operation, parameters, method=method)


def _parameters_of_body(body: bytes, content_type: str) -> dict[str, Any] | None:
    if content_type.startswith("application/x-www-form-urlencoded"):
        return {name: values[0] for name, values in parse_qs(body.decode("utf-8", "replace")).items()}
    if "json" not in content_type:
        return None
    try:
        parsed = json.loads(body or b"{}")
    except ValueError:
        return None
    return parsed if isinstance(parsed, dict) else None


def _plain(value: Any, *, name: str = "") -> Any:
    """The value as JSON can say it, alike in every process: sets in order, files by what is in them."""
    if isinstance(value, Mapping):
        return {str(key): _plain(each, name=str(key)) for key, each in value.items()}
    if isinstance(value, list | tuple):
        each = [_plain(item) for item in value]
        # DynamoDB's sets: their order is that of a set of Python's, another in each process.
        return sorted(each, key=json.dumps) if name in {"SS", "NS", "BS"} else each
    if isinstance(value, set | frozenset):
        return sorted((_plain(item) for item in value), key=json.dumps)
    if isinstance(value, bytes | bytearray):
        return _text_of(bytes(value))
    if hasattr(value, "read"):
        return _content(value)
    if value is None or isinstance(value, str | int | float):
        return value
    return str(value)


def _text_of(value: bytes) -> str:
    try:
        return value.decode()
    except UnicodeDecodeError:
        return f"sha256:{hashlib.sha256(value).hexdigest()}"


def _content(file: Any) -> str:
    """What a file has from where it stands, which is where it stands afterwards."""
    try:
        at = file.tell()
        content = file.read()
        file.seek(at)
    except (AttributeError, OSError, ValueError):
        # It can be read but once, and that is for whoever sends it.
        return f"a stream: {type(file).__name__}"
    return content if isinstance(content, str) else _text_of(bytes(content))


def _sha256(value: Any) -> str:
    text = json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=True)
    return hashlib.sha256(text.encode()).hexdigest()


def _writing(operation: str, parameters: Mapping[str, Any], rule: Rule) -> Writing:
    """What the call is in the light of its parameters."""
    if rule.writing in {Writing.READS, Writing.TELEMETRY}:
        return rule.writing
    if _is_guarded(parameters, rule):
        return Writing.GUARDED
    match operation:
        case "UpdateItem":
            return Writing.ADDS if _adds_to_item(parameters) else Writing.SAME
        case "TransactWriteItems":
            return _of_transaction(parameters)
        case "ExecuteStatement" | "ExecuteTransaction" | "BatchExecuteStatement" if "sql" not in parameters:
            return _worst(_of_statement(text) for text in _statements(parameters))
        case "SendMessage" | "SendMessageBatch" | "Publish" | "PublishBatch":
            return Writing.GUARDED if _is_deduplicated(parameters) else Writing.ADDS
        case "Invoke" if parameters.get("InvocationType") == "DryRun":
            return Writing.READS
        case _:
            return rule.writing


def _is_guarded(parameters: Mapping[str, Any], rule: Rule) -> bool:
    return any(parameters.get(name) for name in GUARDS.union(rule.guards).intersection(parameters))


def _of_transaction(parameters: Mapping[str, Any]) -> Writing:
    """All or nothing: where the condition of one part does not hold any more, none takes effect."""
    parts = [part for item in parameters.get("TransactItems", ()) for part in item.values()]
    if any("ConditionExpression" in part for part in parts):
        return Writing.GUARDED
    return Writing.ADDS if any(_adds_to_item(part) for part in parts) else Writing.SAME


_CLAUSES = re.compile(r"\b(SET|REMOVE|ADD|DELETE)\b", re.IGNORECASE)
_ARITHMETIC = re.compile(r"\s[+-]\s|[+-]\s*:|\blist_append\s*\(", re.IGNORECASE)
_PLACEHOLDER = re.compile(r":\w+")


def _adds_to_item(parameters: Mapping[str, Any]) -> bool:
    """Whether an update makes what is there more each time: a number that grows, a list that gets longer."""
    legacy = parameters.get("AttributeUpdates") or {}
    if any(update.get("Action") == "ADD" and "N" in update.get("Value", {}) for update in legacy.values()):
        return True
    values = parameters.get("ExpressionAttributeValues") or {}
    words = _CLAUSES.split(parameters.get("UpdateExpression") or "")
    for clause, text in zip(words[1::2], words[2::2], strict=True):
        if clause.upper() == "SET" and _ARITHMETIC.search(text):
            return True
        # Adding to a set what it has changes nothing.
        if clause.upper() == "ADD" and any("N" in values.get(name, {}) for name in _PLACEHOLDER.findall(text)):
            return True
    return False


def _statements(parameters: Mapping[str, Any]) -> Iterator[str]:
    for part in (parameters, *parameters.get("Statements", ()), *parameters.get("TransactStatements", ())):
        if "Statement" in part:
            yield part["Statement"]


def _of_statement(text: str) -> Writing:
    """PartiQL as DynamoDB knows it: an ``INSERT`` of what is there fails."""
    match text.split(None, 1)[0].upper() if text.strip() else "":
        case "SELECT" | "EXISTS":
            return Writing.READS
        case "INSERT":
            return Writing.GUARDED
        case "UPDATE":
            return Writing.ADDS if re.search(r"=\s*[^,]*[\w\"]\s*[+-]|list_append", text) else Writing.SAME
        case "DELETE":
            return Writing.SAME
        case _:
            return Writing.UNKNOWN


def _worst(found: Iterable[Writing]) -> Writing:
    order = (Writing.ADDS, Writing.UNKNOWN, Writing.SAME, Writing.GUARDED, Writing.READS)
    return min(found, key=order.index, default=Writing.UNKNOWN)


def _is_deduplicated(parameters: Mapping[str, Any]) -> bool:
    """FIFO queues and topics do so, by an id or by the body (S19)."""
    where = parameters.get("QueueUrl") or parameters.get("TopicArn") or parameters.get("TargetArn") or ""
    return str(where).endswith(".fifo")


def _target(parameters: Mapping[str, Any], rule: Rule, keys_of_tables: Mapping[str, tuple[str, ...]]) -> str:
    if not rule.key or rule.key not in parameters:
        return ""
    place, key = parameters.get(rule.place), parameters[rule.key]
    if rule.key == "Item":
        names = keys_of_tables.get(str(place).rpartition("/")[2])
        if names is None or not set(names) <= set(key):
            return ""
        key = {name: key[name] for name in names}
    return f"{_sha256(place)[:16]}:{_sha256(key)[:16]}"
