"""Files are written whole or not at all."""

import os
import stat
from pathlib import Path

import pytest

from redrive.scenarios import InputError
from redrive.scenarios.written_files import check_writable, write_whole


def test_takes_the_place_of_what_was_there_and_keeps_its_mode(tmp_path):
    path = tmp_path / "out.json"
    path.write_text("before, and longer")
    path.chmod(0o640)
    write_whole(path, "after")
    assert path.read_text() == "after"
    assert stat.S_IMODE(path.stat().st_mode) == 0o640
    assert list(tmp_path.iterdir()) == [path]


def test_a_new_file_has_the_mode_that_files_have(tmp_path):
    (tmp_path / "other").touch()
    write_whole(tmp_path / "out", "text")
    assert (tmp_path / "out").stat().st_mode == (tmp_path / "other").stat().st_mode


def test_a_link_stays_one(tmp_path):
    (tmp_path / "real").write_text("before")
    (tmp_path / "link").symlink_to("real")
    write_whole(tmp_path / "link", "after")
    assert (tmp_path / "link").is_symlink()
    assert (tmp_path / "real").read_text() == "after"


@pytest.mark.parametrize("at", ["write_bytes", "replace"])
def test_what_fails_on_the_way_leaves_what_was_there(tmp_path, monkeypatch, at):
    path = tmp_path / "out.json"
    path.write_text("before")
    real = getattr(Path, at)

    def full(self, *arguments):
        if at == "write_bytes":
            real(self, b"hal")
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(Path, at, full)
    with pytest.raises(InputError, match=r"^cannot write '.+out\.json': No space left on device$"):
        write_whole(path, "after")
    assert path.read_text() == "before"
    assert list(tmp_path.iterdir()) == [path]


def test_what_is_no_file_is_written_directly(tmp_path):
    reading, writing = os.pipe()
    try:
        write_whole(Path(f"/proc/self/fd/{writing}"), "text")
        assert os.read(reading, 10) == b"text"
    finally:
        os.close(reading)
        os.close(writing)


def test_half_a_surrogate_pair_is_written_as_json_has_it(tmp_path):
    write_whole(tmp_path / "out", '"\ud800 é"')
    assert (tmp_path / "out").read_bytes() == b'"\\ud800 \xc3\xa9"'


def test_a_folder_that_is_not_there_is_said_before(tmp_path):
    with pytest.raises(InputError, match="there is no folder"):
        check_writable(tmp_path / "missing" / "out")
    check_writable(tmp_path / "out")
