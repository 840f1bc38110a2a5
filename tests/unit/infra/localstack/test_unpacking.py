"""What a function's zip may hold."""

import io
import stat
import zipfile

import pytest

from redrive.infra.localstack.plugins.unpacking import ZipRefused, check_zip


def zip_of(name, text="", *, link=False):
    archive = io.BytesIO()
    with zipfile.ZipFile(archive, "w") as writing:
        entry = zipfile.ZipInfo()
        entry.filename = entry.orig_filename = name
        if link:
            entry.external_attr = (stat.S_IFLNK | 0o777) << 16
        writing.writestr(entry, text)
    archive.seek(0)
    return archive


@pytest.mark.parametrize("name", ["app.py", "a/b/app.py", "a/../app.py", "..app.py", "a..b/c", "folder/"])
def test_entry_inside_of_the_folder(name):
    check_zip(zip_of(name))


@pytest.mark.parametrize("name", ["../app.py", "a/../../app.py", "/etc/app.py", "..", "..\\app.py", "C:\\app.py"])
def test_entry_outside_of_it_is_refused(name):
    with pytest.raises(ZipRefused, match="outside of its folder"):
        check_zip(zip_of(name))


@pytest.mark.parametrize(("name", "target"), [("link", "app.py"), ("a/link", "../app.py"), ("a/b/link", "../../c")])
def test_link_that_stays_inside(name, target):
    check_zip(zip_of(name, target, link=True))


@pytest.mark.parametrize(("name", "target"), [("link", "../x"), ("a/link", "../../x"), ("link", "/etc/passwd")])
def test_link_that_leads_out_is_refused(name, target):
    with pytest.raises(ZipRefused, match="leads out of its folder"):
        check_zip(zip_of(name, target, link=True))


def test_what_is_no_zip():
    with pytest.raises(ZipRefused, match="no zip file"):
        check_zip(io.BytesIO(b"print('hello')"))
