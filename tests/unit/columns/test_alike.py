"""Many tokens converted together come out as they do one by one, or not at all."""

import base64

import pytest
from hypothesis import given
from hypothesis import strategies as st

from strongroom.columnkeys.ring import KeyRing, KeyState
from strongroom.columns.cipher import ColumnCipher
from strongroom.columns.place import Binding, ColumnPlace, TokenFormat, row_id
from tests.unit.columns.rings import ring

PLACE = ColumnPlace("shop", "usuarios", "_otp_secret")
OLD, NEW = ring(), ring("v2", v1=KeyState.DECRYPT_ONLY)
TEXTS = ["", "JBSWY3DPEHPK3PXP", "João 🔑", "a,b", "x" * 500]


def cipher(held: KeyRing, form: TokenFormat, binding: Binding, *, strict: bool = False) -> ColumnCipher:
    return ColumnCipher(held, PLACE, format=form, binding=binding, strict=strict)


@pytest.mark.parametrize("form", TokenFormat)
@pytest.mark.parametrize("binding", Binding)
def test_tokens_of_one_kind_get_the_active_version_and_keep_their_texts_and_rows(form: TokenFormat, binding: Binding):
    rows = [row_id((number,)) for number in range(len(TEXTS))]
    old = cipher(OLD, form, binding)
    tokens = [old.encrypt(text, row) for text, row in zip(TEXTS, rows, strict=True)]
    new = cipher(NEW, TokenFormat.AES_GCM, binding)

    made = new.convert_alike(tokens, rows if binding is Binding.ROW else None)

    assert made is not None
    assert all(token.startswith("v2:g1.") for token in made)
    assert [new.decrypt(token, row) for token, row in zip(made, rows, strict=True)] == TEXTS
    assert len({token[:22] for token in made}) == len(TEXTS)


def test_a_token_that_was_moved_to_another_row_stops_the_whole():
    rows = [row_id((number,)) for number in range(2)]
    old = cipher(OLD, TokenFormat.AES_GCM, Binding.ROW)
    tokens = [old.encrypt("text", row) for row in rows]

    assert cipher(NEW, TokenFormat.AES_GCM, Binding.ROW).convert_alike(tokens, rows[::-1]) is None


@pytest.mark.parametrize("form", TokenFormat)
@pytest.mark.parametrize(
    "odd", ["!", "=", "", "v1:", "v1:g1.", "v1:g1.AAAA", "v1:gAAAAA", "v2:g1.AAAA", "é", ",", "no token"]
)
def test_one_odd_token_stops_the_whole(form: TokenFormat, odd: str):
    old = cipher(OLD, form, Binding.COLUMN)
    tokens = [old.encrypt("a", None), old.encrypt("b", None)]
    new = cipher(NEW, TokenFormat.AES_GCM, Binding.COLUMN)

    for place in range(3):
        assert new.convert_alike([*tokens[:place], odd, *tokens[place:]], None) is None


@pytest.mark.parametrize("form", TokenFormat)
@pytest.mark.parametrize("rest", ["!", "=", "", "=="])
def test_two_tokens_in_one_row_are_not_taken_for_the_tokens_of_two(form: TokenFormat, rest: str):
    old = cipher(OLD, form, Binding.COLUMN)
    both = f"{old.encrypt('a', None)},{old.encrypt('b', None)}"

    assert cipher(NEW, TokenFormat.AES_GCM, Binding.COLUMN).convert_alike([both, rest], None) is None


@pytest.mark.parametrize("junk", ["\n", " ", "+"])
def test_a_fernet_token_with_what_is_not_base64_in_it_stops_the_whole(junk: str):
    token = cipher(OLD, TokenFormat.FERNET, Binding.COLUMN).encrypt("a", None)

    assert cipher(NEW, TokenFormat.AES_GCM, Binding.COLUMN).convert_alike([token, token + junk], None) is None


def test_halves_of_a_character_in_neighbouring_rows_are_not_one():
    old = cipher(OLD, TokenFormat.AES_GCM, Binding.COLUMN)
    keys = old._readable["v1"]
    halves = [keys.encrypt(b"n" * 12, half, keys.column_aad) for half in ("é".encode()[:1], "é".encode()[1:])]
    tokens = [f"v1:g1.{_base64url(b'n' * 12 + half)}" for half in halves]

    assert cipher(NEW, TokenFormat.AES_GCM, Binding.COLUMN).convert_alike(tokens, None) is None


def test_a_strict_column_takes_no_fernet_tokens():
    token = cipher(OLD, TokenFormat.FERNET, Binding.COLUMN).encrypt("text", None)

    assert cipher(NEW, TokenFormat.AES_GCM, Binding.COLUMN, strict=True).convert_alike([token], None) is None


@given(st.lists(st.text(), min_size=1, max_size=20), st.data())
def test_a_batch_with_a_change_in_it_is_none_or_as_one_by_one(texts: list[str], data: st.DataObject):
    old = cipher(OLD, TokenFormat.AES_GCM, Binding.COLUMN)
    new = cipher(NEW, TokenFormat.AES_GCM, Binding.COLUMN)
    tokens = [str(old.encrypt(text, None)) for text in texts]
    place = data.draw(st.integers(0, len(tokens) - 1))
    at = data.draw(st.integers(0, len(tokens[place]) - 1))
    kept = tokens[place]
    changed = kept[:at] + data.draw(st.text("Ag1v:.,-_+/=", max_size=3)) + kept[at + 1 :]

    tokens[place] = changed

    made = new.convert_alike(tokens, None)

    if made is None:
        assert changed != kept
    else:
        # The last character of base64 has bits that nobody reads.
        assert [new.decrypt(token, None) for token in made] == texts == [new.decrypt(token, None) for token in tokens]


def _base64url(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).decode().rstrip("=")
