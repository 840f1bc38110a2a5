"""E12: the filter criteria that Lambda refuses, and the limits of those it takes."""

import json

import pytest

from redrive.fixtures.event_builder import standard_record
from redrive.simulator.errors import SqsError
from redrive.simulator.filters import FilterCriteria


def text(value):
    return value if isinstance(value, str) else json.dumps(value)


REFUSED = [
    ("", "Filters[0]: is not JSON (Expecting value: line 1 column 1 (char 0))"),
    ("null", "Filters[0]: is not an object"),
    ("simple string", "Filters[0]: is not JSON (Expecting value: line 1 column 1 (char 0))"),
    ('"body"', "Filters[0]: is not an object"),
    ('[{"body": ["a"]}]', "Filters[0]: is not an object"),
    ('{"body": [NaN]}', "Filters[0]: is not JSON (NaN is not JSON)"),
    ("{'body': ['a']}", "Filters[0]: is not JSON (Expecting property name enclosed in double quotes: line 1"),
    ("{}", "Filters[0]: an object has no fields"),
    ({"body": {}}, "Filters[0].body: an object has no fields"),
    ({"body": {"a": {"b": {}}}}, "Filters[0].body.a.b: an object has no fields"),
    ({"eventSource": "aws:sqs"}, "Filters[0].eventSource: is neither an array nor an object"),
    ({"body": {"a": 1}}, "Filters[0].body.a: is neither an array nor an object"),
    ({"body": {"a": None}}, "Filters[0].body.a: is neither an array nor an object"),
    ({"eventSource": []}, "Filters[0].eventSource: an empty array"),
    ({"body": {"a": [1, []]}}, "Filters[0].body.a[1]: is not a string, a number, true, false, null or an operator"),
    ({"body": {"a": [{}]}}, "Filters[0].body.a[0]: has 0 operators, not one"),
    ({"body": {"a": [{"prefix": "x", "suffix": "y"}]}}, "Filters[0].body.a[0]: has 2 operators, not one"),
    ({"body": {"a": [{"exists": False, "prefix": "y"}]}}, "Filters[0].body.a[0]: has 2 operators, not one"),
    ({"body": {"a": [{"equals": "x"}]}}, "Filters[0].body.a[0]: equals is not an operator of filter criteria"),
    ({"body": {"a": [{"PREFIX": "x"}]}}, "Filters[0].body.a[0]: PREFIX is not an operator"),
    ({"body": {"a": [{"wildcard": "x*"}]}}, "Filters[0].body.a[0]: wildcard is not an operator"),
    ({"body": {"a": [{"\n": "x"}]}}, r"Filters[0].body.a[0]: '\n' is not an operator"),
    ({"body": {"a\nb": 1}}, r"Filters[0].body.'a\nb': is neither an array nor an object"),
    ({"body": {"a": [{"prefix": 1}]}}, "Filters[0].body.a[0].prefix: is not a string"),
    ({"body": {"a": [{"prefix": None}]}}, "Filters[0].body.a[0].prefix: is not a string"),
    ({"body": {"a": [{"prefix": {"equals-ignore-case": "x"}}]}}, "Filters[0].body.a[0].prefix: is not a string"),
    ({"body": {"a": [{"suffix": ["x"]}]}}, "Filters[0].body.a[0].suffix: is not a string"),
    ({"body": {"a": [{"equals-ignore-case": ["x"]}]}}, "Filters[0].body.a[0].equals-ignore-case: is not a string"),
    ({"body": {"a": [{"exists": "true"}]}}, "Filters[0].body.a[0].exists: is neither true nor false"),
    ({"body": {"a": [{"exists": 0}]}}, "Filters[0].body.a[0].exists: is neither true nor false"),
    ({"body": {"a": [{"exists": 1}]}}, "Filters[0].body.a[0].exists: is neither true nor false"),
    ({"body": {"a": [{"exists": None}]}}, "Filters[0].body.a[0].exists: is neither true nor false"),
    ({"body": {"a": {"exists": True}}}, "Filters[0].body.a.exists: is neither an array nor an object"),
    ({"body": {"a": [{"cidr": "10.0.0.0"}]}}, "Filters[0].body.a[0].cidr: is not an address, a slash and a number"),
    ({"body": {"a": [{"cidr": "10.0.0.0/255.0.0.0"}]}}, "Filters[0].body.a[0].cidr: is not an address, a slash"),
    ({"body": {"a": [{"cidr": "10.0.0.0/33"}]}}, "Filters[0].body.a[0].cidr: '10.0.0.0/33' does not appear to be"),
    ({"body": {"a": [{"cidr": 8}]}}, "Filters[0].body.a[0].cidr: is not a string"),
    ({"$or": {"body": ["a"]}}, "Filters[0].$or: is not an array of at least two objects"),
    ({"body": {"$or": [{"a": [1]}]}}, "Filters[0].body.$or: is not an array of at least two objects"),
    ({"$or": [{"body": ["a"]}, "b"]}, "Filters[0].$or[1]: is not an object"),
    ({"$or": [{"body": ["a"]}, {}]}, "Filters[0].$or[1]: an object has no fields"),
    (
        {"$or": [{"body": ["a"]}, {"prefix": ["a"]}]},
        "Filters[0].$or[1].prefix: prefix is an operator, in $or there are",
    ),
    ({"$or": [{"a": ["a"]}, {"b": {"$or": []}}]}, "Filters[0].$or[1].b.$or: is not an array of at least two objects"),
]


def refusal(*patterns, **options):
    with pytest.raises(SqsError) as raised:
        FilterCriteria([text(pattern) for pattern in patterns], **options)
    assert raised.value.code == "InvalidParameterValueException"
    assert "\n" not in raised.value.message
    return raised.value.message


@pytest.mark.parametrize(("pattern", "why"), REFUSED, ids=str)
def test_E12_pattern_that_lambda_refuses(pattern, why):
    assert refusal(pattern).startswith(f"Invalid filter pattern definition. {why}")


ANYTHING_BUT_REFUSED = [None, True, [], [None], [True], ["a", 1], [["a"]], {"prefix": "a"}, {"wildcard": "*"}, [{}]]
NUMERIC_REFUSED = [
    *(5, None, {}, [], ["="], [5], [">", 0, "<"], [">", "0"], [">", None], [">", True], [5, "="]),
    *(["==", 5], ["!=", 5], [None, 5], [["="], 5], ["=", 1, "=", 1], [">", 0, ">", 1], ["<", 5, ">", 1]),
    *(["<", 1, "<", 5], ["=", 1, "<", 2], [">", 5, "<", 5], [">", 5, "<", 1], [">", 0, "<", 5, "<", 6]),
    *([">", 5_000_000_001], ["<", -5_000_000_001], ["=", 1e300], ["=", 0.0000001], [">", 0, "<", 5e10]),
]


@pytest.mark.parametrize("operand", [*ANYTHING_BUT_REFUSED, 5_000_000_001, [1, 1e-7]], ids=str)
def test_E12_anything_but_takes_strings_or_numbers(operand):
    message = refusal({"body": {"a": [{"anything-but": operand}]}})
    assert message.startswith("Invalid filter pattern definition. Filters[0].body.a[0].anything-but: ")


@pytest.mark.parametrize("operand", NUMERIC_REFUSED, ids=str)
def test_E12_numeric_takes_one_comparison_or_a_range(operand):
    message = refusal({"body": {"a": [{"numeric": operand}]}})
    assert message.startswith("Invalid filter pattern definition. Filters[0].body.a[0].numeric: ")


@pytest.mark.parametrize("limit", [5_000_000_000, -5_000_000_000, 0.000001])
def test_E12_numeric_takes_its_limits(limit):
    criteria = FilterCriteria([text({"body": {"a": [{"numeric": ["=", limit]}]}})])
    assert criteria.matches(standard_record(text({"a": limit})))


def test_E12_filters_are_at_most_five():
    pattern = '{"body": ["a"]}'
    assert FilterCriteria([pattern] * 5).matches(standard_record("a"))
    assert refusal(*[pattern] * 6) == "Invalid filter criteria. 6 filters, 5 are the most"


def test_E12_filters_are_at_most_ten_with_a_raised_quota():
    pattern = '{"body": ["a"]}'
    assert FilterCriteria([pattern] * 10, filters_max=10).matches(standard_record("a"))
    assert refusal(*[pattern] * 11, filters_max=50) == "Invalid filter criteria. 11 filters, 10 are the most"


def test_E12_message_says_which_filter():
    assert refusal({"body": ["a"]}, {"body": [[]]}).startswith(
        "Invalid filter pattern definition. Filters[1].body[0]: "
    )


def test_E12_pattern_has_at_most_4096_characters():
    longest = '{"body": ["' + "é" * (4096 - 14) + '"]}'
    assert len(longest) == 4096
    assert FilterCriteria([longest])
    assert refusal(longest + " ").endswith("Filters[0]: has 4097 characters, 4096 are the most")


def test_E12_or_makes_at_most_1000_combinations():
    ten = {"$or": [{"a": [number]} for number in range(10)]}
    hundred = {"x": ten, "y": ten}
    assert FilterCriteria([text({"body": {"z": ten, **hundred}})])
    eleven = {"$or": [*ten["$or"], {"b": [1]}]}
    assert refusal({"body": {"z": eleven, **hundred}}).endswith("$or makes 1100 combinations, 1000 are the most")
    sums = {"$or": [{"x": ten, "y": ten, "z": ten}, {"w": [1]}]}
    assert refusal({"body": sums}).endswith("$or makes 1001 combinations, 1000 are the most")


@pytest.mark.parametrize("pattern", ['{"a":' * 600 + "[1]" + "}" * 600, '{"a":' * 819, "[" * 4096])
def test_E12_pattern_that_is_nested_too_deep_is_refused(pattern):
    assert refusal(pattern).endswith("Filters[0]: is nested deeper than 100")


def test_E12_pattern_with_too_many_dots_is_refused():
    assert refusal({"a." * 1500: ["x"]}).endswith(": is nested deeper than 100")
