"""Passwords are argon2id hashes of the cost that OWASP names; nobody's name costs a hash too."""

import pytest

from strongroom.accounts.errors import PasswordTooWeakError
from strongroom.accounts.passwords import Cost, Passwords
from strongroom.clock import system_random
from tests.services.operators import CHEAP, PASSWORD

CHEAP_PASSWORDS = Passwords(system_random, CHEAP)


def test_the_usual_cost_is_19_mib_two_passes_and_one_lane() -> None:
    assert Passwords(system_random).hash(PASSWORD).startswith("$argon2id$v=19$m=19456,t=2,p=1$")


def test_the_right_password_matches_and_others_do_not() -> None:
    known = CHEAP_PASSWORDS.hash(PASSWORD)

    assert CHEAP_PASSWORDS.matches(known, PASSWORD)
    assert not CHEAP_PASSWORDS.matches(known, PASSWORD + "x")
    assert not CHEAP_PASSWORDS.matches(None, PASSWORD)
    assert CHEAP_PASSWORDS.hash(PASSWORD) != known


@pytest.mark.parametrize("password", ["short", "x" * 11, "x" * 1025, "\N{GRINNING FACE}" * 257])
def test_what_is_too_short_or_too_long_is_no_password(password: str) -> None:
    with pytest.raises(PasswordTooWeakError) as refused:
        CHEAP_PASSWORDS.hash(password)

    assert password not in str(refused.value)


def test_a_password_of_megabytes_is_not_hashed() -> None:
    assert not CHEAP_PASSWORDS.matches(CHEAP_PASSWORDS.hash(PASSWORD), "x" * 5_000_000)


def test_a_hash_of_another_cost_is_outdated() -> None:
    assert Passwords(system_random, Cost(memory_kib=16, passes=1)).is_outdated(CHEAP_PASSWORDS.hash(PASSWORD))
