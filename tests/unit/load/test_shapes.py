"""How shapes are written, and what is said of those that are not."""

import pytest

from redrive.load.shapes.written_shapes import EXAMPLES, ShapeError, ShapeKind, read_shape, shape_text


def dues(text, rate=None, *, batch_size=10, most=200):
    schedule = read_shape(text, rate).schedule(batch_size=batch_size)
    found = []
    while len(found) < most and (due_s := schedule.due_s(len(found))) is not None:
        found.append(due_s)
    return found


def test_nothing_is_no_shape_and_a_rate_alone_a_constant_one():
    assert read_shape(None) is None
    assert read_shape("") is None
    assert read_shape(None, 100).kind is ShapeKind.CONSTANT
    assert dues("", 100)[:4] == [0, 0.1, 0.2, 0.3]
    assert read_shape(None, 100).schedule(batch_size=10).seconds is None


@pytest.mark.parametrize(
    ("text", "slots", "seconds"),
    [
        ("constant:100/2s", 20, 2),
        ("constant: 100 / 2", 20, 2),
        ("ramp:0-20/10s", 10, 10),
        ("ramp:20-0/10s", 10, 10),
        ("step:10,20,30/10s", 60, 30),
        ("spike:10+90@5s/2s", 30, 12),
        ("soak:1/100s", 10, 100),
        ("soak:0.5", 180, 3600),
        ("SOAK:0.01/1h30m", 6, 5400),
        ("drain:95", 10, 0),
    ],
)
def test_shapes_as_they_are_written(text, slots, seconds):
    shape = read_shape(text)
    assert shape.kind == text.partition(":")[0].lower()
    found = dues(text)
    assert len(found) == slots
    assert shape.schedule(batch_size=10).seconds == seconds


@pytest.mark.parametrize("kind", list(ShapeKind))
def test_each_example_can_be_read(kind):
    said = EXAMPLES[kind].rpartition("as in ")[2].partition(" ")[0]
    assert read_shape(said).kind is kind
    assert shape_text(said) == said


def test_the_rate_of_a_shape_may_stand_beside_it():
    assert read_shape("constant", 50).pieces == read_shape("constant:50").pieces
    assert read_shape("soak:/4h", 50).pieces == read_shape("soak:50/4h").pieces
    assert read_shape("capacity", 50).capacity == read_shape("capacity:50").capacity
    assert shape_text("soak:/4h") == "soak:/4h"
    for text in ("ramp:1-2/3s", "constant:10", "drain:5", "trace:x.csv"):
        with pytest.raises(ShapeError, match="leave out --rate"):
            read_shape(text, 50)


def test_capacity_has_defaults_for_all_that_is_left_out():
    plan = read_shape("capacity").capacity
    assert (plan.start_rate, plan.most_rate, plan.precision) == (20, None, 0.1)
    plan = read_shape("capacity:50-5000/5%").capacity
    assert (plan.start_rate, plan.most_rate, plan.precision) == (50, 5000, 0.05)
    assert read_shape("capacity:/20%").capacity.precision == 0.2


def test_trace_may_have_a_star_in_its_name():
    shape = read_shape("trace:a*b.csv*2.5")
    assert (str(shape.trace), shape.speed) == ("a*b.csv", 2.5)
    shape = read_shape("trace:a b.csv")
    assert (str(shape.trace), shape.speed) == ("a b.csv", 1)


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("rampp:1-2/3s", "there is no shape 'rampp'; there are: constant, ramp,"),
        ("ramp:1-2", "write ramp:FROM-TO/TIME, as in ramp:10-200/120s"),
        ("ramp:-1-2/3s", "write ramp:"),
        ("ramp:0-0/3s", "the rates are 0"),
        ("ramp:1-2/0s", "it takes no time"),
        ("step:/60s", "write step:"),
        ("step:0,0/60s", "the rates are 0"),
        ("spike:50+0@30s/10s", "the rate is 0"),
        ("constant", "write constant:RATE"),
        ("constant:1e12", "at most"),
        ("constant:1/1h30", "'1h30' is no time"),
        ("constant:1/", "write constant:RATE"),
        (f"constant:1/{'1' * 60}x", "write constant:RATE"),
        ("constant:1e999999999", "write constant:RATE"),
        ("drain:", "write drain:MESSAGES"),
        ("drain:0", "nothing to drain"),
        ("trace:", "write trace:FILE"),
        ("trace:f*0", "the speed is 0"),
        ("capacity:10-5", "the highest rate is below"),
        ("capacity:10/500%", "from 1% to 100%"),
    ],
)
def test_what_is_not_written_so_is_told_how_it_is(text, says):
    with pytest.raises(ShapeError) as caught:
        read_shape(text)
    assert says in str(caught.value)
    assert "\n" not in str(caught.value)
