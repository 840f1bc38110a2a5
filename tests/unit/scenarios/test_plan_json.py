"""Plans as JSON: whatever a plan holds comes back as it was, and what is no plan is refused with the place where."""

import dataclasses
import json
import types
import typing

import pytest
from hypothesis import given
from hypothesis import strategies as st

from redrive.fixtures.event_builder import MessageAttribute
from redrive.fixtures.faults import CrashAt, DependencyDown, DuplicateDelivery, Fault, Moment
from redrive.scenarios import InputError
from redrive.scenarios.plan import Kind, Plan, PlannedMessage
from redrive.scenarios.plan_json import plan_as_json, plan_from_json

TEXTS = st.text(max_size=8)  # half surrogate pairs among them
FAULTS = typing.get_args(Fault)

ATTRIBUTES = st.one_of(
    TEXTS.map(MessageAttribute.string),
    st.integers().map(MessageAttribute.number),
    st.binary(max_size=8).map(MessageAttribute.binary),
)


def values(hint):
    """Any value of a field's type. What a plan gets tomorrow is tested without a line here."""
    if hint is MessageAttribute:
        return ATTRIBUTES
    if hint is str:
        return TEXTS
    origin, arguments = typing.get_origin(hint), typing.get_args(hint)
    if origin in (typing.Union, types.UnionType):
        return st.one_of([values(each) for each in arguments])
    if origin is tuple and arguments[1:] == (Ellipsis,):
        return st.lists(values(arguments[0]), max_size=4).map(tuple)
    if origin is tuple:
        return st.tuples(*map(values, arguments))
    if dataclasses.is_dataclass(hint):
        hints = typing.get_type_hints(hint)
        return st.builds(hint, **{field.name: values(hints[field.name]) for field in dataclasses.fields(hint)})
    return st.from_type(hint)


@given(plan=values(Plan))
def test_a_plan_comes_back_as_it_was(plan):
    text = json.dumps(plan_as_json(plan))
    again = plan_from_json(json.loads(text))
    assert again == plan
    assert repr(again) == repr(plan)  # equal is not enough: 1 is equal to True


@pytest.mark.parametrize("kind", FAULTS)
def test_each_fault_comes_back_as_itself(kind):
    @given(fault=values(kind))
    def check(fault):
        plan = Plan(messages=(), faults=(fault,))
        (again,) = plan_from_json(json.loads(json.dumps(plan_as_json(plan)))).faults
        assert (type(again), again) == (kind, fault)

    check()


def test_what_is_written_can_be_read_by_people():
    plan = Plan(
        messages=(PlannedMessage(key="key-1", body="{}", kind=Kind.POISON),),
        faults=(CrashAt(invocation=0, call=2, moment=Moment.BEFORE), DependencyDown(invocation=1)),
        fifo=True,
    )
    written = plan_as_json(plan)
    assert written["faults"] == [
        {"type": "CrashAt", "invocation": 0, "call": 2, "moment": "before"},
        {"type": "DependencyDown", "invocation": 1, "call": 1, "calls": None},
    ]
    (message,) = written["messages"]
    assert (message["key"], message["body"], message["kind"]) == ("key-1", "{}", "poison")
    assert written["fifo"] is True


def test_what_is_left_out_has_its_default():
    plan = plan_from_json({"messages": [{"key": "a", "body": "b"}], "faults": [{"type": "CrashAt", "invocation": 3}]})
    assert plan == Plan(messages=(PlannedMessage(key="a", body="b"),), faults=(CrashAt(invocation=3),))


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"messages": None}, "plan.messages: null does not belong here"),
        ({"messages": [{"key": "a"}]}, "plan.messages[0]: "),
        ({"messages": [{"key": "a", "body": {"secret": 1}}]}, "plan.messages[0].body: an object does not belong here"),
        ({"messages": [{"key": "a", "body": "b", "kind": "odd"}]}, "plan.messages[0].kind: a text does not"),
        ({"messages": ["secret"]}, "plan.messages[0]: a text does not belong here"),
        ({"faults": [{"type": "Flood"}]}, "plan.faults[0]: there is no type 'Flood' here; there are: "),
        ({"faults": [{"invocation": 0}]}, "plan.faults[0]: there is no type None here"),
        ({"faults": [{"type": "CrashAt"}]}, "plan.faults[0]: "),
        ({"faults": [{"type": "CrashAt", "invocation": "0"}]}, "plan.faults[0].invocation: a text does not belong"),
        ({"faults": [{"type": "CrashAt", "invocation": True}]}, "plan.faults[0].invocation: True does not belong"),
        ({"fifo": 1}, "plan.fifo: 1 does not belong here"),
        ({"batch_size": 2.5}, "plan.batch_size: 2.5 does not belong here"),
        ({"tomorrow": 1}, "plan: Plan has no 'tomorrow'; it is of another version of redrive"),
    ],
)  # fmt: skip
def test_what_is_no_plan_is_refused_with_its_place(change, said):
    written = {**plan_as_json(Plan(messages=(), faults=(DuplicateDelivery(message=0),))), **change}
    with pytest.raises(InputError) as refused:
        plan_from_json(written)
    assert str(refused.value).startswith(said)
    assert "secret" not in str(refused.value)


@pytest.mark.parametrize("written", [None, [], "plan", 7])
def test_what_is_no_object_is_no_plan(written):
    with pytest.raises(InputError, match=r"^plan: .+ does not belong here$"):
        plan_from_json(written)


@pytest.mark.parametrize("value", [{"base64": "?"}, {"base64": 7}, {"base64": "YQ==", "more": 1}, "YQ=="])
def test_bytes_that_are_none(value):
    attribute = ["name", {"data_type": "Binary", "binary_value": value}]
    with pytest.raises(InputError, match=r"^plan\.messages\[0\]\.message_attributes\[0\]\[1\]\.binary_value: "):
        plan_from_json({"messages": [{"key": "a", "body": "b", "message_attributes": [attribute]}]})
