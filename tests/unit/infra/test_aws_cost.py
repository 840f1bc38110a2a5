"""Estimates: what is counted, and that prices have a source and a date."""

import re

import pytest

from redrive.infra.aws_cost import Estimate, Work, estimate
from redrive.infra.aws_prices import PRICES


def counts(**work) -> dict[str, float]:
    return {cost.item: cost.count for cost in estimate(Work(**work)).costs}


def test_each_price_has_a_source_and_a_month():
    for price in PRICES.values():
        assert price.source.startswith("https://aws.amazon.com/")
        assert re.fullmatch(r"20\d\d-(0[1-9]|1[0-2])", price.as_of)
        assert price.usd > 0


def test_a_price_is_for_so_many():
    assert PRICES["sqs-requests"].of(2_500_000) == pytest.approx(1.0)
    assert PRICES["lambda-gb-seconds-arm64"].of(3) == pytest.approx(0.0000400002)


def test_an_estimate_counts_sends_receives_deletions_waiting_and_looks():
    found = counts(messages=100, deliveries=300, seconds=200.0)
    # 100 sends, 300 receives with what follows them, 10 long polls by each of 5 pollers, 100 looks at 2 queues.
    assert found["sqs-requests"] == 100 + 600 + 50 + 200
    assert found["lambda-requests"] == 300
    assert found["lambda-gb-seconds-arm64"] == 300 * 256 / 1024


def test_large_bodies_are_several_requests():
    small = counts(messages=100, deliveries=0, seconds=0.0, body_kb=64)
    large = counts(messages=100, deliveries=0, seconds=0.0, body_kb=1024)
    assert (small["sqs-requests"], large["sqs-requests"]) == (100, 1600)


def test_fifo_and_architecture_have_prices_of_their_own():
    found = counts(messages=1, deliveries=1, seconds=1.0, fifo=True, architecture="x86_64")
    assert {"sqs-fifo-requests", "lambda-gb-seconds-x86_64"} <= set(found)
    assert not {"sqs-requests", "lambda-gb-seconds-arm64"} & set(found)


def test_where_nothing_is_created_there_is_no_zip_and_no_alarm():
    assert {"s3-writes", "alarm-months"} <= set(counts(messages=1, deliveries=1, seconds=1.0))
    assert not {"s3-writes", "alarm-months"} & set(counts(messages=1, deliveries=1, seconds=1.0, creates=False))


def test_two_estimates_together():
    one = estimate(Work(messages=10, deliveries=30, seconds=60.0))
    other = estimate(Work(messages=5, deliveries=15, seconds=60.0, fifo=True))
    both = one + other
    assert both.usd == pytest.approx(one.usd + other.usd)
    together = {cost.item: cost.count for cost in both.costs}
    assert together["lambda-requests"] == 45
    assert (Estimate(costs=()) + one).costs == one.costs


def test_the_lines_say_the_sum_and_how_old_the_prices_are():
    lines = estimate(Work(messages=10, deliveries=30, seconds=60.0)).lines()
    assert re.fullmatch(
        r"about \$\d+\.\d{4}, by the prices of 20\d\d-\d\d to 20\d\d-\d\d for us-east-1 without a free tier", lines[-1]
    )
    assert any(line.startswith("lambda-requests ") and "30.000 requests" in line for line in lines)
