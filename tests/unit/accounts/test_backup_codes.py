"""Backup codes are unique, have 120 bits, and are read as people write them."""

import re
import uuid

import pytest

from strongroom.accounts.backup_codes import digest, new_codes, normalised
from strongroom.clock import system_random
from strongroom.keyring.secret import SecretKey

CODE = "0123-4567-89AB-CDEF-GHJK-MNPQ"


def test_there_are_ten_different_ones_of_six_groups() -> None:
    codes = new_codes(system_random)

    assert len(set(codes)) == 10
    assert all(re.fullmatch(r"([0-9A-HJKMNP-TV-Z]{4}-){5}[0-9A-HJKMNP-TV-Z]{4}", code) for code in codes)


@pytest.mark.parametrize(
    "typed",
    [
        CODE,
        CODE.lower(),
        CODE.replace("-", " "),
        CODE.replace("-", ""),
        f"  {CODE}\n",
        CODE.replace("0", "O").replace("1", "I"),
        CODE.replace("0", "o").replace("1", "l"),
    ],
)
def test_case_groups_and_letters_that_look_alike_do_not_matter(typed: str) -> None:
    assert normalised(typed) == CODE.replace("-", "")


@pytest.mark.parametrize("typed", ["", "123456", CODE[:-1], CODE + "0", CODE.replace("0", "U"), "é" * 24, "0" * 5000])
def test_what_is_no_backup_code_is_none(typed: str) -> None:
    assert normalised(typed) is None


def test_the_digest_is_that_of_the_vector_and_of_one_account_only() -> None:
    key, account = SecretKey(bytes(range(32))), uuid.UUID(int=7)
    text = CODE.replace("-", "")

    assert digest(key, account, text).hex() == "e0c91efd16d86497d66db7867cfe4173b9ddd3d01f51593ee5dceb85574ba65a"
    assert digest(key, uuid.UUID(int=8), text) != digest(key, account, text)
