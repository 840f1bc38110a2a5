"""E01, E02 and E04: the event source mappings that Lambda accepts."""

import pytest

from redrive.simulator import MappingConfig, SqsError, validate_mapping


def is_accepted(*, fifo=False, visibility_timeout_s=900, **mapping):
    try:
        validate_mapping(MappingConfig(**mapping), fifo=fifo, visibility_timeout_s=visibility_timeout_s)
    except SqsError:
        return False
    return True


def test_E01_refusal_is_an_invalid_parameter_value_exception():
    with pytest.raises(SqsError, match="BatchSize 11 is not from 1 to 10") as raised:
        validate_mapping(MappingConfig(batch_size=11), fifo=True, visibility_timeout_s=60)
    assert raised.value.code == "InvalidParameterValueException"


def test_E01_batch_size_is_10_by_default():
    assert MappingConfig().batch_size == 10


@pytest.mark.parametrize(("size", "accepted"), [(0, False), (1, True), (10_000, True), (10_001, False)])
def test_E01_batch_size_of_a_standard_queue_is_1_to_10000(size, accepted):
    assert is_accepted(batch_size=size, batching_window_s=1) is accepted


@pytest.mark.parametrize(("size", "accepted"), [(0, False), (1, True), (10, True), (11, False)])
def test_E01_batch_size_of_a_fifo_queue_is_1_to_10(size, accepted):
    assert is_accepted(fifo=True, batch_size=size) is accepted


@pytest.mark.parametrize(("size", "window_s", "accepted"), [(10, 0, True), (11, 0, False), (11, 1, True)])
def test_E01_batch_size_above_10_needs_a_batching_window(size, window_s, accepted):
    assert is_accepted(batch_size=size, batching_window_s=window_s) is accepted


@pytest.mark.parametrize(("window_s", "accepted"), [(-1, False), (0, True), (300, True), (301, False)])
def test_E02_batching_window_is_0_to_300_seconds(window_s, accepted):
    assert is_accepted(batching_window_s=window_s) is accepted


def test_E02_fifo_queue_has_no_batching_window():
    assert not is_accepted(fifo=True, batching_window_s=1)
    assert is_accepted(fifo=True, batching_window_s=0)


@pytest.mark.parametrize(("timeout_s", "accepted"), [(29, True), (30, True), (31, False)])
def test_E04_function_timeout_is_at_most_the_visibility_timeout(timeout_s, accepted):
    assert is_accepted(function_timeout_s=timeout_s, visibility_timeout_s=30) is accepted


@pytest.mark.parametrize(("timeout_s", "accepted"), [(0, False), (1, True), (900, True), (901, False)])
def test_E04_function_timeout_is_1_to_900_seconds(timeout_s, accepted):
    assert is_accepted(function_timeout_s=timeout_s, visibility_timeout_s=43_200) is accepted


def test_a_mapping_that_invokes_nothing_is_refused():
    assert not is_accepted(concurrent_batches=0)


def test_E12_filters_are_looked_at_as_the_mapping_is_made():
    assert not is_accepted(filters=("not json",))
    assert is_accepted(filters=('{"body": {"kind": ["order"]}}',))
