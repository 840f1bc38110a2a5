"""The generated code is what the compiler makes of the `.proto`, and can be imported under any name, twice."""

import subprocess
import sys
from pathlib import Path

import pytest
from google.protobuf.descriptor_pb2 import DescriptorProto

import redrive.reference_handler.proto
from redrive.reference_handler.proto.sqs_messages_pb2 import SqsMessage

FOLDER = Path(redrive.reference_handler.proto.__file__).parent


def test_the_committed_code_is_what_the_compiler_makes(tmp_path):
    pytest.importorskip("grpc_tools", reason="needs grpcio-tools, which the dependency group `proto` has")
    command = [sys.executable, "-m", "grpc_tools.protoc", f"--proto_path={FOLDER}"]
    outputs = [f"--python_out={tmp_path}", f"--pyi_out={tmp_path}"]
    subprocess.run([*command, *outputs, "sqs_messages.proto"], check=True, timeout=60)
    generated = sorted(path.name for path in tmp_path.iterdir())
    assert generated == ["sqs_messages_pb2.py", "sqs_messages_pb2.pyi"]
    for name in generated:
        assert (tmp_path / name).read_bytes() == (FOLDER / name).read_bytes()


def test_fields_have_the_numbers_and_types_of_the_table():
    fields = {field.name: field for field in SqsMessage.DESCRIPTOR.fields}
    assert {name: field.number for name, field in fields.items()} == {
        "message_id": 1,
        "receipt_handle": 2,
        "body": 3,
        "md5_of_body": 4,
        "md5_of_message_attributes": 5,
        "attributes": 6,
        "message_attributes": 7,
        "queue_arn": 8,
        "aws_region": 9,
        "ingested_at": 10,
        "ingested_date": 11,
    }
    assert fields["ingested_at"].type == fields["ingested_at"].TYPE_INT64
    assert fields["ingested_date"].type == fields["ingested_date"].TYPE_INT32
    nested = SqsMessage.MessageAttributes.DESCRIPTOR.fields
    assert {field.name: field.number for field in nested} == {
        "string_value": 1,
        "binary_value": 2,
        "string_list_values": 3,
        "binary_list_values": 4,
        "data_type": 5,
    }


def test_the_descriptor_stands_alone_as_zerobus_needs_it():
    alone = DescriptorProto()
    SqsMessage.DESCRIPTOR.CopyToProto(alone)
    assert SqsMessage.DESCRIPTOR.full_name == "SqsMessage"
    named = {field.type_name for field in alone.field if field.type_name}
    assert named == {".SqsMessage.AttributesEntry", ".SqsMessage.MessageAttributesEntry"}
    assert {nested.name for nested in alone.nested_type} >= {"AttributesEntry", "MessageAttributes"}


def test_the_code_is_imported_twice_and_under_another_name(tmp_path):
    (tmp_path / "reference_handler").symlink_to(FOLDER.parent)
    code = """
import importlib, sys
names = ["redrive.reference_handler.proto.sqs_messages_pb2", "reference_handler.proto.sqs_messages_pb2"]
modules = []
for name in names * 2:
    sys.modules.pop(name, None)
    modules.append(importlib.import_module(name))
assert len(set(map(id, modules))) == 4
for module in modules:
    assert module.SqsMessage.FromString(modules[0].SqsMessage(body="b").SerializeToString()).body == "b"
"""
    path = ":".join([str(tmp_path), *sys.path])
    done = subprocess.run(
        [sys.executable, "-W", "error", "-c", code],
        env={"PYTHONPATH": path},
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )
    assert done.returncode == 0, done.stderr
