"""The zip that LocalStack gets for a handler: a bootstrap that becomes the handler's own command."""

import io
import os
import subprocess
import sys
import zipfile

from redrive.fixtures.runtimes.process import Command
from redrive.scenarios.environments.localstack_function import code_of


def run_bootstrap(tmp_path, command, *, given=()):
    """What the command prints when its bootstrap is run, of its folder, its arguments and its variables."""
    with zipfile.ZipFile(io.BytesIO(code_of(command, given=dict(given)))) as archive:
        (entry,) = archive.infolist()
        assert (entry.filename, entry.external_attr >> 16) == ("bootstrap", 0o755)
        archive.extractall(tmp_path)
    bootstrap = tmp_path / "bootstrap"
    bootstrap.chmod(0o755)
    done = subprocess.run(
        [bootstrap], capture_output=True, text=True, check=True, env={"PATH": os.environ["PATH"], **dict(given)}
    )
    return done.stdout.splitlines()


def test_bootstrap_becomes_the_command_in_the_folder_of_the_code(tmp_path):
    folder = tmp_path / "it's a folder"
    folder.mkdir()
    code = "import os, sys; print(os.getcwd()); print(sys.argv[1]); [print(os.environ[n]) for n in sys.argv[2:]]"
    names = ("PYTHONPATH", "_HANDLER", "LAMBDA_TASK_ROOT", "MODE")
    command = Command(
        arguments=(sys.executable, "-c", code, "$HOME 'quoted'", *names),
        handler="orders.handler",
        task_root=folder,
        variables={"PYTHONPATH": "/a:/b c", "MODE": "the command's"},
    )
    said = run_bootstrap(tmp_path, command, given={"MODE": "the consumer's"})
    assert said == [str(folder), "$HOME 'quoted'", "/a:/b c", "orders.handler", str(folder), "the consumer's"]


def test_equal_commands_have_equal_code():
    command = Command(arguments=("/bin/true",))
    assert code_of(command, given={}) == code_of(command, given={})
