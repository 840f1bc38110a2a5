"""Which records a text is about: it has their message id, their body, or values that only their body has."""

import hashlib
import json
import re
from collections.abc import Iterable, Iterator, Mapping
from functools import cached_property
from typing import Any

__all__ = ["Records", "texts_in"]

_SHORTEST = 3
"""Of what has fewer characters, nobody can say whose it is."""

_NUMBER_SHORTEST = 4

_UNCOMMON = 8
"""A word of so many characters, or with a digit, is telling as a part of a text too: ``key-1`` is, ``order`` is not."""

_DEPTH_MAX = 4
_TEXTS_MAX = 5_000
_SEARCHES_MAX = 20_000
_TOKENS_MAX = 100
_TOKEN = re.compile(r"[\w.-]+")
_NUMBER = re.compile(r"-?[\d.]+")


class Records:
    """The records of an event, to be found again among the parameters of calls."""

    def __init__(self, event: Mapping[str, Any]) -> None:
        records = event.get("Records") or ()
        self._records = [record for record in records if isinstance(record.get("messageId"), str)]

    def mentioned_in(self, texts: Iterable[str]) -> tuple[str, ...]:
        """The message ids of the records that these texts mention, in the order of the batch."""
        places = self._places
        found: set[int] = set()
        given = list(texts)
        for text in given:
            found |= places.get(text, frozenset())
            for token in _TOKEN.findall(text) if len(found) < len(self._records) else ():
                found |= places.get(token, frozenset()) if _is_uncommon(token) else frozenset()
        found |= self._within(given)
        return tuple(self._records[place]["messageId"] for place in sorted(found))

    def _within(self, texts: list[str]) -> set[int]:
        """Those whose needles stand within a text as a word of their own: ``order#key-1``, ``key-1.json``."""
        found: set[int] = set()
        if len(self._places) * len(texts) > _SEARCHES_MAX:
            return found
        for needle, places in self._places.items():
            if places <= found or not _is_uncommon(needle):
                continue
            if any(_has_word(text, needle) for text in texts):
                found |= places
        return found

    @cached_property
    def _places(self) -> dict[str, frozenset[int]]:
        """What gives a record away, with the places of the records in the batch."""
        by_body: dict[str, set[int]] = {}
        for place, record in enumerate(self._records):
            by_body.setdefault(str(record.get("body", "")), set()).add(place)
        owners: dict[str, set[str]] = {}
        for body in by_body:
            for needle in _needles(body):
                owners.setdefault(needle, set()).add(body)
        # A value that two different bodies have says nothing about either.
        found = {needle: frozenset(by_body[min(bodies)]) for needle, bodies in owners.items() if len(bodies) == 1}
        for place, record in enumerate(self._records):
            for name in ("messageId", "receiptHandle"):
                if isinstance(record.get(name), str):
                    found[record[name]] = frozenset({place})
        return found


def texts_in(value: Any, depth: int = 0) -> Iterator[str]:
    """The strings and numbers in a value, and those in strings that are JSON themselves."""
    if depth > _DEPTH_MAX * 4:
        return
    if isinstance(value, Mapping):
        for each in value.values():
            yield from texts_in(each, depth + 1)
    elif isinstance(value, list):
        for each in value[:_TEXTS_MAX]:
            yield from texts_in(each, depth + 1)
    elif isinstance(value, str):
        yield value
        parsed = _parsed(value)
        if parsed is not None:
            yield from texts_in(parsed, depth + _DEPTH_MAX)
    elif isinstance(value, int | float) and not isinstance(value, bool):
        yield str(value)


def _parsed(text: str) -> Any:
    """The object or list that a string is the JSON of, or None."""
    if text[:1] not in {"{", "["}:
        return None
    try:
        return json.loads(text)
    except (ValueError, RecursionError):
        return None


def _needles(body: str) -> Iterator[str]:
    if len(body) >= _SHORTEST:
        yield body
        for make in (hashlib.sha256, hashlib.sha1, hashlib.md5):
            yield make(body.encode("utf-8", "surrogatepass"), usedforsecurity=False).hexdigest()
    parsed = _parsed(body)
    words = _TOKEN.findall(body)[:_TOKENS_MAX] if parsed is None else texts_in(parsed)
    for word in words:
        if _is_telling(word):
            yield word


def _is_telling(word: str) -> bool:
    return len(word) >= (_NUMBER_SHORTEST if _NUMBER.fullmatch(word) else _SHORTEST)


def _is_uncommon(word: str) -> bool:
    return len(word) >= _UNCOMMON or any(char.isdigit() for char in word)


def _has_word(text: str, word: str) -> bool:
    at = text.find(word)
    while at >= 0:
        before, after = text[at - 1 : at], text[at + len(word) : at + len(word) + 1]
        if not before.isalnum() and not after.isalnum():
            return True
        at = text.find(word, at + 1)
    return False
