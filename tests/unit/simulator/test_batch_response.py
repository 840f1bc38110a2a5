"""E05 to E09: how the mapping reads a function's response."""

import json

import pytest

from redrive.simulator import BatchVerdict, read_batch_response

BATCH = ["id-1", "id-2", "id-3"]
DOCUMENTED_SUCCESS = ["null", "", " \n", "{}", '{"batchItemFailures": null}', '{"batchItemFailures": []}']
NOT_JSON = ["not json", "{", "{'batchItemFailures': []}", '{"batchItemFailures": [],}', "OK"]
BAD_ITEMS = [
    {"foo": "id-1"},
    {"ItemIdentifier": "id-1"},
    {"itemIdentifier": None},
    {"itemIdentifier": ""},
    {"itemIdentifier": 1},
    {"itemIdentifier": ["id-1"]},
    {},
    "id-1",
    None,
    ["id-1"],
]


def read(response, **options):
    return read_batch_response(response if isinstance(response, str) else json.dumps(response), BATCH, **options)


def failures(*identifiers):
    return {"batchItemFailures": [{"itemIdentifier": identifier} for identifier in identifiers]}


@pytest.mark.parametrize("payload", DOCUMENTED_SUCCESS)
def test_E05_documented_responses_are_success_of_the_whole_batch(payload):
    result = read(payload)
    assert (result.verdict, result.failed, result.problem) == (BatchVerdict.SUCCESS, frozenset(), None)


def test_E05_no_response_at_all_is_success_of_the_whole_batch():
    assert read_batch_response(None, BATCH).verdict is BatchVerdict.SUCCESS


@pytest.mark.parametrize("response", [{"statusCode": 200}, {"BatchItemFailures": [{"itemIdentifier": "id-1"}]}])
def test_E05_object_without_the_key_is_success_and_a_problem(response):
    result = read(response)
    assert (result.verdict, result.failed) == (BatchVerdict.SUCCESS, frozenset())
    assert result.problem is not None


@pytest.mark.parametrize("payload", NOT_JSON)
def test_E06_response_that_is_not_json_fails_the_batch(payload):
    result = read(payload)
    assert (result.verdict, result.failed) == (BatchVerdict.FAILURE, set(BATCH))
    assert result.problem is not None


@pytest.mark.parametrize("constant", ["NaN", "Infinity", "-Infinity"])
def test_E06_numbers_that_only_python_takes_for_json_fail_the_batch(constant):
    assert read(f'{{"batchItemFailures": [], "took_s": {constant}}}').verdict is BatchVerdict.FAILURE


def test_E06_response_nested_too_deep_to_read_fails_the_batch():
    assert read("[" * 100_000).verdict is BatchVerdict.FAILURE


@pytest.mark.parametrize("item", BAD_ITEMS)
def test_E06_item_without_an_item_identifier_fails_the_batch(item):
    result = read({"batchItemFailures": [item]})
    assert (result.verdict, result.failed) == (BatchVerdict.FAILURE, set(BATCH))


@pytest.mark.parametrize("item", BAD_ITEMS)
def test_E06_one_bad_item_behind_good_ones_fails_the_batch(item):
    response = failures("id-1", "id-2")
    response["batchItemFailures"].append(item)
    assert read(response).verdict is BatchVerdict.FAILURE


@pytest.mark.parametrize("response", [[], "", "ok", 0, 1.5, True, False])
def test_E06_response_that_is_no_object_fails_the_batch(response):
    assert read(json.dumps(response)).verdict is BatchVerdict.FAILURE


@pytest.mark.parametrize("identifier", ["id-4", "id-1 ", "ID-1", "id"])
def test_E07_unknown_item_identifier_fails_the_batch(identifier):
    result = read(failures("id-1", identifier))
    assert (result.verdict, result.failed) == (BatchVerdict.FAILURE, set(BATCH))
    assert result.problem is not None


@pytest.mark.parametrize("response", [*NOT_JSON, failures("id-1"), failures("unknown"), {"batchItemFailures": 1}])
def test_E08_without_report_batch_item_failures_the_response_is_ignored(response):
    result = read(response, report_batch_item_failures=False)
    assert (result.verdict, result.failed, result.problem) == (BatchVerdict.SUCCESS, frozenset(), None)


@pytest.mark.parametrize("items", [{}, "", "id-1", 0, False, {"itemIdentifier": "id-1"}])
def test_E09_batch_item_failures_that_is_no_list_fails_the_batch(items):
    result = read({"batchItemFailures": items})
    assert (result.verdict, result.failed) == (BatchVerdict.FAILURE, set(BATCH))


def test_E10_reported_messages_fail_and_the_others_succeed():
    result = read(failures("id-3", "id-1", "id-3"))
    assert (result.verdict, result.failed, result.problem) == (BatchVerdict.PARTIAL, {"id-1", "id-3"}, None)


def test_E10_all_messages_may_be_reported():
    assert read(failures(*BATCH)).failed == set(BATCH)


def test_E10_other_keys_of_response_and_items_are_ignored():
    response = {"batchItemFailures": [{"itemIdentifier": "id-2", "reason": "late"}], "statusCode": 500}
    assert read(response).failed == {"id-2"}
