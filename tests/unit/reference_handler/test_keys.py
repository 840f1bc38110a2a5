import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from redrive.reference_handler.event import MalformedRecord, MessageAttribute, Record
from redrive.reference_handler.keys import KEY_BYTES_MAX, KeySource, parse_pointer

ORDER = KeySource(pointer=("order", "id"))


def record(body="", **attributes):
    return Record(message_id="message-1", body=body, message_attributes=attributes)


def text(value):
    return MessageAttribute(data_type="String", string_value=value)


def test_with_nothing_configured_the_key_is_the_message_id():
    assert KeySource().key_of(record('{"order": {"id": "A-1"}}')) == "message-1"


@pytest.mark.parametrize(
    ("value", "key"),
    [
        ('"A-1"', "A-1"),
        ('"\\u0041-1"', "A-1"),
        ('"\\ud83d\\ude00"', "\U0001f600"),
        ('" "', " "),
        ("17", "17"),
        ("-17", "-17"),
        ("0", "0"),
        ("-0", "0"),
        ("9" * 2000, "9" * 2000),
    ],
)
def test_strings_and_integers_are_keys(value, key):
    assert ORDER.key_of(record(f'{{"order": {{"id": {value}}}}}')) == key


@pytest.mark.parametrize(
    "body",
    [
        "",
        "{not json",
        "null",
        "17",
        '"order"',
        "[]",
        "{}",
        '{"order": null}',
        '{"order": "id"}',
        '{"order": {}}',
        '{"order": {"id": ""}}',
        '{"order": {"id": null}}',
        '{"order": {"id": true}}',
        '{"order": {"id": 1.0}}',
        '{"order": {"id": 1e3}}',
        '{"order": {"id": {}}}',
        '{"order": {"id": ["A-1"]}}',
        '{"order": {"id": NaN}}',
        '{"order": {"id": "A-1"}, "x": NaN}',
        '{"order": {"id": "A-1"}, "x": -Infinity}',
        '{"order": {"id": "A-1"}} trailing',
        '\ufeff{"order": {"id": "A-1"}}',
        '{"order": {"id": "A-1", "id": "A-2"}}',
        '{"order": {"id": "A-1"}, "order": {"id": "A-1"}}',
        '{"order": {"id": "\\ud800"}}',
        '{"order": {"id": ' + "9" * 4301 + "}}",
        '{"order": {"id": ' + "9" * 1_000_000 + "}}",
        '{"order": {"id": "' + "x" * (KEY_BYTES_MAX + 1) + '"}}',
        '{"order": {"id": "' + "ż" * (KEY_BYTES_MAX // 2 + 1) + '"}}',
        "[" * 500_000,
        '{"order": ' * 100_000 + "{}" + "}" * 100_000,
        '{"order": {"id": "A-1"}, "deep": ' + "[" * 100_000 + "]" * 100_000 + "}",
    ],
    ids=lambda body: body[:40],
)
def test_a_body_without_a_key_is_malformed_and_never_falls_back_to_the_message_id(body):
    with pytest.raises(MalformedRecord) as caught:
        ORDER.key_of(record(body))
    assert "A-1" not in str(caught.value)


def test_a_key_may_be_as_long_as_dynamodb_takes():
    key = "ż" * (KEY_BYTES_MAX // 2)
    assert ORDER.key_of(record(json.dumps({"order": {"id": key}}))) == key


def test_what_is_odd_elsewhere_in_the_body_does_not_matter():
    body = '{"order": {"id": "A-1", "x": 1, "x": 2}, "n": ' + "9" * 5000 + ', "s": "\\ud800", "f": 1e999}'
    assert ORDER.key_of(record(body)) == "A-1"


def test_a_hostile_number_of_doubled_names_is_quick_to_read():
    names = ", ".join(f'"{n}": 1, "{n}": 2' for n in range(20_000))
    assert KeySource(pointer=("id",)).key_of(record(f'{{"id": "A-1", {names}}}')) == "A-1"


@pytest.mark.parametrize(
    ("pointer", "key"),
    [
        ("/a~1b", "slash"),
        ("/m~0n", "tilde"),
        ("/~01", "tilde one"),
        ("/", "empty"),
        ("/list/0", "first"),
        ("/list/1/0", "nested"),
        ("/0", "zero"),
        ("/ ", "space"),
    ],
)
def test_pointers_are_read_as_rfc_6901_says(pointer, key):
    document = {
        "a/b": "slash",
        "m~n": "tilde",
        "~1": "tilde one",
        "": "empty",
        "list": ["first", ["nested"]],
        "0": "zero",
        " ": "space",
    }
    assert KeySource(pointer=parse_pointer(pointer)).key_of(record(json.dumps(document))) == key


@pytest.mark.parametrize("index", ["-", "-1", "01", "2", "1e0", "\u0660", "9" * 5000, ""])
def test_what_is_no_index_of_the_array_finds_nothing(index):
    with pytest.raises(MalformedRecord):
        KeySource(pointer=("list", index)).key_of(record('{"list": ["a", "b"]}'))


@pytest.mark.parametrize("pointer", ["", "a", "a/b", "/~", "/~2", "/a~/b", "#/a"])
def test_what_is_no_pointer_is_refused(pointer):
    with pytest.raises(ValueError, match="JSON pointer"):
        parse_pointer(pointer)


class TestAttribute:
    source = KeySource(attribute="order-id")
    both = KeySource(pointer=("id",), attribute="order-id")

    def test_the_attribute_is_taken_as_it_was_sent(self):
        assert self.source.key_of(record(**{"order-id": text("A-1")})) == "A-1"
        number = MessageAttribute(data_type="Number.id", string_value="1.50")
        assert self.source.key_of(record(**{"order-id": number})) == "1.50"

    def test_the_body_comes_first(self):
        assert self.both.key_of(record('{"id": "body"}', **{"order-id": text("attribute")})) == "body"

    @pytest.mark.parametrize("body", ["no json", "{}", '{"id": ""}', '{"id": 1.5}', '{"id": "a", "id": "b"}'])
    def test_the_attribute_is_next(self, body):
        assert self.both.key_of(record(body, **{"order-id": text("A-1")})) == "A-1"

    def test_a_body_too_deep_to_read_has_no_key_at_all_because_the_next_interpreter_may_read_it(self):
        with pytest.raises(MalformedRecord, match="nested too deeply"):
            self.both.key_of(record("[" * 500_000, **{"order-id": text("A-1")}))

    @pytest.mark.parametrize(
        "attribute", [text(""), MessageAttribute(data_type="Binary", binary_value=b"A-1"), text("x" * 2049)]
    )
    def test_an_attribute_that_is_no_key_makes_the_record_malformed(self, attribute):
        with pytest.raises(MalformedRecord):
            self.source.key_of(record(**{"order-id": attribute}))

    def test_no_attribute_makes_the_record_malformed(self):
        with pytest.raises(MalformedRecord):
            self.source.key_of(record('{"order-id": "in the body"}'))


@given(st.text())
def test_any_body_has_a_key_or_is_malformed(body):
    try:
        key = ORDER.key_of(record(body))
    except MalformedRecord:
        return
    assert key


@given(st.lists(st.text(), min_size=1, max_size=4), st.text(min_size=1, max_size=20))
def test_any_name_can_be_pointed_at(names, key):
    pointer = "".join("/" + name.replace("~", "~0").replace("/", "~1") for name in names)
    document = key
    for name in reversed(names):
        document = {name: document}
    assert KeySource(pointer=parse_pointer(pointer)).key_of(record(json.dumps(document))) == key
