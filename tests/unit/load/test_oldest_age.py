from datetime import UTC, datetime, timedelta

import pytest

from redrive.load.observing.oldest_age import SendCurve, cloudwatch_age


def curve(*points):
    made = SendCurve()
    for at_s, sent in points:
        made.add(at_s, sent)
    return made


def test_oldest_was_sent_when_the_count_stood_at_what_has_left():
    steady = curve(*((second, second * 10) for second in range(101)))
    assert steady.age_s(0) == 0
    assert steady.age_s(10) == pytest.approx(1)
    assert steady.age_s(255) == pytest.approx(25.5)
    assert steady.age_s(1_000) == pytest.approx(100)


def test_after_the_last_message_the_age_grows_with_time():
    stopped = curve((0, 0), (10, 100), (20, 100), (30, 100))
    assert stopped.age_s(1) == pytest.approx(20.1)
    assert stopped.age_s(100) == pytest.approx(30)


def test_more_than_was_sent_is_as_old_as_the_run():
    assert curve((0, 0), (10, 100)).age_s(500) == 10
    assert curve((0, 50), (10, 150)).age_s(120) == 10  # fifty were there before: at least so old


def test_counts_that_come_late_and_nothing_at_all_do_no_harm():
    assert SendCurve().age_s(5) == 0
    assert curve((0, 0), (1, 10), (2, 8), (3, 20)).age_s(10) == pytest.approx(2)


def test_long_curve_is_thinned_out_and_still_right():
    long = curve(*((second, second * 3) for second in range(50_000)))
    assert len(long._at_s) <= 4_000
    for backlog in (3, 300, 30_000, 120_000):
        assert long.age_s(backlog) == pytest.approx(backlog / 3, rel=0.02, abs=1)


class FakeCloudWatch:
    def __init__(self, *points):
        self.points = points

    def get_metric_statistics(self, **request):
        assert request["Dimensions"] == [{"Name": "QueueName", "Value": "orders"}]
        assert request["MetricName"] == "ApproximateAgeOfOldestMessage"
        assert request["EndTime"] - request["StartTime"] == timedelta(minutes=10)
        return {"Datapoints": [{"Timestamp": at, "Maximum": value} for at, value in self.points]}


def test_cloudwatchs_latest_value_counts():
    now = datetime(2026, 1, 1, tzinfo=UTC)
    points = [(now - timedelta(minutes=minutes), value) for minutes, value in ((1, 30.0), (3, 90.0))]
    assert cloudwatch_age(FakeCloudWatch(*points), "orders", now=lambda: now) == 30.0
    assert cloudwatch_age(FakeCloudWatch(), "orders", now=lambda: now) is None
