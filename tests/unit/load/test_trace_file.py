"""Recorded traces in the forms that people have them in."""

import json

import pytest

from redrive.load.shapes.trace_file import TraceError, read_trace


@pytest.fixture
def dues(tmp_path):
    def read(text, *, batch_size=1, speed=1.0, name="trace.csv"):
        path = tmp_path / name
        path.write_text(text)
        schedule, found = read_trace(path, batch_size=batch_size, speed=speed), []
        while (due_s := schedule.due_s(len(found))) is not None:
            found.append(round(due_s, 6))
        return found

    return read


@pytest.mark.parametrize(
    "text",
    [
        "time\n10\n10.5\n12\n",
        "10\n10.5\n12\n",
        "other, Timestamp\nx, 2026-01-01T00:00:10Z\ny, 2026-01-01T00:00:10.5+00:00\nz,2026-01-01T00:00:12\n",
        "2026-01-01T02:00:10+02:00\n2026-01-01T00:00:10.500Z\n\n2026-01-01 00:00:12\n",
        '{"time": 10}\n{"time": 10.5}\n\n{"time": "12"}\n',
        "[10, 10.5, 12]",
        '[{"at": 12}, {"at": 10}, {"at": 10.5}]',
    ],
)
def test_a_time_for_each_message(dues, text):
    assert dues(text) == [0, 0.5, 2]
    assert dues(text, speed=2) == [0, 0.25, 1]


@pytest.mark.parametrize(
    "text", ["time,count\n0,0\n60,2\n120,4\n", "0,0\n60,2\n120,4\n", '{"t":60,"n":2}\n{"t":120,"n":4}']
)
def test_counts_begin_with_the_first_message(dues, text):
    assert dues(text) == [0, 30, 60, 75, 90, 105]


def test_what_an_earlier_run_sent(dues, tmp_path):
    samples = [(0, 0), (1, 0), (2, 4), (4, 8), (5, 8), (6, 8)]
    rows = [{"at_s": at_s, "sent": sent, "visible": 3} for at_s, sent in samples]
    wanted = [0, 0.25, 0.5, 0.75, 1, 1.5, 2, 2.5]
    assert dues(json.dumps({"record_version": 1, "samples": rows}), name="report.json") == wanted
    assert read_trace(tmp_path, batch_size=1).due_s(7) == 2.5
    assert dues("at_s,visible,sent\n" + "".join(f"{at_s},3,{sent}\n" for at_s, sent in samples)) == wanted


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("", "has no rows"),
        ("when\n3\n", "has no column of times: call one 'time'"),
        ("time\n1\nsoon\n", "has no time in row 2: 'soon' is neither seconds nor ISO 8601"),
        ("time\n1\nnan\n", "has no time in row 2"),
        ("time,count\n1,2\n2,many\n", "has no count of messages in row 2: 'many'"),
        ("time,count\n1,2\n2\n", "has no count of messages in row 2: None"),
        ("time,count\n1,-2\n", "has no count of messages in row 1"),
        ("time,count\n1,0\n", "has no messages"),
        ('{"time": 1}\n{"time"', "has no JSON in line 2"),
        ("at_s,sent\n0,5\n1,5\n", "has no messages"),
        ("at_s,sent\n0,5\n1,4\n", "counts backwards"),
    ],
)
def test_what_cannot_be_read_says_where(dues, tmp_path, text, says):
    with pytest.raises(TraceError) as caught:
        dues(text)
    assert says in str(caught.value)
    assert str(tmp_path) in str(caught.value)


def test_no_file_is_one_line(tmp_path):
    with pytest.raises(TraceError, match="cannot be read: No such file"):
        read_trace(tmp_path / "none.csv", batch_size=1)
