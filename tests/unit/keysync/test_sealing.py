"""Keys at rest open under their own label and nothing else, and the form they are kept in does not change."""

import json
import pickle
import uuid
from dataclasses import replace
from pathlib import Path

import pytest

from strongroom.keyring.secret import SecretKey
from strongroom.keysync.delivery import KeyGiven
from strongroom.keysync.giving_errors import SealedKeyError
from strongroom.keysync.sealing import Label, Sealer

VECTOR = json.loads((Path(__file__).parents[2] / "vectors/keysync/sealing.json").read_text(encoding="utf-8"))
LABEL = Label(*VECTOR["label"])
KEY, SEALED = bytes.fromhex(VECTOR["key"]), bytes.fromhex(VECTOR["sealed"])


@pytest.fixture
def sealer() -> Sealer:
    key = SecretKey(bytes.fromhex(VECTOR["data_key"]))
    return Sealer(uuid.UUID(int=0), key, lambda count: bytes(range(0xA0, 0xA0 + count)))


def test_the_form_is_the_one_that_was_frozen(sealer: Sealer) -> None:
    assert sealer.seal(LABEL, KEY) == SEALED
    assert sealer.open(LABEL, SEALED) == bytearray(KEY)
    assert sealer.fingerprint(LABEL, KEY).hex() == VECTOR["fingerprint"]


@pytest.mark.parametrize("field", ["origin", "name", "peer", "direction"])
def test_a_key_does_not_open_under_another_label(sealer: Sealer, field: str) -> None:
    with pytest.raises(SealedKeyError):
        sealer.open(replace(LABEL, **{field: "other"}), SEALED)


def test_no_bit_of_a_sealed_key_may_change(sealer: Sealer) -> None:
    for bit in range(len(SEALED) * 8):
        changed = bytearray(SEALED)
        changed[bit // 8] ^= 1 << bit % 8
        with pytest.raises(SealedKeyError):
            sealer.open(LABEL, bytes(changed))


@pytest.mark.parametrize("length", [0, 1, 12, 13, 28, 29, len(SEALED) - 1])
def test_a_sealed_key_that_is_cut_short_does_not_open(sealer: Sealer, length: int) -> None:
    with pytest.raises(SealedKeyError):
        sealer.open(LABEL, SEALED[:length])


def test_a_key_that_was_given_hides_and_is_never_pickled() -> None:
    given = KeyGiven("ab", bytearray(b"secret"))

    assert "secret" not in repr(given)
    with pytest.raises(TypeError):
        pickle.dumps(given)
