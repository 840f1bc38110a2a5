"""How the environments are made: where, once, from what is pinned, and what is left of a try that failed."""

import hashlib
import importlib.metadata
import os
import re
import subprocess
import sys
import threading
import zipfile
from pathlib import Path

import pytest

from redrive.infra.localstack import installation
from redrive.infra.localstack.installation import InstallationError

FOLDER = Path(installation.__file__).parent
FILES = [FOLDER / "requirements.txt", FOLDER / "function_requirements.txt"]


@pytest.fixture
def cache(tmp_path, monkeypatch):
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    return tmp_path / "cache" / "redrive"


@pytest.fixture
def wheel(tmp_path, monkeypatch):
    """A package of our own in a folder that pip's configuration names, and nothing else; gives its requirement."""
    folder = tmp_path / "wheels"
    folder.mkdir()
    path = folder / "localstack_core-4.0-py3-none-any.whl"
    info = "localstack_core-4.0.dist-info"
    files = {
        # Where LocalStack writes its catalogue.
        "localstack/aws/spec.py": "import os, pathlib\n"
        "folder = pathlib.Path(os.environ['FILESYSTEM_ROOT'], 'usr/lib/localstack')\n"
        "(folder / 'catalogue').write_text(os.environ['OVERRIDE_IN_DOCKER'])\n",
        f"{info}/METADATA": "Metadata-Version: 2.1\nName: localstack-core\nVersion: 4.0\n",
        f"{info}/WHEEL": "Wheel-Version: 1.0\nGenerator: a test\nRoot-Is-Purelib: true\nTag: py3-none-any\n",
    }
    with zipfile.ZipFile(path, "w") as writing:
        for name, text in files.items():
            writing.writestr(name, text)
        writing.writestr(f"{info}/RECORD", "".join(f"{name},,\n" for name in [*files, f"{info}/RECORD"]))
    monkeypatch.setenv("PIP_CONFIG_FILE", os.devnull)
    monkeypatch.setenv("PIP_NO_INDEX", "1")
    monkeypatch.setenv("PIP_FIND_LINKS", str(folder))
    return f"localstack-core==4.0 --hash=sha256:{hashlib.sha256(path.read_bytes()).hexdigest()}\n"


@pytest.fixture
def pinned(tmp_path, monkeypatch):
    """Has LocalStack's environment made from these requirements."""

    def write(text):
        path = tmp_path / "requirements.txt"
        path.write_text(text)
        monkeypatch.setattr(installation, "_REQUIREMENTS", path)
        monkeypatch.setattr(installation, "pinned_version", lambda: "4.0")

    return write


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.name)
def test_everything_is_pinned_with_hashes(path):
    requirements = re.sub(r"\\\n", "", path.read_text(encoding="utf-8")).splitlines()
    lines = [line for line in requirements if line and not line.lstrip().startswith("#")]
    assert [line for line in lines if not re.match(r"\S+==\S+ .*--hash=sha256:[0-9a-f]{64}", line)] == []
    named = {
        re.split(r"[\[=<>;]", line)[0] for line in path.with_suffix(".in").read_text().splitlines() if line[0] != "#"
    }
    assert named <= {re.split(r"[\[=]", line)[0] for line in lines}


def test_version_is_one_that_the_patches_know():
    from redrive.infra.localstack.plugins.versions import KNOWN_VERSIONS, patches_for

    assert installation.pinned_version() in KNOWN_VERSIONS
    assert patches_for(installation.pinned_version()) != ()
    assert patches_for("4.14.0") == ()


def test_functions_get_what_this_project_needs():
    needed = {re.split(r"[<>=\[; ]", line)[0]: line for line in importlib.metadata.requires("redrive") or ()} or {
        "boto3": "",
        "protobuf": "",
    }
    text = (FOLDER / "function_requirements.txt").read_text(encoding="utf-8")
    assert {name for name in ("boto3", "protobuf") if name in needed and f"\n{name}==" in text} == {"boto3", "protobuf"}


def test_cache_is_in_the_users_folder(monkeypatch, tmp_path):
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    assert installation.cache_folder() == tmp_path / "redrive"
    for value in ("", "not/absolute"):
        monkeypatch.setenv("XDG_CACHE_HOME", value)
        assert installation.cache_folder() == Path.home() / ".cache" / "redrive"


def test_this_interpreter_runs_functions_if_it_can():
    pytest.importorskip("awslambdaric")
    assert installation.function_python(lambda _: None) == Path(sys.executable)


@pytest.mark.slow
class TestMaking:
    def test_environment_is_made_once_with_the_users_configuration_of_pip(self, cache, wheel, pinned):
        pinned(wheel)
        said = []
        python = installation.localstack_python(said.append)
        digest = hashlib.sha256(wheel.encode()).hexdigest()[:12]
        version = f"{sys.version_info.major}.{sys.version_info.minor}"
        assert python == cache / f"localstack-4.0-py{version}-{digest}" / "bin" / "python"
        listed = [str(python), "-c", "import localstack.aws, sys; print(sys.prefix, sys.version_info[:2])"]
        done = subprocess.run(listed, capture_output=True, text=True, check=True)
        assert not (python.parent / "pip").exists(), "this interpreter's pip is enough"
        assert done.stdout.split(maxsplit=1) == [str(python.parents[1]), f"{sys.version_info[:2]}\n"]
        assert said[0] == f"installing LocalStack 4.0 into {python.parents[1]} (1 packages, once)"
        assert said[-1] == "installed LocalStack 4.0"
        assert installation.localstack_python(said.append) == python
        assert said[-1] == "installed LocalStack 4.0", "the second time nothing is said, because nothing is done"
        root = cache / "root"
        installation.write_filesystem(python, root)
        assert (root / "usr/lib/localstack/catalogue").read_text() == "0"

    def test_two_at_once_make_it_once(self, cache, wheel, pinned):
        pinned(wheel)
        said, pythons = [], []
        threads = [
            threading.Thread(target=lambda: pythons.append(installation.localstack_python(said.append)))
            for _ in range(2)
        ]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert len(pythons) == 2
        assert len(set(pythons)) == 1
        assert said.count("installed LocalStack 4.0") == 1
        assert said.count("LocalStack 4.0 is being installed by another process: waiting for it") == 1

    def test_wrong_hash_is_refused_and_leaves_nothing(self, cache, wheel, pinned):
        pinned(re.sub(r"sha256:\w{8}", "sha256:00000000", wheel))
        with pytest.raises(InstallationError, match=r"cannot install LocalStack 4\.0: ERROR: .*HASHES") as caught:
            installation.localstack_python(lambda _: None)
        assert "\n" not in str(caught.value)
        assert [path.name for path in cache.iterdir() if not path.name.endswith(".lock")] == []

    def test_package_that_is_not_there_is_said_and_leaves_nothing(self, cache, wheel, pinned):
        pinned(wheel.replace("4.0", "4.1"))
        with pytest.raises(InstallationError, match=r"No matching distribution .*pip config list"):
            installation.localstack_python(lambda _: None)
        assert [path.name for path in cache.iterdir() if not path.name.endswith(".lock")] == []

    def test_what_somebody_left_half_made_is_made_anew(self, cache, wheel, pinned):
        pinned(wheel)
        python = installation.localstack_python(lambda _: None)
        whole = python.parents[1]
        whole.rename(whole.with_name(f"{whole.name}.partial"))
        (whole / "bin").mkdir(parents=True)
        python.symlink_to("/nowhere/python")
        assert installation.localstack_python(lambda _: None) == python
        assert python.exists()
        assert not whole.with_name(f"{whole.name}.partial").exists()

    def test_cache_that_cannot_be_written(self, tmp_path, monkeypatch, wheel, pinned):
        pinned(wheel)
        (tmp_path / "file").write_text("")
        monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "file"))
        with pytest.raises(InstallationError, match=r"LocalStack 4\.0 cannot be installed in .*file"):
            installation.localstack_python(lambda _: None)


@pytest.fixture
def plugins(tmp_path):
    installation.write_plugins(tmp_path / "plugins")
    return tmp_path / "plugins"


def test_plugins_bring_their_entry_points(plugins):
    [found] = importlib.metadata.distributions(path=[str(plugins)])
    named = {(point.group, point.name) for point in found.entry_points}
    assert named == {
        ("localstack.lambda.runtime_executor", "process"),
        ("localstack.aws.provider", "dynamodb:moto"),
        ("localstack.hooks.on_infra_start", "redrive"),
    }
    for point in found.entry_points:
        module = plugins.joinpath(*point.module.split(".")).with_suffix(".py")
        assert re.search(rf"^(class|def) {point.attr}\b", module.read_text(), re.MULTILINE)


NEED_LOCALSTACK = {"registered", "executor", "dynamodb", "poller_patches"}


def test_other_modules_of_the_copy_need_the_standard_library_alone(plugins):
    folder = plugins / "redrive" / "infra" / "localstack" / "plugins"
    modules = {path.stem for path in folder.glob("*.py")} - NEED_LOCALSTACK
    names = ", ".join(f"redrive.infra.localstack.plugins.{name}" for name in sorted(modules - {"__init__"}))
    code = f"import sys; sys.path.insert(0, {str(plugins)!r}); import {names}; print(len(sys.modules) > 0)"
    done = subprocess.run([sys.executable, "-I", "-S", "-c", code], capture_output=True, text=True, check=False)
    assert (done.stdout, done.stderr) == ("True\n", "")
