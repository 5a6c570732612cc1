"""Whatever a database hands over, a cipher answers with the text or with an error of its own."""

import random

from strongroom.columnkeys.ring import KeyState
from strongroom.columns.cipher import ColumnCipher
from strongroom.columns.place import Binding, ColumnPlace, TokenFormat
from strongroom.errors import StrongroomError
from tests.unit.columns.rings import ring

INPUTS = 100_000
ALPHABET = "AZaz09-_+/=:. v1g\n\0é🔑\ud800"
BEGINNINGS = ["", "v1:", "v1:g1.", "v1:gAAAAA", "v1:Z0FBQUFB", "v2:g1.", "v3:g1.", "v9:gAAAAA", "v1:g1.g1."]
ROWS = [None, "-", "1:5", "1:6", ""]


def inputs(tokens: list[str]) -> list[str]:
    """Return texts made up and tokens cut, changed, joined and swapped, the same each time."""
    chance = random.Random(7)
    made = []
    for _ in range(INPUTS):
        if chance.random() < 0.4:
            made.append(chance.choice(BEGINNINGS) + "".join(chance.choices(ALPHABET, k=chance.randrange(60))))
            continue
        token = chance.choice(tokens)
        place = chance.randrange(len(token))
        made.append(
            token[:place] + chance.choice(ALPHABET) * chance.randrange(3) + token[place + chance.randrange(3) :]
        )
    return made


def test_only_typed_errors_come_out_and_never_a_text_that_was_not_put_in():
    held = ring("v1", v2=KeyState.DECRYPT_ONLY, v3=KeyState.DISABLED)
    place = ColumnPlace("shop", "users", "secret")
    ciphers = [ColumnCipher(held, place, format=form, binding=binding) for form in TokenFormat for binding in Binding]
    tokens = [made.encrypt("the only text", "1:5") for made in ciphers]
    tokens += [f"v1:{tokens[2].partition(':')[2].encode().hex()}"]
    odd, opened = [], set()

    for number, token in enumerate(inputs(tokens)):
        made, row = ciphers[number % len(ciphers)], ROWS[number % len(ROWS)]
        try:
            opened.add(made.decrypt(token, row))
        except StrongroomError:
            continue
        except Exception as error:  # noqa: BLE001 - any other class is the finding
            odd.append((token, type(error)))

    assert odd == []
    assert opened == {"the only text"}
