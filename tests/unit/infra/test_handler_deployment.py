"""The zip of anybody's handler: its own code, where Lambda looks for it."""

import subprocess
import sys
import zipfile

import pytest

from redrive.fixtures.runtimes.in_process import locate
from redrive.infra.handler_deployment import zip_handler
from redrive.infra.resources import DeploymentError

HANDLER = (
    "def handler(event, context): return 1\nclass Orders:\n    @staticmethod\n    def handler(event, context): ...\n"
)


@pytest.fixture
def zipped(tmp_path):
    def zipped(target):
        path = tmp_path / "function.zip"
        handler = zip_handler(path, locate(target))
        with zipfile.ZipFile(path) as archive:
            return handler, set(archive.namelist())

    return zipped


def files_of(folder, *names):
    for name in names:
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(HANDLER)


def test_lone_file_comes_with_the_modules_and_packages_beside_it(tmp_path, zipped):
    files_of(
        tmp_path / "code",
        *("zipped_orders.py", "pieces.py", "lib/__init__.py", "lib/deep/data.json", "lib/__pycache__/x.pyc"),
        *("notes.txt", "folder/of_others.py", ".venv/lib/x.py"),
    )
    handler, names = zipped(f"{tmp_path}/code/zipped_orders.py:handler")
    assert handler == "zipped_orders.handler"
    assert names == {"zipped_orders.py", "pieces.py", "lib/__init__.py", "lib/deep/data.json"}


def test_package_comes_whole_and_alone(tmp_path, zipped):
    files_of(
        tmp_path / "code", "zipped_shop/__init__.py", "zipped_shop/orders.py", "zipped_shop/data/rates.csv", "other.py"
    )
    handler, names = zipped(f"{tmp_path}/code/zipped_shop/orders.py:handler")
    assert handler == "zipped_shop.orders.handler"
    assert names == {"zipped_shop/__init__.py", "zipped_shop/orders.py", "zipped_shop/data/rates.csv"}


def test_the_zip_runs(tmp_path):
    files_of(tmp_path / "code", "zipped_alone.py")
    path = tmp_path / "function.zip"
    module, _, name = zip_handler(path, locate(f"{tmp_path}/code/zipped_alone.py:handler")).rpartition(".")
    code = f"import sys; sys.path.insert(0, {str(path)!r}); import {module}; print({module}.{name}({{}}, None))"
    assert subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout == "1\n"


def test_installed_handler_is_refused(zipped):
    with pytest.raises(DeploymentError, match="click is installed"):
        zipped("click:command")


def test_handler_that_lambda_would_not_find_is_refused(tmp_path, zipped):
    files_of(tmp_path / "code", "zipped_class.py")
    with pytest.raises(DeploymentError, match=r"'Orders\.handler' is not at the top of its module"):
        zipped(f"{tmp_path}/code/zipped_class.py:Orders.handler")


def test_folder_full_of_everything_is_refused(tmp_path, zipped, monkeypatch):
    monkeypatch.setattr("redrive.infra.handler_deployment._FILES_MAX", 2)
    files_of(tmp_path / "code", "zipped_many.py", "a.py", "b.py")
    with pytest.raises(DeploymentError, match="more than 2 files beside zipped_many"):
        zipped(f"{tmp_path}/code/zipped_many.py:handler")
