"""E12: what filter criteria let through."""

import json
import time

import pytest

from redrive.fixtures.event_builder import MessageAttribute, fifo_record, standard_record
from redrive.simulator.filters import FilterCriteria


def passes(pattern, body, **record):
    """Whether a message passes one filter; pattern and body are JSON text if they are strings."""
    return FilterCriteria([text(pattern)]).matches(standard_record(text(body), **record))


def text(value):
    return value if isinstance(value, str) else json.dumps(value)


def test_E12_without_filters_every_message_passes():
    assert FilterCriteria([]).matches(standard_record("anything"))


def test_E12_one_filter_that_matches_is_enough():
    criteria = FilterCriteria(['{"body": {"kind": ["a"]}}', '{"body": {"kind": ["b"]}}'])
    assert [criteria.matches(standard_record(text({"kind": kind}))) for kind in "abc"] == [True, True, False]


def test_E12_criteria_are_values():
    assert FilterCriteria(['{"body": ["a"]}']) == FilterCriteria(('{"body": ["a"]}',))
    assert len({FilterCriteria(['{"body": ["a"]}']), FilterCriteria(['{"body": ["a"]}'])}) == 1


JSON_OBJECTS = ['{"field": "x"}', ' \n{"field": "x"}\t']
TEXTS = ["x", "field: x", "{'field': 'x'}", '{"field": "x"', "", "NaN", '{"field": "x", "n": Infinity}', "\ufeff{}"]
OTHER_JSON = ["123", "-0.5e1", '"x"', '[{"field": "x"}]', '["x"]', "null", "true", " null ", "[]"]
ON_TEXT = [
    '{"body": ["x", "", "null", "123", {"exists": true}]}',
    '{"body": [null, 123, true]}',
    '{"body": [{"anything-but": "z"}]}',
]
ON_JSON = ['{"body": {"field": ["x"]}}', '{"body": {"other": [{"exists": false}]}}', '{"body.field": ["x"]}']


@pytest.mark.parametrize("body", JSON_OBJECTS)
def test_E12_json_body_is_for_patterns_on_json(body):
    assert [passes(pattern, body) for pattern in ON_JSON] == [True] * len(ON_JSON)
    assert not any(passes(pattern, body) for pattern in ON_TEXT)


@pytest.mark.parametrize("body", TEXTS)
def test_E12_body_that_is_not_json_is_for_patterns_on_text(body):
    assert passes('{"body": [{"exists": true}]}', body)
    assert passes({"body": [body]}, body)
    assert not any(passes(pattern, body) for pattern in ON_JSON)


@pytest.mark.parametrize("body", OTHER_JSON)
def test_E12_json_body_that_is_no_object_passes_no_pattern_on_body(body):
    assert not any(passes(pattern, body) for pattern in [*ON_TEXT, *ON_JSON])


@pytest.mark.parametrize("body", [*JSON_OBJECTS, *TEXTS, *OTHER_JSON, "[" * 2000, "[" * 100_000])
def test_E12_pattern_without_body_passes_bodies_of_any_kind(body):
    assert passes('{"eventSource": ["aws:sqs"]}', body)
    assert not passes('{"eventSource": ["aws:kinesis"]}', body)


def test_E12_operators_on_a_text_body():
    assert passes('{"body": [{"prefix": "Result: "}]}', "Result: 7")
    assert not passes('{"body": [{"prefix": "Result: "}]}', "result: 7")
    assert passes('{"body": [{"anything-but": ["error"]}]}', "fine")
    assert not passes('{"body": [{"anything-but": ["error"]}]}', "error")
    assert not passes('{"body": [{"exists": false}]}', "fine")


def test_E12_mismatch_of_the_body_drops_the_message_whatever_else_matches():
    either = '{"$or": [{"body": {"a": [1]}}, {"eventSource": ["aws:sqs"]}]}'
    assert passes(either, {"a": 2})
    assert not passes(either, "text")


def test_E12_pattern_for_both_kinds_of_body_agrees_with_none():
    both = '{"$or": [{"body": {"a": [1]}}, {"body": ["text"]}]}'
    assert not passes(both, {"a": 1})
    assert not passes(both, "text")


def test_E12_each_filter_agrees_with_the_body_on_its_own():
    criteria = FilterCriteria(['{"body": {"a": [1]}}', '{"body": ["text"]}'])
    assert criteria.matches(standard_record('{"a": 1}'))
    assert criteria.matches(standard_record("text"))
    assert not criteria.matches(standard_record("other text"))


def test_E12_metadata_is_filtered_by():
    attributes = {"kind.of": MessageAttribute.string("new")}
    assert passes('{"messageAttributes": {"kind.of": {"stringValue": ["new"]}}}', "b", message_attributes=attributes)
    assert not passes(
        '{"messageAttributes": {"kind.of": {"stringValue": ["old"]}}}', "b", message_attributes=attributes
    )
    assert passes('{"messageAttributes": {"other": {"stringValue": [{"exists": false}]}}}', "b")
    assert passes('{"attributes": {"ApproximateReceiveCount": ["1"]}}', "b")
    assert not passes('{"attributes": {"ApproximateReceiveCount": [1]}}', "b")
    assert FilterCriteria(['{"attributes": {"MessageGroupId": ["g"]}}']).matches(fifo_record("b", "g"))


def test_E12_metadata_and_body_have_to_match_together():
    pattern = '{"body": {"a": [1]}, "attributes": {"ApproximateReceiveCount": ["2"]}}'
    assert not passes(pattern, {"a": 1})
    assert passes(pattern, {"a": 1}, receive_count=2)


@pytest.mark.parametrize("digits", [5_000, 1_000_000])
def test_E12_number_of_any_length_is_json(digits):
    assert passes('{"body": {"a": [1]}}', '{"a": 1, "n": ' + "9" * digits + "}")


def nested(depth, opening="[", closing="]"):
    return '{"a": 1, "deep": ' + opening * (depth - 1) + "1" + closing * (depth - 1) + "}"


@pytest.mark.parametrize(("opening", "closing"), [("[", "]"), ('{"b": ', "}")])
def test_E12_body_nested_to_500_is_read_and_none_deeper(opening, closing):
    assert passes('{"body": {"a": [1]}}', nested(500, opening, closing))
    for depth in (501, 5_000, 100_000):
        assert not passes('{"body": {"a": [1]}}', nested(depth, opening, closing))
        assert not passes('{"body": [{"exists": true}]}', nested(depth, opening, closing))


def test_E12_brackets_inside_strings_nest_nothing():
    brackets = "[{" * 2000
    assert passes('{"body": {"a": [1]}}', {"a": 1, "b": brackets, '\\"' + brackets: 2})
    assert passes('{"body": {"a": [1]}}', {"a": 1, "b": [[]] * 2000})


HUGE = {
    "number": '{"a": %s}' % ("9" * 1_000_000),
    "fraction": '{"a": 0.%s1}' % ("0" * 1_000_000),
    "exponent": '{"a": 1e%s}' % ("9" * 1_000_000),
    "quotes": '"\\' * 500_000 + "[" * 600,
    "open string": '"' + '\\"' * 500_000 + "[" * 600,
    "brackets": "[" * 1_000_000,
    "pairs": "[]" * 500_000,
    "array": '{"a": [' + "1," * 200_000 + "1]}",
    "objects": '{"a": [' + '{"b": 1},' * 100_000 + "{}]}",
    "names": "{" + ",".join(f'"a.{number}": {number}' for number in range(80_000)) + "}",
    "dots": '{"' + "a." * 500_000 + '": 1}',
    "twice": "{" + '"a":1,' * 150_000 + '"a":1}',
    "text": "x" * 1_000_000,
    "surrogate": '{"a": "\\ud800"}',
}


@pytest.mark.once
@pytest.mark.parametrize("name", HUGE)
def test_E12_no_body_makes_the_filter_raise_or_hang(name):
    criteria = FilterCriteria(
        [
            '{"body": {"a": [2, {"numeric": [">", 1, "<", 2]}, {"anything-but": [1, 2]}]}}',
            '{"body": {"a": {"b": [{"exists": false}], "c": [1]}}}',
            '{"body": {"a": {"a": {"b": [7], "c": [{"exists": false}]}}}}',
            '{"body": {"$or": [{"a": {"b": [0]}}, {"a": {"c": [0]}}, {"a": [{"prefix": "x"}]}]}}',
            '{"body": [{"suffix": "z"}]}',
        ]
    )
    began_s = time.process_time()
    assert criteria.matches(standard_record(HUGE[name])) in (True, False)
    assert time.process_time() - began_s < 20
