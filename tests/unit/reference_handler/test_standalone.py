"""The folder alone, zipped, as it is deployed: no other room, and only the packages that the function needs."""

import ast
import json
import os
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

import redrive.reference_handler
from redrive.fixtures import sample_events

FOLDER = Path(redrive.reference_handler.__file__).parent
SOURCES = sorted(FOLDER.rglob("*.py"))

RUN = """
import json, sys
from reference_handler.app import lambda_handler

class Context:
    aws_request_id = "request-1"
    def get_remaining_time_in_millis(self): return 30_000

answer = lambda_handler(json.load(sys.stdin), Context())
unwanted = {"redrive", "deltalake", "arro3", "boto3", "botocore", "moto", "pytest"} & set(sys.modules)
assert not unwanted, unwanted
print(json.dumps(answer))
"""


@pytest.fixture
def zipped(tmp_path):
    path = tmp_path / "function.zip"
    with zipfile.ZipFile(path, "w") as archive:
        for source in SOURCES:
            archive.write(source, Path("reference_handler") / source.relative_to(FOLDER))
    return path


def test_the_zip_runs_alone_and_imports_only_what_its_sink_needs(zipped):
    third_party = [entry for entry in sys.path if entry.endswith("-packages")]
    done = subprocess.run(
        [sys.executable, "-W", "error", "-c", RUN],
        input=json.dumps(sample_events.load("fifo")),
        env={"PYTHONPATH": os.pathsep.join([str(zipped), *third_party]), "REDRIVE_SINK": "memory"},
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )
    assert done.returncode == 0, done.stderr
    *logs, answer = map(json.loads, done.stdout.splitlines())
    assert answer == {"batchItemFailures": []}
    assert [line["event"] for line in logs] == ["record"] * 6 + ["batch"]


@pytest.mark.parametrize("source", SOURCES, ids=lambda path: str(path.relative_to(FOLDER)))
def test_imports_inside_are_relative_and_none_goes_to_another_room(source):
    allowed = set(sys.stdlib_module_names) | {
        "google",
        "boto3",
        "botocore",
        "deltalake",
        "arro3",
        "mypy_boto3_dynamodb",
        "mypy_boto3_s3",
        "mypy_boto3_sqs",
    }
    for node in ast.walk(ast.parse(source.read_text())):
        match node:
            case ast.Import():
                roots = {name.name.partition(".")[0] for name in node.names}
            case ast.ImportFrom(level=0, module=str(module)):
                roots = {module.partition(".")[0]}
            case _:
                continue
        assert roots <= allowed
