"""Waits grow, are spread at random, and have an upper bound."""

from hypothesis import given
from hypothesis import strategies as st

from strongroom.jobs.policy import LedgerPolicy

POLICY = LedgerPolicy(retry_base_seconds=10, retry_cap_seconds=60, republish_base_seconds=5, republish_cap_seconds=30)


def always_most(count: int) -> bytes:
    return b"\xff" * count


def test_the_longest_wait_doubles_up_to_its_cap():
    assert [round(POLICY.retry_delay(errors, always_most)) for errors in range(1, 6)] == [10, 20, 40, 60, 60]


def test_the_shortest_wait_is_none():
    assert POLICY.retry_delay(4, bytes) == 0.0


@given(st.integers(1, 10**6), st.binary(min_size=4, max_size=4))
def test_a_wait_is_always_below_its_cap(errors: int, noise: bytes):
    assert 0 <= POLICY.retry_delay(errors, lambda _: noise) < POLICY.retry_cap_seconds


def test_a_message_is_repeated_with_growing_distance_up_to_a_cap():
    assert [POLICY.republish_delay(count) for count in (1, 2, 3, 4, 1000)] == [5, 10, 20, 30, 30]


def test_a_holder_renews_often_and_stops_before_its_lease_ends():
    policy = LedgerPolicy(lease_seconds=60)

    assert 3 * policy.renew_seconds < policy.trust_seconds < policy.lease_seconds
