"""The function's zip: what is in it, that it is the same every time, and that it runs without the rest of redrive."""

import base64
import hashlib
import os
import stat
import subprocess
import sys
import tomllib
import zipfile
from pathlib import Path

import pytest

from redrive.infra.package_function import (
    REQUIREMENTS,
    PackagingError,
    build_package,
    find_handler_folder,
    install_dependencies,
    main,
)

pytestmark = pytest.mark.slow

REPOSITORY = Path(__file__).parents[3]


@pytest.fixture
def handler_folder(tmp_path):
    """A handler's folder with everything that must not reach the zip."""
    folder = tmp_path / "handler"
    for name in (
        "app.py",
        "__init__.py",
        "sinks/delta.py",
        "sinks/__pycache__/delta.cpython-313.pyc",
        "tests/test_app.py",
        "proto/messages_pb2.py",
        "proto/messages_pb2.pyi",
        "proto/messages.proto",
        "README.md",
        "py.typed",
        ".cache/state",
    ):
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(f"# {name}\n")
    return folder


def test_only_what_runs_is_in_the_zip_and_all_of_it_in_the_handlers_folder(handler_folder, tmp_path):
    package = build_package(tmp_path / "function.zip", handler_folder=handler_folder)

    with zipfile.ZipFile(package.path) as archive:
        assert archive.namelist() == [
            "reference_handler/__init__.py",
            "reference_handler/app.py",
            "reference_handler/proto/messages_pb2.py",
            "reference_handler/sinks/delta.py",
        ]
        assert archive.read("reference_handler/app.py") == b"# app.py\n"
    assert list(package.entries) == archive.namelist()


def test_times_and_permissions_are_fixed(handler_folder, tmp_path):
    (handler_folder / "app.py").chmod(0o600)

    package = build_package(tmp_path / "function.zip", handler_folder=handler_folder)

    with zipfile.ZipFile(package.path) as archive:
        assert {entry.date_time for entry in archive.infolist()} == {(1980, 1, 1, 0, 0, 0)}
        assert {entry.external_attr >> 16 for entry in archive.infolist()} == {stat.S_IFREG | 0o644}


def test_two_builds_of_the_same_code_are_the_same_bytes(handler_folder, tmp_path):
    first = build_package(tmp_path / "first.zip", handler_folder=handler_folder)
    for path in handler_folder.rglob("*.py"):
        os.utime(path, (1_700_000_000, 1_700_000_000))
        path.chmod(0o700)
    second = build_package(tmp_path / "second.zip", handler_folder=handler_folder)

    assert second.path.read_bytes() == first.path.read_bytes()
    assert second.sha256 == first.sha256


def test_other_code_is_another_hash(handler_folder, tmp_path):
    before = build_package(tmp_path / "function.zip", handler_folder=handler_folder)
    (handler_folder / "app.py").write_text("# changed\n")
    after = build_package(tmp_path / "function.zip", handler_folder=handler_folder)

    assert after.sha256 != before.sha256


def test_the_hash_and_the_size_are_those_of_the_file(handler_folder, tmp_path):
    package = build_package(tmp_path / "function.zip", handler_folder=handler_folder)

    data = package.path.read_bytes()
    assert package.size_bytes == len(data)
    assert base64.b64decode(package.sha256) == hashlib.sha256(data).digest()


def test_dependencies_stand_beside_the_handler(handler_folder, tmp_path):
    dependencies = tmp_path / "dependencies"
    (dependencies / "google/protobuf").mkdir(parents=True)
    (dependencies / "google/protobuf/message.py").write_text("")
    (dependencies / "google/protobuf/message.pyc").write_text("")

    package = build_package(tmp_path / "function.zip", handler_folder=handler_folder, dependencies=dependencies)

    assert "google/protobuf/message.py" in package.entries
    assert "google/protobuf/message.pyc" not in package.entries
    assert "reference_handler/app.py" in package.entries


def test_a_dependency_cannot_take_the_handlers_place(handler_folder, tmp_path):
    dependencies = tmp_path / "dependencies"
    (dependencies / "reference_handler").mkdir(parents=True)
    (dependencies / "reference_handler/app.py").write_text("")

    with pytest.raises(PackagingError, match=r"reference_handler/app\.py comes with the dependencies"):
        build_package(tmp_path / "function.zip", handler_folder=handler_folder, dependencies=dependencies)


def test_a_link_out_of_the_folder_is_refused(handler_folder, tmp_path):
    (tmp_path / "secret.py").write_text("password = 1")
    (handler_folder / "settings.py").symlink_to(tmp_path / "secret.py")

    with pytest.raises(PackagingError, match=r"settings\.py is a symbolic link"):
        build_package(tmp_path / "function.zip", handler_folder=handler_folder)


def test_a_zip_inside_the_code_is_refused(handler_folder):
    with pytest.raises(PackagingError, match="inside the function's own code"):
        build_package(handler_folder / "function.zip", handler_folder=handler_folder)


def test_a_zip_that_cannot_be_written_leaves_nothing_behind(handler_folder, tmp_path):
    (tmp_path / "out/function.zip").mkdir(parents=True)

    with pytest.raises(PackagingError, match=r"cannot write .*function\.zip"):
        build_package(tmp_path / "out/function.zip", handler_folder=handler_folder)

    assert [path.name for path in (tmp_path / "out").iterdir()] == ["function.zip"]


def test_the_handler_is_found_without_importing_it():
    script = (
        "import sys; from redrive.infra.package_function import find_handler_folder; print(find_handler_folder());"
        " sys.exit('redrive.reference_handler' in sys.modules)"
    )
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=False)

    assert done.returncode == 0, done.stderr
    assert (Path(done.stdout.strip()) / "app.py").is_file()


def test_the_unpacked_zip_runs_without_the_rest_of_redrive(tmp_path):
    package = build_package(tmp_path / "function.zip", handler_folder=find_handler_folder())
    root = tmp_path / "task"
    with zipfile.ZipFile(package.path) as archive:
        archive.extractall(root)
    # Isolated: neither PYTHONPATH nor the working directory, so the code comes from the zip. boto3 and protobuf come
    # from this environment, as they come from the runtime and a layer on AWS.
    script = (
        f"import sys; sys.path.insert(0, {str(root)!r}); from reference_handler.app import lambda_handler;"
        " import reference_handler.app as app; print(callable(lambda_handler), app.__file__);"
        " print([name for name in sys.modules if name.split('.')[0] == 'redrive'])"
    )
    done = subprocess.run(
        [sys.executable, "-I", "-c", script], capture_output=True, text=True, check=False, cwd=tmp_path
    )

    assert done.returncode == 0, done.stderr
    assert done.stdout.splitlines() == [f"True {root / 'reference_handler' / 'app.py'}", "[]"]


def test_the_requirements_are_those_of_the_project():
    with (REPOSITORY / "pyproject.toml").open("rb") as file:
        project = tomllib.load(file)["project"]

    assert set(REQUIREMENTS) <= set(project["dependencies"])


# pip, with wheels made here instead of an index


@pytest.fixture
def wheels(tmp_path, monkeypatch):
    """A folder with a tiny protobuf for each instruction set, which is all that pip may look at."""
    folder = tmp_path / "wheels"
    folder.mkdir()
    for machine in ("aarch64", "x86_64"):
        tag = f"cp310-abi3-manylinux2014_{machine}"
        information = "protobuf-6.33.6.dist-info"
        with zipfile.ZipFile(folder / f"protobuf-6.33.6-{tag}.whl", "w") as wheel:
            wheel.writestr("google/protobuf/__init__.py", f"machine = '{machine}'\n")
            wheel.writestr(f"{information}/METADATA", "Metadata-Version: 2.1\nName: protobuf\nVersion: 6.33.6\n")
            wheel.writestr(f"{information}/WHEEL", f"Wheel-Version: 1.0\nRoot-Is-Purelib: false\nTag: {tag}\n")
            wheel.writestr(f"{information}/RECORD", "google/protobuf/__init__.py,,\n")
    for name in [name for name in os.environ if name.startswith("PIP_")]:
        monkeypatch.delenv(name)
    monkeypatch.setenv("PIP_CONFIG_FILE", os.devnull)
    monkeypatch.setenv("PIP_NO_INDEX", "1")
    monkeypatch.setenv("PIP_FIND_LINKS", str(folder))
    return folder


@pytest.mark.parametrize(("architecture", "machine"), [("arm64", "aarch64"), ("x86_64", "x86_64")])
def test_dependencies_are_those_of_the_functions_machine(wheels, tmp_path, architecture, machine):
    install_dependencies(tmp_path / "target", architecture=architecture, python_version="3.13")

    assert (tmp_path / "target/google/protobuf/__init__.py").read_text() == f"machine = '{machine}'\n"


def test_builds_with_dependencies_are_the_same_bytes_too(wheels, tmp_path, capsys):
    for name in ("first.zip", "second.zip"):
        assert main(["--output", str(tmp_path / name), "--with-dependencies"]) == 0, capsys.readouterr().err

    assert (tmp_path / "first.zip").read_bytes() == (tmp_path / "second.zip").read_bytes()
    with zipfile.ZipFile(tmp_path / "first.zip") as archive:
        assert {name.split("/")[0] for name in archive.namelist()} == {
            "google",
            "protobuf-6.33.6.dist-info",
            "reference_handler",
        }


def test_pips_reason_is_given_in_one_line(wheels, tmp_path, capsys):
    for wheel in wheels.iterdir():
        wheel.unlink()

    assert main(["--output", str(tmp_path / "function.zip"), "--with-dependencies"]) == 2

    error = capsys.readouterr().err
    assert error.count("\n") == 1
    assert error.startswith("package_function: pip cannot install protobuf>=6.33.5,<7 for arm64: ERROR:")
    assert not (tmp_path / "function.zip").exists()


# The command


def test_the_command_says_what_it_built(tmp_path):
    output = tmp_path / "new/folder/function.zip"
    done = subprocess.run(
        [sys.executable, "-m", "redrive.infra.package_function", "--output", str(output)],
        capture_output=True,
        text=True,
        check=False,
    )

    assert done.returncode == 0, done.stderr
    assert done.stdout.startswith(f"{output}: ")
    assert base64.b64encode(hashlib.sha256(output.read_bytes()).digest()).decode() in done.stdout


@pytest.mark.parametrize(
    ("arguments", "reason"),
    [
        ([], "the following arguments are required: --output"),
        (["--output", "x.zip", "--architecture", "sparc"], "invalid choice: 'sparc'"),
        (["--output", "x.zip", "--python", "2.7"], "invalid choice: '2.7'"),
        (["--output", "x.zip", "--fast"], "unrecognized arguments: --fast"),
    ],
)
def test_a_wrong_option_is_one_line_and_exit_status_2(arguments, reason, capsys):
    with pytest.raises(SystemExit) as stopped:
        main(arguments)

    error = capsys.readouterr().err
    assert stopped.value.code == 2
    assert error.count("\n") == 1
    assert reason in error


def test_a_place_that_cannot_be_written_is_one_line_and_exit_status_2(tmp_path, capsys):
    (tmp_path / "file").write_text("")

    assert main(["--output", str(tmp_path / "file" / "function.zip")]) == 2

    error = capsys.readouterr().err
    assert error.count("\n") == 1
    assert f"cannot write {tmp_path / 'file' / 'function.zip'}" in error


def test_a_redrive_without_the_handler_is_one_line_and_exit_status_2(tmp_path, monkeypatch, capsys):
    monkeypatch.setattr("redrive.infra.package_function._HANDLER_PACKAGE", "no_such_package.reference_handler")

    assert main(["--output", str(tmp_path / "function.zip")]) == 2

    assert capsys.readouterr().err.count("\n") == 1
