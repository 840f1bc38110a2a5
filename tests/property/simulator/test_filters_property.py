"""E12: what holds of filter criteria, whatever the patterns and the bodies."""

import json
import random

from hypothesis import event, given
from hypothesis import strategies as st

from redrive.fixtures.event_builder import standard_record
from redrive.simulator.errors import SqsError
from redrive.simulator.filters import FilterCriteria

NAMES = st.sampled_from(["a", "b", "d.e"])
STRINGS = st.sampled_from(["", "x", "X", "xy", "yx", "null", "1"])
NUMBERS = st.sampled_from([0, 1, -1, 2.5, 300, 1e10])
SCALARS = STRINGS | NUMBERS | st.none() | st.booleans()
VALUES = st.recursive(
    SCALARS, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(NAMES, inner, max_size=3), max_leaves=8
)
OBJECTS = st.dictionaries(NAMES, VALUES, max_size=4)

WORDS = st.sampled_from(["<", "<=", "=", ">=", ">"])
OPERATORS = st.one_of(
    st.builds(lambda text: {"prefix": text}, STRINGS),
    st.builds(lambda text: {"suffix": text}, STRINGS),
    st.builds(lambda text: {"equals-ignore-case": text}, STRINGS),
    st.builds(lambda texts: {"anything-but": texts}, STRINGS | st.lists(STRINGS, min_size=1, max_size=3)),
    st.builds(lambda number: {"anything-but": number}, st.integers(-1, 3)),
    st.builds(lambda word, number: {"numeric": [word, number]}, WORDS, st.integers(-2, 3)),
    st.builds(lambda low: {"numeric": [">", low, "<=", low + 2]}, st.integers(-2, 3)),
    st.builds(lambda there: {"exists": there}, st.booleans()),
)
RULES = st.lists(SCALARS | OPERATORS, min_size=1, max_size=4)
PATTERNS = st.recursive(
    st.dictionaries(NAMES, RULES, min_size=1, max_size=2),
    lambda inner: st.one_of(
        st.dictionaries(NAMES, inner, min_size=1, max_size=1),
        st.builds(lambda fields, choices: {**fields, "$or": choices}, inner, st.lists(inner, min_size=2, max_size=3)),
    ),
    max_leaves=6,
)

OPERATOR_NAMES = st.sampled_from(
    ["exists", "numeric", "anything-but", "prefix", "suffix", "equals-ignore-case", "cidr", "wildcard"]
)
ANY_JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5) | st.sampled_from(["=", "<", ">="]),
    lambda inner: (
        st.lists(inner, max_size=4)
        | st.dictionaries(
            OPERATOR_NAMES | st.sampled_from(["body", "a", "$or", ".", ""]) | st.text(max_size=3),
            inner,
            max_size=4,
        )
    ),
    max_leaves=15,
)


def passes(patterns, body):
    return FilterCriteria([json.dumps({"body": pattern}) for pattern in patterns]).matches(standard_record(body))


@given(patterns=st.lists(PATTERNS, min_size=1, max_size=5), body=OBJECTS, seed=st.integers(0, 99))
def test_E12_order_of_filters_and_of_values_does_not_matter(patterns, body, seed):
    generator = random.Random(seed)
    others = shuffled([with_shuffled_values(pattern, generator) for pattern in patterns], generator)
    passed = passes(patterns, json.dumps(body))
    event(f"passed: {passed}")
    assert passes(others, json.dumps(body)) is passed


def with_shuffled_values(asked, generator):
    if isinstance(asked, dict):
        return {
            name: shuffled([with_shuffled_values(choice, generator) for choice in what], generator)
            if name == "$or"
            else with_shuffled_values(what, generator)
            for name, what in asked.items()
        }
    return shuffled(asked, generator)


def shuffled(values, generator):
    return generator.sample(values, len(values))


@given(patterns=st.lists(PATTERNS, min_size=1, max_size=4), another=PATTERNS, body=OBJECTS)
def test_E12_another_filter_never_removes_a_match(patterns, another, body):
    either = passes(patterns, json.dumps(body)) or passes([another], json.dumps(body))
    assert passes([*patterns, another], json.dumps(body)) is either


@given(name=NAMES, rules=RULES, another=RULES, body=OBJECTS)
def test_E12_another_value_never_removes_a_match(name, rules, another, body):
    either = passes([{name: rules}], json.dumps(body)) or passes([{name: another}], json.dumps(body))
    assert passes([{name: [*rules, *another]}], json.dumps(body)) is either


@given(one=PATTERNS, other=PATTERNS, body=OBJECTS)
def test_E12_or_is_one_or_the_other(one, other, body):
    either = passes([one, other], json.dumps(body))
    event(f"passed: {either}")
    assert passes([{"$or": [one, other]}], json.dumps(body)) is either


@given(one=PATTERNS, another=NAMES, rules=RULES, body=OBJECTS)
def test_E12_another_field_never_adds_a_match(one, another, rules, body):
    if another not in one and passes([{**one, another: rules}], json.dumps(body)):
        assert passes([one], json.dumps(body))


@given(path=st.lists(NAMES, min_size=1, max_size=3), body=OBJECTS)
def test_E12_exists_false_is_the_negation_of_exists_true(path, body):
    there, gone = [{"exists": True}], [{"exists": False}]
    for name in reversed(path):
        there, gone = {name: there}, {name: gone}
    event(f"there: {passes([there], json.dumps(body))}")
    assert passes([there], json.dumps(body)) is not passes([gone], json.dumps(body))


@given(unwanted=STRINGS, value=SCALARS)
def test_E12_anything_but_is_the_negation_of_equals_for_a_value_that_is_there(unwanted, value):
    body = json.dumps({"a": value})
    assert passes([{"a": [{"anything-but": [unwanted]}]}], body) is not passes([{"a": [unwanted]}], body)


@st.composite
def bodies_with_a_pattern_of_their_own(draw):
    body = draw(OBJECTS)
    return body, draw(own_pattern(body))


@st.composite
def own_pattern(draw, value):
    """What a value itself asks for; None where it has nothing that could be asked for."""
    if isinstance(value, list):
        asked = [pattern for inner in value if (pattern := draw(own_pattern(inner))) is not None]
        return draw(st.sampled_from(asked)) if asked else None
    if isinstance(value, dict):
        asked = {name: draw(own_pattern(inner)) for name, inner in value.items()}
        return {name: pattern for name, pattern in asked.items() if pattern is not None} or None
    return [value]


@given(case=bodies_with_a_pattern_of_their_own())
def test_E12_pattern_of_a_bodys_own_values_matches_it(case):
    body, pattern = case
    if pattern is not None:
        assert passes([pattern], json.dumps(body))
        assert not passes([pattern], json.dumps(body) + "!")
        assert not passes([pattern], json.dumps([body]))


@given(pattern=PATTERNS, body=OBJECTS)
def test_E12_white_space_of_a_body_does_not_matter(pattern, body):
    assert passes([pattern], json.dumps(body, indent="\t") + "\n") is passes([pattern], json.dumps(body))


@given(
    text=st.text(max_size=200)
    | ANY_JSON.map(json.dumps)
    | st.builds(lambda body: json.dumps({"body": body}), ANY_JSON | PATTERNS)
    | st.builds(lambda name, operand: json.dumps({"body": [{name: operand}]}), OPERATOR_NAMES, ANY_JSON)
)
def test_E12_any_pattern_is_taken_or_refused(text):
    refused = refusal(text)
    event("taken" if refused is None else "refused")
    if refused is not None:
        assert refused.code == "InvalidParameterValueException"
        assert len(refused.message.splitlines()) == 1


def refusal(pattern):
    try:
        FilterCriteria([pattern])
    except SqsError as error:
        return error
    return None


@given(patterns=st.lists(PATTERNS, max_size=2), body=st.text(max_size=200) | ANY_JSON.map(json.dumps))
def test_E12_any_body_passes_or_does_not(patterns, body):
    assert passes(patterns, body) in {True, False}
    on_text = FilterCriteria(['{"body": [{"exists": true}]}'])
    if on_text.matches(standard_record(body)):
        assert not patterns or not passes(patterns, body)
