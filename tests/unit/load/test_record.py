import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from redrive.load.reporting.record import RECORD_FILE, RunRecord, Sample, read_record


def as_written(record):
    return json.loads(json.dumps(record.as_json()))


def test_record_comes_back_as_it_was(make_record):
    record = make_record(seconds=5, not_known=("what worker 2 sent last",))
    assert RunRecord.from_json(as_written(record)) == record


def test_names_that_are_new_are_left_out_and_those_with_a_default_may_be_missing(make_record):
    value = as_written(make_record(seconds=2))
    value["later"] = 1
    del value["errors"]
    del value["samples"][0]["send_p50_ms"]
    read = RunRecord.from_json(value)
    assert read.errors == ()
    assert read.samples[0].send_p50_ms is None


@pytest.mark.parametrize(
    ("change", "says"),
    [
        ({"record_version": 2}, "a record of version 2; this redrive reads 1"),
        ({"seconds": "long"}, "seconds: not a number"),
        ({"seconds": True}, "seconds: not a number"),
        ({"seconds": float("nan")}, "seconds: not a finite number"),
        ({"seconds": 10**400}, "seconds: not a number that can be"),
        ({"batches_sent": 1.5}, "batches_sent: not a whole number"),
        ({"samples": {}}, "samples: not a list"),
        ({"samples": [{"at_s": 1, "visible": 0, "in_flight": 0}]}, r"samples\[0\].delayed: missing"),
        ({"account": None}, "account: not an object"),
        ({"histograms": {"send_batch": 3}}, "histograms.send_batch: not text"),
        ({"configuration": {"fifo": "no"}}, "configuration.fifo: not true or false"),
    ],
)
def test_what_is_no_record_is_a_value_error_on_one_line(make_record, change, says):
    with pytest.raises(ValueError, match=says) as raised:
        RunRecord.from_json({**as_written(make_record(seconds=2)), **change})
    assert "\n" not in str(raised.value)


@pytest.mark.parametrize("value", [None, [], 3, "text", {}, {"redrive": "0.1.0"}])
def test_other_json_is_no_record(value):
    with pytest.raises(ValueError, match="not a record of a load run"):
        RunRecord.from_json(value)


_JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=8,
)


@given(data=st.data())
def test_a_record_with_anything_in_a_place_is_read_or_a_value_error(make_record, data):
    value = as_written(make_record(seconds=1))
    name = data.draw(st.sampled_from(sorted(value)))
    value[name] = data.draw(_JSON)
    says = None
    try:
        read = RunRecord.from_json(value)
    except ValueError as error:
        says = str(error)
    assert RunRecord.from_json(as_written(read)) == read if says is None else says and "\n" not in says


def test_record_is_read_from_its_folder_or_its_file(make_record, tmp_path):
    record = make_record(seconds=2)
    path = tmp_path / RECORD_FILE
    path.write_text(json.dumps(record.as_json()))
    assert read_record(tmp_path) == read_record(path) == record


@pytest.mark.parametrize(
    ("content", "says"),
    [(None, "No such file"), (b"{", "Expecting property name"), (b"\xff\xfe", "decode"), (b"[" * 100_000, "recursion")],
)
def test_file_that_cannot_be_read_says_which_on_one_line(tmp_path, content, says):
    if content is not None:
        (tmp_path / RECORD_FILE).write_bytes(content)
    with pytest.raises(ValueError, match=says) as raised:
        read_record(tmp_path)
    assert str(raised.value).startswith(f"{tmp_path / RECORD_FILE}: ")
    assert "\n" not in str(raised.value)


def test_backlog_is_all_that_is_in_the_queue():
    assert Sample(at_s=1.0, visible=3, in_flight=2, delayed=1).backlog == 6
