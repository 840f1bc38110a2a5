from redrive.load.sending.counts import SendCounts
from redrive.load.sending.message_bytes import MESSAGE_BYTES_MAX
from redrive.load.sending.messages import Kind, Message


def messages(*kinds):
    return [
        Message(kind, "k", "{}", "0a1b2c3d.0.0.0", MESSAGE_BYTES_MAX + (kind is Kind.OVERSIZE), None) for kind in kinds
    ]


def test_accepted_are_counted_by_kind():
    counts = SendCounts()
    counts.add_accepted(messages(Kind.NORMAL, Kind.POISON, Kind.DUPLICATE, Kind.DUPLICATE, Kind.OVERSIZE))
    assert counts == SendCounts(accepted=5, poison=1, duplicates=2)


def test_refused_are_counted_and_those_that_are_too_large_apart():
    counts = SendCounts()
    counts.add_refused(messages(Kind.NORMAL, Kind.POISON, Kind.OVERSIZE))
    assert counts == SendCounts(failed=3, oversize=1)


def test_what_was_never_sent_was_not_refused_for_its_size():
    counts = SendCounts()
    counts.add_unsent(messages(Kind.OVERSIZE, Kind.NORMAL))
    assert counts == SendCounts(failed=2)


def test_what_may_be_in_the_queue_is_of_unknown_fate():
    counts = SendCounts()
    counts.add_unknown(messages(Kind.DUPLICATE, Kind.POISON))
    assert counts == SendCounts(unknown=2)


def test_counts_of_processes_add_up():
    total = SendCounts(accepted=1)
    for counts in (SendCounts(accepted=5, poison=1, duplicates=4), SendCounts(failed=2, unknown=3, oversize=1)):
        total.add(counts.as_json())
    assert total == SendCounts(accepted=6, poison=1, failed=2, unknown=3, duplicates=4, oversize=1)
