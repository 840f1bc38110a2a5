"""E12: what the rules of a pattern match in a body that is JSON."""

import json

import pytest

from redrive.fixtures.event_builder import standard_record
from redrive.simulator.filters import FilterCriteria


def passes(pattern, body, **record):
    """Whether a message passes one filter; pattern and body are JSON text if they are strings."""
    return FilterCriteria([text(pattern)]).matches(standard_record(text(body), **record))


def text(value):
    return value if isinstance(value, str) else json.dumps(value)


def body_passes(rule, value):
    """Whether `{"field": value}` passes `{"body": {"field": rule}}`."""
    return passes({"body": {"field": rule}}, {"field": value})


MATCHES = [
    # null and empty
    ([None], None, True),
    ([None], "null", False),
    ([None], "", False),
    ([""], "", True),
    ([""], None, False),
    # equals, several values
    (["Alice"], "Alice", True),
    (["Alice"], "alice", False),
    (["Alice", "Bob"], "Bob", True),
    (["Alice", 5, None], 5, True),
    ([True], True, True),
    ([True], False, False),
    ([True], 1, False),
    ([True], "true", False),
    ([1], True, False),
    ([0], False, False),
    ([False], 0, False),
    ([1], "1", False),
    (["1"], 1, False),
    # equals-ignore-case
    ([{"equals-ignore-case": "alice"}], "ALICE", True),
    ([{"equals-ignore-case": "ALICE"}], "alice", True),
    ([{"equals-ignore-case": "alice"}], "alices", False),
    ([{"equals-ignore-case": "1"}], 1, False),
    # prefix, suffix
    ([{"prefix": "us-"}], "us-east-1", True),
    ([{"prefix": "us-"}], "eu-us-", False),
    ([{"prefix": "US-"}], "us-east-1", False),
    ([{"prefix": ""}], "", True),
    ([{"prefix": "1"}], 12, False),
    ([{"prefix": "n"}], None, False),
    ([{"suffix": ".png"}], "a.png", True),
    ([{"suffix": ".png"}], "a.png.txt", False),
    ([{"suffix": "2"}], 12, False),
    # anything-but
    ([{"anything-but": "Raining"}], "Sunny", True),
    ([{"anything-but": ["Raining"]}], "Raining", False),
    ([{"anything-but": ["Raining", "Snowing"]}], "Snowing", False),
    ([{"anything-but": ["Raining"]}], "raining", True),
    ([{"anything-but": ["Raining"]}], None, True),
    ([{"anything-but": ["Raining"]}], 5, True),
    ([{"anything-but": [100, 200]}], 200.0, False),
    ([{"anything-but": 100}], 101, True),
    ([{"anything-but": 100}], "100", True),
    ([{"anything-but": 1}], True, True),
    ([{"anything-but": "x"}, "x"], "x", True),
    # numeric
    ([{"numeric": ["=", 100]}], 100, True),
    ([{"numeric": ["=", 100]}], 100.0, True),
    ([{"numeric": ["=", 100]}], 100.1, False),
    ([{"numeric": ["=", 100]}], "100", False),
    ([{"numeric": ["=", 1]}], True, False),
    ([{"numeric": [">", 10, "<=", 20]}], 10, False),
    ([{"numeric": [">", 10, "<=", 20]}], 10.5, True),
    ([{"numeric": [">", 10, "<=", 20]}], 20, True),
    ([{"numeric": [">", 10, "<=", 20]}], 20.000001, False),
    ([{"numeric": [">=", 10, "<", 20]}], 10, True),
    ([{"numeric": [">=", 10, "<", 20]}], 20, False),
    ([{"numeric": ["<", 0]}], -1, True),
    ([{"numeric": ["<=", -1]}], 0, False),
    ([{"numeric": [">", 0]}], None, False),
    # exists, of a field that is there
    ([{"exists": True}], "any", True),
    ([{"exists": True}], None, True),
    ([{"exists": True}], False, True),
    ([{"exists": True}], {"inner": 1}, False),
    ([{"exists": True}], {}, False),
    ([{"exists": True}], [], False),
    ([{"exists": True}], [1], True),
    ([{"exists": False}], None, False),
    ([{"exists": False}], {"inner": 1}, True),
    ([{"exists": False}], {}, True),
    ([{"exists": False}], [], True),
    ([{"exists": False}, "a"], "a", True),
    ([{"exists": False}, "a"], "b", False),
    # cidr
    ([{"cidr": "10.0.0.0/24"}], "10.0.0.255", True),
    ([{"cidr": "10.0.0.7/24"}], "10.0.0.255", True),
    ([{"cidr": "10.0.0.0/24"}], "10.0.1.0", False),
    ([{"cidr": "10.0.0.0/24"}], "ten", False),
    ([{"cidr": "10.0.0.0/24"}], 167772160, False),
    ([{"cidr": "2001:db8::/32"}], "2001:db8::1", True),
    ([{"cidr": "2001:db8::/32"}], "10.0.0.1", False),
    # an array stands for its elements
    (["a"], ["b", "a"], True),
    (["a"], ["b"], False),
    (["a"], [["b"], [["a"]]], True),
    ([None], [], False),
    ([None], [None], True),
    ([{"anything-but": "a"}], ["a", "b"], True),
    ([{"anything-but": "a"}], ["a", "a"], False),
    ([{"anything-but": "a"}], [], False),
    ([{"prefix": "x"}], ["a", "xa"], True),
    ([{"numeric": [">", 1, "<", 3]}], [0, 2], True),
    ([{"numeric": [">", 1, "<", 3]}], [0, 4], False),
    # objects are no values
    (["a"], {"a": "a"}, False),
    ([{"anything-but": "a"}], {"b": "b"}, False),
]


@pytest.mark.parametrize(("rule", "value", "expected"), MATCHES, ids=str)
def test_E12_rules_for_a_value(rule, value, expected):
    assert body_passes(rule, value) is expected


@pytest.mark.parametrize(
    "rule",
    [[None], [""], ["a"], [{"exists": True}], [{"anything-but": "a"}], [{"prefix": ""}], [{"numeric": ["<", 9]}]],
)
def test_E12_field_that_is_not_there_passes_nothing_but_exists_false(rule):
    assert not passes({"body": {"field": rule}}, {"other": "a"})
    assert passes({"body": {"field": [*rule, {"exists": False}]}}, {"other": "a"})


@pytest.mark.parametrize("written", ["300", "300.0", "3.0e2", "3e2", "30000E-2", "300.000000000000000000000"])
@pytest.mark.parametrize("rule", ["[300]", "[3.0e2]", '[{"numeric": ["=", 300.0]}]'])
def test_E12_numbers_are_compared_as_numbers(written, rule):
    assert passes(f'{{"body": {{"field": {rule}}}}}', f'{{"field": {written}}}')
    assert not passes(f'{{"body": {{"field": [{{"anything-but": {written}}}]}}}}', '{"field": 300}')


@pytest.mark.parametrize(
    ("written", "expected"),
    [
        ("5000000000", True),
        ("5000000000.000001", False),
        ("-5000000000", False),  # in range, and less than 0
        ("1735689600000", False),
        ("0.000001", True),
        ("0.0000001", False),
        ("0.1000000", True),
        ("0.30000000000000004", False),
        ("1e-999999999", False),
        ("1e999999999999999999999", False),
        ("9" * 5000, False),
    ],
)
def test_E12_numeric_is_for_numbers_to_5e9_with_six_decimal_places(written, expected):
    assert passes('{"body": {"field": [{"numeric": [">", 0]}]}}', f'{{"field": {written}}}') is expected


@pytest.mark.parametrize("written", ["1735689600000", "9" * 3000, "0.30000000000000004", "1e300"])
def test_E12_number_that_numeric_is_not_for_still_equals_itself(written):
    assert passes(f'{{"body": {{"field": [{written}]}}}}', f'{{"field": {written}}}')
    assert passes('{"body": {"field": [{"anything-but": 5}]}}', f'{{"field": {written}}}')


def test_E12_fields_are_a_conjunction_through_nested_objects():
    pattern = {"body": {"order": {"state": ["new"], "total": {"amount": [{"numeric": [">", 9]}]}}}}
    assert passes(pattern, {"order": {"state": "new", "total": {"amount": 10}}, "more": 1})
    assert not passes(pattern, {"order": {"state": "old", "total": {"amount": 10}}})
    assert not passes(pattern, {"order": {"state": "new", "total": {"amount": 9}}})
    assert not passes(pattern, {"order": {"state": "new"}})
    assert not passes(pattern, {"order": "new"})


def test_E12_fields_asked_for_together_are_in_the_same_element_of_an_array():
    people = {"people": [{"first": "John", "last": "Doe"}, [{"first": "Anna", "last": "Smith"}]]}
    assert passes({"body": {"people": {"first": ["Anna"]}}}, people)
    assert passes({"body": {"people": {"first": ["Anna"], "last": ["Smith"]}}}, people)
    assert not passes({"body": {"people": {"first": ["Anna"], "last": ["Doe"]}}}, people)


def test_E12_exists_false_is_about_all_elements_of_an_array():
    pattern = {"body": {"lines": {"sku": [{"exists": False}]}}}
    assert passes(pattern, {"lines": [{"id": 1}, {"id": 2}]})
    assert not passes(pattern, {"lines": [{"id": 1}, {"sku": 2}]})
    assert passes(pattern, {"lines": []})
    assert passes(pattern, {"lines": "none"})
    assert passes(pattern, {})


def test_E12_or_over_several_fields():
    pattern = {"body": {"source": ["s"], "$or": [{"place": ["NY"]}, {"day": ["Mon"], "hour": [9]}]}}
    assert passes(pattern, {"source": "s", "place": "NY"})
    assert passes(pattern, {"source": "s", "day": "Mon", "hour": 9})
    assert not passes(pattern, {"source": "s", "day": "Mon", "hour": 8})
    assert not passes(pattern, {"source": "t", "place": "NY"})
    assert not passes(pattern, {"source": "s"})


def test_E12_or_inside_or():
    pattern = {"body": {"$or": [{"a": {"$or": [{"b": [1]}, {"c": [2]}]}}, {"d": [{"exists": False}], "e": [3]}]}}
    assert passes(pattern, {"a": {"c": 2}, "d": 0})
    assert passes(pattern, {"e": 3})
    assert not passes(pattern, {"e": 3, "d": 0})
    assert not passes(pattern, {"a": {"b": 2, "c": 1}})


def test_E12_two_ors_have_to_hold_both():
    pattern = {"$or": [{"eventSource": ["aws:sqs"]}, {"eventSource": ["x"]}], "body": {"$or": [{"a": [1]}, {"b": [1]}]}}
    assert passes(pattern, {"b": 1})
    assert not passes(pattern, {"c": 1})


def test_E12_two_ors_for_one_object_have_to_hold_both():
    either, other = {"$or": [{"x": [1]}, {"y": [1]}]}, {"$or": [{"x": [2]}, {"z": [2]}]}
    pattern = {"body": {"a.b": either, "a": {"b": other}}}
    assert passes(pattern, {"a": {"b": {"y": 1, "z": 2}}})
    assert not passes(pattern, {"a": {"b": {"y": 1, "z": 3}}})
    assert not passes(pattern, {"a": {"b": {"y": 0, "z": 2}}})


@pytest.mark.parametrize("asked", [{"a.b": [1]}, {"a": {"b": [1]}}])
@pytest.mark.parametrize("body", [{"a.b": 1}, {"a": {"b": 1}}, {"a": 5, "a.b": 1}, {"a": {"c": 2}, "a.b": [1]}])
def test_E12_dot_in_a_name_separates_names(asked, body):
    assert passes({"body": asked}, body)
    assert not passes({"body": asked}, {"a": {"a.b": 1}, "b": 1, "a.b.c": 1})


def test_E12_dotted_name_and_nested_one_are_of_the_same_object():
    body = {"a": {"c": 2, "b": 3}, "a.b": 1, "a.d": 4}
    assert passes({"body": {"a": {"b": [1], "c": [2], "d": [4]}}}, body)
    assert passes({"body": {"a": {"b": [3], "c": [2], "d": [4]}}}, body)
    assert not passes({"body": {"a": {"b": [5]}}}, body)


def test_E12_of_a_name_that_is_there_twice_the_last_counts():
    assert passes('{"body": {"a": [1], "a": [2]}}', '{"a": 1, "a": 2}')
    assert not passes('{"body": {"a": [1], "a": [2]}}', '{"a": 2, "a": 1}')
