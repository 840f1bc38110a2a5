"""Reading a log again and again: pages, empty ones too, and lines that come late."""

from redrive.scenarios.environments.aws_log import FunctionLog


class Logs:
    """CloudWatch Logs with the pages that it is given, which records what it was asked."""

    def __init__(self, *readings) -> None:
        self.pages = [page for reading in readings for page in reading]
        self.asked = []

    def filter_log_events(self, **arguments):
        self.asked.append(arguments)
        return self.pages.pop(0)


def event(event_id, at_ms):
    return {"eventId": event_id, "timestamp": at_ms, "message": f"line {event_id}"}


def page(*events, token=None):
    return {"events": list(events), **({} if token is None else {"nextToken": token})}


def test_all_pages_are_read_also_behind_an_empty_one():
    logs = Logs([page(event("a", 10), token="1"), page(token="2"), page(event("b", 20))])
    lines = FunctionLog(logs, "group", since_ms=5).read()
    assert [line.message for line in lines] == ["line a", "line b"]
    assert logs.asked == [
        {"logGroupName": "group", "startTime": 5},
        {"logGroupName": "group", "startTime": 5, "nextToken": "1"},
        {"logGroupName": "group", "startTime": 5, "nextToken": "2"},
    ]


def test_a_line_that_comes_late_is_seen_and_none_twice():
    newest_ms = 500_000
    logs = Logs([page(event("b", newest_ms))], [page(event("a", newest_ms - 100_000), event("b", newest_ms))])
    log = FunctionLog(logs, "group", since_ms=0)
    assert [line.message for line in log.read()] == ["line b"]
    assert sorted(line.message for line in log.read()) == ["line a", "line b"]
    assert logs.asked[1]["startTime"] == newest_ms - 120_000


def test_a_reading_begins_no_earlier_than_the_verification():
    logs = Logs([page(event("a", 1_000))], [page()])
    log = FunctionLog(logs, "group", since_ms=900)
    log.read()
    log.read()
    assert [asked["startTime"] for asked in logs.asked] == [900, 900]


def test_pages_without_end_have_one():
    class Endless:
        calls = 0

        def filter_log_events(self, **_):
            self.calls += 1
            return page(token="again")

    logs = Endless()
    assert FunctionLog(logs, "group", since_ms=0).read() == ()
    assert logs.calls == 1_000
