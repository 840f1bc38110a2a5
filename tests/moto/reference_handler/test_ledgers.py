"""One contract, held by every ledger."""

import threading
import time
from collections import Counter

import pytest

from redrive.reference_handler.ledger.dynamodb import DynamoDBLedger
from redrive.reference_handler.ledger.ledger import Claim
from redrive.reference_handler.ledger.memory import MemoryLedger

NOW_MS = 1_735_689_600_000
TTL_S = 86_400


@pytest.fixture(params=["memory", "dynamodb"])
def ledger(request):
    if request.param == "memory":
        return MemoryLedger(ttl_s=TTL_S)
    return DynamoDBLedger(request.getfixturevalue("dynamodb"), table="orders", ttl_s=TTL_S)


def claim(ledger, owner, *, at_ms=NOW_MS, for_ms=10_000, key="A-1"):
    return ledger.claim(key, owner=owner, lease_until_ms=at_ms + for_ms, now_ms=at_ms)


class TestContract:
    def test_the_first_claim_wins_and_the_second_finds_it_leased(self, ledger):
        assert claim(ledger, "one") is Claim.CLAIMED
        assert claim(ledger, "two") is Claim.LEASED

    def test_keys_do_not_mind_each_other(self, ledger):
        assert claim(ledger, "one", key="A-1") is Claim.CLAIMED
        assert claim(ledger, "two", key="A-2") is Claim.CLAIMED

    def test_the_owner_may_claim_again(self, ledger):
        assert claim(ledger, "one") is Claim.CLAIMED
        assert claim(ledger, "one") is Claim.CLAIMED

    def test_what_is_done_is_done_for_its_owner_too(self, ledger):
        claim(ledger, "one")
        assert ledger.complete("A-1", owner="one", now_ms=NOW_MS)
        assert claim(ledger, "two") is Claim.DONE
        assert claim(ledger, "one") is Claim.DONE

    def test_what_is_done_stays_done_when_the_lease_would_have_ended(self, ledger):
        claim(ledger, "one")
        ledger.complete("A-1", owner="one", now_ms=NOW_MS)
        assert claim(ledger, "two", at_ms=NOW_MS + 1_000_000) is Claim.DONE

    def test_a_lease_may_be_taken_over_from_the_moment_it_ends(self, ledger):
        claim(ledger, "one", for_ms=10_000)
        assert claim(ledger, "two", at_ms=NOW_MS + 9_999) is Claim.LEASED
        assert claim(ledger, "two", at_ms=NOW_MS + 10_000) is Claim.CLAIMED

    def test_who_lost_the_lease_changes_nothing(self, ledger):
        claim(ledger, "one", for_ms=10_000)
        claim(ledger, "two", at_ms=NOW_MS + 10_000)
        assert not ledger.complete("A-1", owner="one", now_ms=NOW_MS + 10_001)
        assert not ledger.release("A-1", owner="one")
        assert claim(ledger, "three", at_ms=NOW_MS + 10_002) is Claim.LEASED
        assert ledger.complete("A-1", owner="two", now_ms=NOW_MS + 10_003)

    def test_a_lease_that_has_ended_and_was_not_taken_may_still_be_completed(self, ledger):
        claim(ledger, "one", for_ms=10_000)
        assert ledger.complete("A-1", owner="one", now_ms=NOW_MS + 20_000)
        assert claim(ledger, "two", at_ms=NOW_MS + 20_001) is Claim.DONE

    def test_a_released_key_can_be_claimed_at_once(self, ledger):
        claim(ledger, "one")
        assert ledger.release("A-1", owner="one")
        assert claim(ledger, "two") is Claim.CLAIMED

    def test_what_is_done_cannot_be_released(self, ledger):
        claim(ledger, "one")
        ledger.complete("A-1", owner="one", now_ms=NOW_MS)
        assert not ledger.release("A-1", owner="one")
        assert claim(ledger, "two") is Claim.DONE

    def test_a_key_that_nobody_claimed_is_neither_completed_nor_released(self, ledger):
        assert not ledger.complete("A-1", owner="one", now_ms=NOW_MS)
        assert not ledger.release("A-1", owner="one")
        assert claim(ledger, "two") is Claim.CLAIMED

    def test_to_complete_twice_is_to_complete_once(self, ledger):
        claim(ledger, "one")
        assert ledger.complete("A-1", owner="one", now_ms=NOW_MS)
        assert ledger.complete("A-1", owner="one", now_ms=NOW_MS)

    def test_what_is_done_is_forgotten_after_its_time_to_live_and_not_before(self, ledger):
        claim(ledger, "one")
        done_ms = NOW_MS + 5_000
        ledger.complete("A-1", owner="one", now_ms=done_ms)
        assert claim(ledger, "two", at_ms=done_ms + (TTL_S - 1) * 1_000) is Claim.DONE
        assert claim(ledger, "two", at_ms=done_ms + TTL_S * 1_000) is Claim.CLAIMED
        assert claim(ledger, "three", at_ms=done_ms + TTL_S * 1_000) is Claim.LEASED

    def test_of_sixty_four_claims_at_once_one_wins(self, ledger):
        start = threading.Barrier(64)
        claims = []

        def race(n):
            start.wait(timeout=20)
            claims.append(claim(ledger, f"owner-{n}"))

        threads = [threading.Thread(target=race, args=(n,)) for n in range(64)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert Counter(claims) == {Claim.CLAIMED: 1, Claim.LEASED: 63}

    @pytest.mark.parametrize("key", ["ż" * 1_024, "\U0001f600", "'; --", "a b\n", "#owner", ":owner"])
    def test_any_text_is_a_key(self, ledger, key):
        assert claim(ledger, "one", key=key) is Claim.CLAIMED
        assert claim(ledger, "two", key=key) is Claim.LEASED
        assert ledger.complete(key, owner="one", now_ms=NOW_MS)
        assert claim(ledger, "two", key=key) is Claim.DONE


class InterruptedKey(str):
    """A key that lets other threads run whenever it is looked up, so that a claim is interrupted half-way."""

    __slots__ = ()

    def __hash__(self):
        time.sleep(0)  # gives the interpreter to another thread, and waits for nothing
        return super().__hash__()


def test_a_claim_on_a_memory_ledger_is_not_interrupted():
    ledger = MemoryLedger(ttl_s=TTL_S)
    start = threading.Barrier(8)
    claims = []

    def race(n):
        start.wait(timeout=20)
        claims.extend(claim(ledger, f"owner-{n}", key=InterruptedKey(f"A-{order}")) for order in range(50))

    threads = [threading.Thread(target=race, args=(n,)) for n in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert Counter(claims) == {Claim.CLAIMED: 50, Claim.LEASED: 350}


def test_a_memory_ledger_forgets_what_has_expired():
    ledger = MemoryLedger(ttl_s=TTL_S)
    for n in range(1_000):
        claim(ledger, "one", key=f"A-{n}")
        ledger.complete(f"A-{n}", owner="one", now_ms=NOW_MS)
    claim(ledger, "two", key="B", at_ms=NOW_MS + TTL_S * 1_000)
    assert list(ledger._entries) == ["B"]


class TestOnDynamoDB:
    @pytest.fixture
    def ledger(self, dynamodb):
        return DynamoDBLedger(dynamodb, table="orders", ttl_s=TTL_S)

    def test_an_item_holds_its_lease_and_when_it_may_go(self, ledger, items):
        claim(ledger, "one", for_ms=10_000)
        assert items()["A-1"] == {
            "business_key": "A-1",
            "status": "in_progress",
            "owner": "one",
            "lease_until_ms": NOW_MS + 10_000,
            "expires_at": NOW_MS // 1_000 + TTL_S,
        }
        ledger.complete("A-1", owner="one", now_ms=NOW_MS + 5_000)
        assert items()["A-1"] == {
            "business_key": "A-1",
            "status": "done",
            "owner": "one",
            "expires_at": NOW_MS // 1_000 + 5 + TTL_S,
        }

    def test_a_claim_whose_answer_was_lost_is_ours(self, ledger, lose_answer):
        attempts = lose_answer("UpdateItem")
        assert claim(ledger, "one") is Claim.CLAIMED
        assert attempts == [1, 2]

    def test_a_completion_whose_answer_was_lost_is_done(self, ledger, lose_answer):
        claim(ledger, "one")
        attempts = lose_answer("UpdateItem")
        assert ledger.complete("A-1", owner="one", now_ms=NOW_MS)
        assert attempts == [1, 2]

    def test_a_release_whose_answer_was_lost_has_released(self, ledger, lose_answer):
        claim(ledger, "one")
        attempts = lose_answer("DeleteItem")
        ledger.release("A-1", owner="one")
        assert attempts == [1, 2]
        assert claim(ledger, "two") is Claim.CLAIMED

    def test_an_item_that_is_no_ledger_entry_is_left_alone(self, ledger, items, dynamodb):
        dynamodb.put_item(TableName="orders", Item={"business_key": {"S": "A-1"}, "theirs": {"S": "x"}})
        assert claim(ledger, "one") is Claim.LEASED
        assert items()["A-1"] == {"business_key": "A-1", "theirs": "x"}

    def test_what_is_no_refusal_is_raised(self, dynamodb):
        ledger = DynamoDBLedger(dynamodb, table="no-such-table", ttl_s=TTL_S)
        for call in (
            lambda: claim(ledger, "one"),
            lambda: ledger.complete("A-1", owner="one", now_ms=NOW_MS),
            lambda: ledger.release("A-1", owner="one"),
        ):
            with pytest.raises(dynamodb.exceptions.ResourceNotFoundException):
                call()
