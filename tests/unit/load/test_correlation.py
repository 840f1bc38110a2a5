import pytest

from redrive.load.sending.correlation import Mark, new_run

MARK = Mark(run="0a1b2c3d", sender="1", number=7, due_at_ms=1767323045678)


def test_mark_is_read_as_it_was_written():
    assert str(MARK) == "0a1b2c3d.1.7.1767323045678"
    assert Mark.parse(str(MARK)) == MARK
    assert MARK.key == "0a1b2c3d-1-7"


@pytest.mark.parametrize(
    "text",
    [
        "",
        "0a1b2c3d.1.7",
        "0A1B2C3D.1.7.5",
        "0a1b2c3d.1.7.5.9",
        "0a1b2c3d.1.-7.5",
        "0a1b2c3d..7.5",
        "0a1b2c3d.1.\u0667.5",
    ],
)
def test_what_is_no_mark_is_none(text):
    assert Mark.parse(text) is None


def test_a_run_has_8_hexadecimal_digits_of_its_own():
    runs = {new_run() for _ in range(20)}
    assert len(runs) == 20
    assert all(Mark.parse(f"{run}.0.0.0") for run in runs)
