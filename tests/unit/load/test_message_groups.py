import threading

import pytest

from redrive.load.sending.message_groups import MessageGroups


def test_groups_are_had_alone_and_given_in_turn():
    groups = MessageGroups(5)
    with groups.taken(2) as first, groups.taken(2) as second:
        assert (first, second) == (["group-0", "group-1"], ["group-2", "group-3"])
        with groups.taken(2) as third:
            assert third == ["group-4"]
    with groups.taken(9) as every:
        assert every == ["group-4", "group-2", "group-3", "group-0", "group-1"]


def test_who_finds_none_waits_until_one_is_given_back():
    groups, taken = MessageGroups(1), []

    def take():
        with groups.taken(1) as mine:
            taken.append(mine)

    with groups.taken(1):
        thread = threading.Thread(target=take)
        thread.start()
        thread.join(0.05)
        assert taken == []
    thread.join(10)
    assert taken == [["group-0"]]


def test_groups_are_given_back_after_an_error():
    groups = MessageGroups(1)
    with pytest.raises(ZeroDivisionError), groups.taken(1):
        _ = 1 / 0
    with groups.taken(1) as again:
        assert again == ["group-0"]
