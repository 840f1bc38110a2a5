"""S01, S03 and S04: what SQS accepts as a message."""

import random

import pytest

from redrive.fixtures.event_builder import MessageAttribute, message_size_bytes
from redrive.simulator import Queue, QueueConfig, SqsError
from redrive.simulator.message_limits import size_bytes

MEBIBYTE = 1_048_576


def send(body="a", *, attributes=None, **config):
    """Send to a new queue; the queue, so that it can be asked what it holds."""
    queue = Queue(QueueConfig(**config), rng=random.Random(1))
    queue.send(0, body, message_attributes=attributes)
    return queue


def refusal(body="a", *, attributes=None, **config):
    """The code with which a new queue refuses the message, which then holds nothing."""
    queue = Queue(QueueConfig(**config), rng=random.Random(1))
    with pytest.raises(SqsError) as raised:
        queue.send(0, body, message_attributes=attributes)
    assert len(queue) == 0
    return raised.value.code


def test_S01_body_of_one_character_is_the_shortest():
    assert len(send("a")) == 1
    assert refusal("") == "MissingParameter"


def test_S01_body_is_at_most_1048576_bytes():
    assert len(send("a" * MEBIBYTE)) == 1
    assert refusal("a" * (MEBIBYTE + 1)) == "InvalidParameterValue"


def test_S01_size_is_counted_in_bytes_of_utf_8_and_not_in_characters():
    assert len(send("ä" * (MEBIBYTE // 2))) == 1
    assert refusal("ä" * (MEBIBYTE // 2) + "a") == "InvalidParameterValue"
    assert len(send("\U0001f600" * 256, max_message_bytes=1_024)) == 1
    assert refusal("\U0001f600" * 257, max_message_bytes=1_024) == "InvalidParameterValue"


def test_S01_name_type_and_value_of_message_attributes_count_toward_the_size():
    attributes = {
        "naïve".replace("ï", "i"): MessageAttribute.string("ü", label="x"),
        "b": MessageAttribute.binary(b"123"),
    }
    rest = 1_024 - (5 + len("String.x") + 2) - (1 + len("Binary") + 3)
    assert len(send("a" * rest, attributes=attributes, max_message_bytes=1_024)) == 1
    assert refusal("a" * (rest + 1), attributes=attributes, max_message_bytes=1_024) == "InvalidParameterValue"
    assert size_bytes("a" * rest, attributes) == message_size_bytes("a" * rest, attributes) == 1_024


@pytest.mark.parametrize("max_message_bytes", [1_023, MEBIBYTE + 1])
def test_S01_maximum_message_size_of_a_queue_is_1024_to_1048576(max_message_bytes):
    with pytest.raises(SqsError) as raised:
        QueueConfig(max_message_bytes=max_message_bytes)
    assert raised.value.code == "InvalidAttributeValue"
    assert QueueConfig(max_message_bytes=1_024).max_message_bytes == 1_024


def test_S01_maximum_message_size_is_1048576_unless_set():
    assert QueueConfig().max_message_bytes == MEBIBYTE


@pytest.mark.parametrize(
    "character",
    ["\t", "\n", "\r", " ", "\x7f", "\x85", "\ud7ff", "\ue000", "\ufdd0", "\ufffd", "\U00010000", "\U0010ffff"],
)
def test_S03_allowed_characters_arrive_as_they_are(character):
    (message,) = send(f"a{character}b").messages()
    assert message.body == f"a{character}b"


@pytest.mark.parametrize("character", ["\x00", "\x08", "\x0b", "\x0c", "\x0e", "\x1b", "\x1f", "\ufffe", "\uffff"])
def test_S03_other_characters_are_invalid_message_contents(character):
    assert refusal(f"a{character}b") == "InvalidMessageContents"
    assert refusal(character) == "InvalidMessageContents"


@pytest.mark.parametrize("half", [0xD800, 0xDBFF, 0xDC00, 0xDFFF], ids=hex)
def test_S03_half_of_a_surrogate_pair_is_invalid_message_contents(half):
    assert refusal(f"a{chr(half)}") == "InvalidMessageContents"


def test_S03_characters_are_judged_before_the_size():
    assert refusal("\x00" * (MEBIBYTE + 1)) == "InvalidMessageContents"


def numbered(number):
    return {f"name-{index}": MessageAttribute.string("value") for index in range(number)}


def test_S04_message_has_at_most_10_attributes():
    assert len(send(attributes=numbered(10))) == 1
    assert refusal(attributes=numbered(11)) == "InvalidParameterValue"


@pytest.mark.parametrize("name", ["a", "A-Z_a.z-0.9_", "n" * 256, "aws", "AWSomething.x", "amazonas.x", "x.AWS."[:-1]])
def test_S04_names_of_letters_digits_underscore_hyphen_and_period(name):
    (message,) = send(attributes={name: MessageAttribute.string("value")}).messages()
    assert list(message.message_attributes) == [name]


@pytest.mark.parametrize(
    "name",
    [
        *("", "n" * 257, "two words", "a:b", "ä", "new\nline", "\ud800"),
        *(".a", "a.", ".", "a..b"),
        *("AWS.a", "aws.a", "AwS.a", "Amazon.a", "amazon.a", "AMAZON.a"),
    ],
)
def test_S04_other_names_are_refused(name):
    assert refusal(attributes={name: MessageAttribute.string("value")}) == "InvalidParameterValue"


def attribute(data_type, value):
    if data_type.startswith("Binary"):
        return MessageAttribute(data_type=data_type, binary_value=value.encode())
    return MessageAttribute(data_type=data_type, string_value=value)


@pytest.mark.parametrize(
    "data_type",
    [
        *("String", "Number", "Binary", "String.label", "Number.int", "Binary.gif", "String.two words", "String.a.b"),
        "String." + "l" * (256 - len("String.")),
    ],
)
def test_S04_types_string_number_and_binary_each_with_an_optional_label(data_type):
    (message,) = send(attributes={"name": attribute(data_type, "1")}).messages()
    assert message.message_attributes["name"].data_type == data_type


@pytest.mark.parametrize(
    "data_type",
    [
        *(
            "",
            "string",
            "Integer",
            "Stringy",
            "Numbers",
            "String.",
            " String",
            "StringList",
            "String.\x00",
            "Binary.\ud800",
        ),
        "String." + "l" * (257 - len("String.")),
    ],
)
def test_S04_other_types_are_refused(data_type):
    assert refusal(attributes={"name": attribute(data_type, "1")}) == "InvalidParameterValue"


@pytest.mark.parametrize("data_type", ["String", "Number", "Binary", "String.label", "Binary.label"])
def test_S04_value_is_not_empty(data_type):
    assert refusal(attributes={"name": attribute(data_type, "")}) == "InvalidParameterValue"


@pytest.mark.parametrize("value", ["\x00", "a\x1fb", "\ufffe", "\ud800"])
def test_S04_text_has_the_characters_of_a_body_and_is_refused_as_a_parameter(value):
    assert refusal(attributes={"name": MessageAttribute.string(value)}) == "InvalidParameterValue"


def test_S04_binary_value_is_any_bytes():
    (message,) = send(attributes={"name": MessageAttribute.binary(b"\x00\xff")}).messages()
    assert message.message_attributes["name"].binary_value == b"\x00\xff"


@pytest.mark.parametrize(
    "value",
    [
        *("0", "-0", "1", "-1", "+1", "007", "1.50", ".5", "5.", "1e3", "1E-3", "1" * 38, "-" + "1" * 38),
        *(
            "1" + "0" * 126,
            "1e126",
            "-1e126",
            "1e-128",
            "0." + "0" * 127 + "1",
            "0" * 50 + "1" * 38,
            "1" * 38 + "0" * 50,
        ),
    ],
)
def test_S04_number_has_up_to_38_digits_from_1e_minus_128_to_1e126(value):
    (message,) = send(attributes={"name": MessageAttribute.number(value)}).messages()
    assert message.message_attributes["name"].string_value == value


@pytest.mark.parametrize(
    "value",
    [
        *("one", "1,5", "0x10", "1_000", "NaN", "Infinity", " 1", "1 ", "1\n", "1e", "e1", ".", "-", "--1", "\u0661"),
        *("1" * 39, "1." + "1" * 38, "1.1e126", "-1e127", "9e-129", "1e" + "9" * 30, "1e-" + "9" * 30),
    ],
)
@pytest.mark.parametrize("label", [None, "int"])
def test_S04_what_is_no_such_number_is_refused(value, label):
    assert refusal(attributes={"name": MessageAttribute.number(value, label=label)}) == "InvalidParameterValue"


def test_S04_number_arrives_with_the_digits_that_were_sent():
    (message,) = send(attributes={"name": MessageAttribute.number("+01.500")}).messages()
    assert message.message_attributes["name"].string_value == "+01.500"


def test_S04_no_attributes_and_none_are_the_same():
    assert send(attributes={}).messages()[0].message_attributes == send().messages()[0].message_attributes == {}
