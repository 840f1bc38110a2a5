import pytest

from redrive.load.observing.account import Account, Basis


def account(sent=100, unknown=0, processed=98, dead_lettered=2, left=0, written_twice=0, **more):
    return Account(
        sent=sent,
        unknown=unknown,
        processed=processed,
        dead_lettered=dead_lettered,
        left=left,
        written_twice=written_twice,
        **more,
    )


@pytest.mark.parametrize(
    "balanced",
    [
        account(),
        account(processed=90, left=8),
        account(processed=0, dead_lettered=0, left=100),
        account(unknown=10),
        account(unknown=10, processed=108),
        account(there_before=5, left=5),
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
        (account(left=6, there_before=5), 1, "1 more"),
    ],
)
def test_unbalanced(unbalanced, difference, says):
    assert unbalanced.difference == difference
    assert says in unbalanced.problem
    assert "≠" in str(unbalanced)


def test_by_key_a_message_that_repeats_one_is_processed_with_it():
    by_key = account(processed=88, duplicates=10)
    assert (by_key.repeats, by_key.difference) == (10, 0)
    assert "processed 88 + repeating a key 10 + in the DLQ 2" in str(by_key)
    assert account(processed=87, duplicates=10).difference == -1
    assert account(processed=89, duplicates=10, dead_lettered=0, left=0).difference == -1


def test_by_key_a_repeat_that_waits_or_is_dead_is_seen_there_too():
    assert account(processed=90, duplicates=10, dead_lettered=2, left=3).difference == 0
    assert account(processed=94, duplicates=10, dead_lettered=2, left=3).difference == 4


def test_by_message_a_repeat_is_a_message_like_others():
    assert account(processed=98, duplicates=10, basis=Basis.MESSAGE).difference == 0
    assert account(processed=88, duplicates=10, basis=Basis.MESSAGE).difference == -10


def test_by_subtraction_nothing_is_missing_and_too_much_is_still_too_much():
    seen = Account.by_subtraction(sent=100, unknown=3, dead_lettered=2, left=8)
    assert (seen.processed, seen.difference, seen.problem) == (90, 0, None)
    assert "processed 90 (by subtraction, not checked)" in str(seen)
    assert Account.by_subtraction(sent=100, unknown=3, dead_lettered=2, left=101).difference == 0
    too_many = Account.by_subtraction(sent=100, unknown=3, dead_lettered=2, left=102)
    assert (too_many.processed, too_many.difference) == (0, 1)
    assert too_many.problem is not None


def test_effect_that_happened_twice_is_a_problem_though_the_numbers_agree():
    assert account(written_twice=2).difference == 0
    assert "more than once" in account(written_twice=2).problem


def test_run_that_sent_nothing_proves_nothing():
    assert "nothing was sent" in account(sent=0, processed=0, dead_lettered=0).problem


def test_what_is_only_sent_at_least_never_balances():
    assert "without a last word" in account(sent_at_least=True).problem
    assert str(account(sent_at_least=True)).startswith("sent at least 100 ? processed 98")


def test_account_that_could_not_be_made_says_why():
    assert account(not_seen="the queue is gone").problem == "there is no account: the queue is gone"
    assert "=" not in str(account(not_seen="the queue is gone"))


def test_account_is_printed_as_an_equation():
    assert str(account(left=1, processed=97)) == ("sent 100 = processed 97 + in the DLQ 2 + left in the queue 1")
    assert "(and up to 3 whose answer never came)" in str(account(unknown=3))
    assert "(of which 4 may be from before the run)" in str(account(there_before=4))
    assert account().as_json() == {
        "sent": 100,
        "unknown": 0,
        "processed": 98,
        "dead_lettered": 2,
        "left": 0,
        "written_twice": 0,
        "duplicates": 0,
        "basis": "key",
        "there_before": 0,
        "sent_at_least": False,
        "not_seen": None,
        "repeats": 0,
        "difference": 0,
        "problem": None,
    }
