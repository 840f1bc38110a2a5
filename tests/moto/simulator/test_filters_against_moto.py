"""E12 against moto: it matches the patterns of EventBridge rules with code of its own.

The syntax is the same, the rules for ``body`` are not moto's. So an event of moto's is the body here.
"""

import json

import pytest
from hypothesis import event, given, settings
from hypothesis import strategies as st
from moto.events.models import EventPattern

from redrive.fixtures.event_builder import standard_record
from redrive.simulator.errors import SqsError
from redrive.simulator.filters import FilterCriteria

NAMES = ["a", "b", "c.d"]
TEXTS = ["", "x", "X", "xy", "Xyz", "zx"]
NUMBERS = [0, 1, 2, 2.5, -1, 300, 5_000_000_000]
# Moto takes true for the number 1, so they do not come together.
WITH_NUMBERS = [*TEXTS, *NUMBERS, None]
WITH_BOOLEANS = [*TEXTS, True, False, None]


def ours(pattern, body):
    return FilterCriteria([json.dumps({"body": pattern})]).matches(standard_record(json.dumps(body)))


def motos(pattern, body):
    return EventPattern.load(json.dumps(pattern)).matches_event(body)


@st.composite
def bodies(draw, scalars, depth=1):
    one = st.sampled_from(scalars)
    values = [one, one, st.lists(one, min_size=1, max_size=3)]
    if depth:
        values.append(bodies(scalars, depth - 1))
    return draw(st.dictionaries(st.sampled_from(NAMES), st.one_of(values), min_size=1, max_size=3))


@st.composite
def patterns(draw, scalars, body, depth=2):
    """A pattern that looks at the body it is for, so that they match often."""
    asked = {}
    for name in draw(st.lists(st.sampled_from([*body, *body, *NAMES]), min_size=1, max_size=2, unique=True)):
        value = body.get(name)
        if depth and isinstance(value, dict) and draw(st.integers(0, 4)):
            asked[name] = draw(patterns(scalars, value, depth - 1))
        elif depth and not draw(st.integers(0, 19)):
            asked[name] = draw(patterns(scalars, {}, depth - 1))
        else:
            asked[name] = draw(st.lists(rules(scalars, value), min_size=1, max_size=3))
    if depth and not draw(st.integers(0, 3)):
        asked["$or"] = draw(st.lists(patterns(scalars, body, depth - 1), min_size=2, max_size=3))
    return asked


@st.composite
def rules(draw, scalars, value):
    candidates = value if isinstance(value, list) else [value]
    near = draw(st.sampled_from([*candidates, *scalars]))
    if not isinstance(near, str | int | float):
        near = draw(st.sampled_from(scalars))
    kinds = [near, {"exists": draw(st.booleans())}]
    if isinstance(near, str):
        cut = draw(st.integers(0, len(near)))
        kinds += [{"prefix": near[:cut]}, {"suffix": near[cut:]}, {"equals-ignore-case": near.swapcase()}]
        kinds += [
            {"anything-but": near},
            {"anything-but": draw(st.lists(st.sampled_from(TEXTS), min_size=1, max_size=3))},
        ]
    elif isinstance(near, int | float) and not isinstance(near, bool):
        word = draw(st.sampled_from(["=", "<", "<=", ">", ">="]))
        kinds += [{"numeric": [word, near]}, {"anything-but": near}, {"anything-but": [near, 7]}]
        low, high = draw(st.sampled_from([">", ">="])), draw(st.sampled_from(["<", "<="]))
        kinds += [{"numeric": [low, min(near, 2), high, max(near, 3)]}]
    return draw(st.sampled_from(kinds))


@st.composite
def cases(draw):
    scalars = draw(st.sampled_from([WITH_NUMBERS, WITH_BOOLEANS]))
    body = draw(bodies(scalars))
    return draw(patterns(scalars, body)), body


@settings(max_examples=400)
@given(case=cases())
def test_E12_moto_matches_the_same_events(case):
    pattern, body = case
    matches = ours(pattern, body)
    event(f"matches: {matches}")
    assert motos(pattern, body) is matches


DEVIATIONS = {
    "moto takes true for 1": ({"a": [1]}, {"a": True}, False),
    "moto takes 0 for false": ({"a": [False]}, {"a": 0}, False),
    "moto compares booleans as numbers": ({"a": [{"numeric": [">=", 1]}]}, {"a": True}, False),
    "moto takes true for the 1 that is excluded": ({"a": [{"anything-but": [1]}]}, {"a": True}, True),
    "moto has an empty array exist": ({"a": [{"exists": True}]}, {"a": []}, False),
    "moto has an empty object exist": ({"a": [{"exists": True}]}, {"a": {}}, False),
    "moto has an array of objects exist": ({"a": [{"exists": True}]}, {"a": [{"b": 1}]}, False),
    "moto holds anything-but against an empty object": ({"a": [{"anything-but": "x"}]}, {"a": {}}, False),
    "moto holds anything-but against objects in an array": ({"a": [{"anything-but": "x"}]}, {"a": [{"b": 1}]}, False),
    "moto does not look into an array of objects": ({"a": {"b": [1]}}, {"a": [{"b": 1}, {"b": 2}]}, True),
    "moto does not see what objects in an array have": ({"a": {"b": [{"exists": False}]}}, {"a": [{"b": 1}]}, False),
    "moto does not look into an array in an array": ({"a": [1]}, {"a": [[1]]}, True),
    "moto knows no limit of numeric": ({"a": [{"numeric": [">", 0]}]}, {"a": 1_735_689_600_000}, False),
    "moto knows no limit of decimal places": ({"a": [{"numeric": [">", 0]}]}, {"a": 0.1 + 0.2}, False),
    "moto has one value for a name with a dot": ({"a": {"b": [1]}}, {"a": {"b": 1}, "a.b": 2}, True),
}
"""What moto does otherwise: pattern, event, and what is right by the guides and by EventBridge's published rules."""


@pytest.mark.parametrize(("pattern", "body", "right"), DEVIATIONS.values(), ids=DEVIATIONS)
def test_E12_moto_still_deviates(pattern, body, right):
    assert ours(pattern, body) is right
    assert motos(pattern, body) is not right


TAKEN_BY_MOTO = {
    "an empty object": {"a": {}},
    "an array in an array": {"a": [[1]]},
    "an unknown operator": {"a": [{"like": "x"}]},
    "two operators at once": {"a": [{"prefix": "x", "suffix": "y"}]},
    "$or with one object": {"$or": [{"a": [1]}]},
    "exists with a string": {"a": [{"exists": "true"}]},
    "anything-but of both kinds": {"a": [{"anything-but": ["x", 1]}]},
    "anything-but null": {"a": [{"anything-but": [None]}]},
    "anything-but with an operator, which only event buses know": {"a": [{"anything-but": {"prefix": "x"}}]},
    "prefix without case, which only event buses and pipes know": {"a": [{"prefix": {"equals-ignore-case": "x"}}]},
    "wildcard, which only event buses know": {"a": [{"wildcard": "x*"}]},
    "numeric without a number": {"a": [{"numeric": [">"]}]},
    "numeric with the ends exchanged": {"a": [{"numeric": ["<", 5, ">", 1]}]},
    "numeric out of range": {"a": [{"numeric": [">", 5_000_000_001]}]},
}
"""Patterns that moto takes for a rule and that are refused in filter criteria."""


@pytest.mark.parametrize("pattern", TAKEN_BY_MOTO.values(), ids=TAKEN_BY_MOTO)
def test_E12_moto_still_takes_what_is_refused(pattern):
    EventPattern.load(json.dumps(pattern))
    with pytest.raises(SqsError):
        FilterCriteria([json.dumps({"body": pattern})])
