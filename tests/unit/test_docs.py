"""What the documents tell people to type works, and the session that the README shows is a real one."""

import re
import shlex
from collections.abc import Iterator
from pathlib import Path

import click
import pytest

from redrive.scenarios.cli import main, redrive

ROOT = Path(__file__).parents[2]
DOCUMENTS = sorted(
    path
    for path in ROOT.rglob("README.md")
    if not {".venv", ".tox", "build", "node_modules"} & set(path.relative_to(ROOT).parts)
)


def commands(document: Path, program: str) -> Iterator[list[str]]:
    """The commands of one program in the document's ``sh`` blocks, as words."""
    for block in re.findall(r"^```sh\n(.*?)^```", document.read_text(encoding="utf-8"), re.MULTILINE | re.DOTALL):
        for line in block.replace("\\\n", " ").splitlines():
            words = shlex.split(line, comments=True)
            if words[:1] == [program]:
                yield words[1:]


def test_the_readme_has_its_two_commands_at_the_top() -> None:
    assert list(commands(ROOT / "README.md", "make"))[:2] == [["verify"], ["test"]]


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda path: str(path.relative_to(ROOT)))
def test_make_targets_exist(document: Path) -> None:
    targets = set(re.findall(r"^([a-z]+):", (ROOT / "Makefile").read_text(encoding="utf-8"), re.MULTILINE))
    for words in commands(document, "make"):
        assert set(words) <= targets


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda path: str(path.relative_to(ROOT)))
def test_commands_take_the_options_that_the_documents_give_them(document: Path) -> None:
    for words in commands(document, "redrive"):
        command: click.Command = redrive
        context = click.Context(redrive)
        while isinstance(command, click.Group):
            name, found, words = command.resolve_command(context, words)
            assert found is not None, name
            command = found
        # Raises for an option or argument that the command does not take; runs nothing.
        command.make_context(command.name, list(words))


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda path: str(path.relative_to(ROOT)))
def test_links_lead_somewhere(document: Path) -> None:
    for target in re.findall(r"\]\((?!https?:)([^)#]+)\)", document.read_text(encoding="utf-8")):
        assert (document.parent / target).exists(), target


def test_the_session_in_the_readme_is_what_the_command_prints(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    text = (ROOT / "README.md").read_text(encoding="utf-8")
    shown = re.search(r"^```console\n\$ (redrive .*?)\n(.*?)^```", text, re.MULTILINE | re.DOTALL)
    assert shown is not None
    monkeypatch.setenv("COLUMNS", "100")
    with pytest.raises(SystemExit) as ended:
        main([*shlex.split(shown[1])[1:], "--jobs", "1"])
    assert ended.value.code == 1
    assert without_seconds(capsys.readouterr().out) == without_seconds(shown[2])


def without_seconds(text: str) -> list[str]:
    return [re.sub(r" +\d+\.\d\d\b", " N.NN", line).rstrip() for line in text.strip().splitlines()]
