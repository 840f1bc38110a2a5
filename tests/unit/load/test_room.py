"""Locust changes the interpreter when it is imported, so most of the room must not."""

import ast
import os
import subprocess
import sys
from pathlib import Path

import pytest

import redrive.load

FOLDER = Path(redrive.load.__file__).parent
WITH_LOCUST = {
    "locust_events",
    "locustfile",
    "observing.exchange",
    "reporting.web_ui",
    "sending.fast_client",
    "shapes.pacing",
    "sqs_user",
}
PATHS = sorted(FOLDER.rglob("*.py"))
MODULES = {".".join(path.relative_to(FOLDER).with_suffix("").parts) for path in PATHS if path.name != "__init__.py"}
WITHOUT_LOCUST = sorted(MODULES - WITH_LOCUST)


def test_modules_without_locust_do_not_import_it():
    modules = " , ".join(f"redrive.load.{name}" for name in WITHOUT_LOCUST)
    code = f"import sys, {modules}; print(sorted({{'locust', 'gevent'}} & set(sys.modules)))"
    done = subprocess.run(
        [sys.executable, "-c", code],
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
        env={**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)},
    )
    assert done.stdout == "[]\n", done.stderr


@pytest.mark.parametrize("path", PATHS, ids=lambda path: path.relative_to(FOLDER).as_posix())
def test_nothing_but_fixtures_and_infra_is_imported_of_the_other_rooms(path):
    imported = {
        name
        for node in ast.walk(ast.parse(path.read_text()))
        for name in (
            [node.module or ""]
            if isinstance(node, ast.ImportFrom) and node.level == 0
            else [alias.name for alias in node.names]
            if isinstance(node, ast.Import)
            else []
        )
        if name.split(".")[0] == "redrive"
    }
    assert all(name.startswith(("redrive.fixtures", "redrive.infra", "redrive.load")) for name in imported)
