import csv

from redrive.load.observing.raw_samples import RawSamples


def test_each_request_is_a_line_of_a_file_of_its_process(tmp_path):
    samples = RawSamples(tmp_path / "raw", run="0f0f0f0f", process="1")
    request = {"at_s": 12.3456, "request_type": "SQS", "name": "send_batch", "length": 7}
    samples.add(**request, response_time_ms=1.25, error=None)
    samples.add(**request, response_time_ms=None, error=ValueError("secret, with a comma"))
    samples.flush()
    assert samples.path.name == "0f0f0f0f-1.csv"
    with samples.path.open(newline="") as lines:
        first, second = csv.DictReader(lines)
    assert first == {
        "at_s": "12.346",
        "type": "SQS",
        "name": "send_batch",
        "response_time_ms": "1.25",
        "length": "7",
        "error": "",
    }
    assert (second["response_time_ms"], second["error"]) == ("", "ValueError")
    samples.close()
    samples.add(**request, response_time_ms=1.0, error=None)
    samples.flush()
    assert len(samples.path.read_text().splitlines()) == 3
