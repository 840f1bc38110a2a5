import pytest

from redrive.load.account import Account


def account(sent=100, unknown=0, processed=98, dead_lettered=2, left=0, written_twice=0):
    return Account(
        sent=sent,
        unknown=unknown,
        processed=processed,
        dead_lettered=dead_lettered,
        left=left,
        written_twice=written_twice,
    )


@pytest.mark.parametrize(
    "balanced",
    [
        account(),
        account(processed=90, left=8),
        account(processed=0, dead_lettered=0, left=100),
        account(unknown=10),
        account(unknown=10, processed=108),
    ],
)
def test_balanced(balanced):
    assert (balanced.difference, balanced.problem) == (0, None)
    assert "≠" not in str(balanced)


@pytest.mark.parametrize(
    ("unbalanced", "difference", "says"),
    [
        (account(processed=97), -1, "1 of 100 messages are neither"),
        (account(processed=0, dead_lettered=0), -100, "100 of 100 messages are neither"),
        (account(processed=97, unknown=10), -1, "1 of 100 messages are neither"),
        (account(dead_lettered=3), 1, "1 more messages were found than were sent"),
        (account(processed=109, unknown=10), 1, "1 more"),
        (account(left=5), 5, "those in flight may be processed"),
    ],
)
def test_unbalanced(unbalanced, difference, says):
    assert unbalanced.difference == difference
    assert says in unbalanced.problem
    assert "≠" in str(unbalanced)


def test_effect_that_happened_twice_is_a_problem_though_the_numbers_agree():
    assert account(written_twice=2).difference == 0
    assert "more than once" in account(written_twice=2).problem


def test_run_that_sent_nothing_proves_nothing():
    assert "nothing was sent" in account(sent=0, processed=0, dead_lettered=0).problem


def test_account_is_printed_as_an_equation():
    assert str(account(left=1, processed=97)) == ("sent 100 = processed 97 + in the DLQ 2 + left in the queue 1")
    assert "(and up to 3 whose answer never came)" in str(account(unknown=3))
    assert account().as_json() == {
        "sent": 100,
        "unknown": 0,
        "processed": 98,
        "dead_lettered": 2,
        "left": 0,
        "written_twice": 0,
        "difference": 0,
        "problem": None,
    }
