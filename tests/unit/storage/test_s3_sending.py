"""How a body is divided on its way to an S3 server."""

from collections.abc import Callable

import pytest

from strongroom.storage.s3_sending import LARGEST_PIECE, QUICK_SECONDS, Pieces
from strongroom.storage.throttle import SLICE_BYTES, Meter, PacedBody
from tests.unit.storage.throttled import SleptClock

BODY = bytes(range(256)) * 32768


def _sent(body: bytearray, seconds: Callable[[int], float], rate: float | None = None) -> list[bytes]:
    """Send it over a line that takes so many seconds for the piece of that number."""
    clock = SleptClock()
    sent = []
    for number, piece in enumerate(Pieces(PacedBody(memoryview(body), Meter(rate, clock=clock)))):
        sent.append(bytes(piece))
        clock.slept += seconds(number)
    return sent


def test_pieces_grow_while_the_line_is_quick() -> None:
    sent = _sent(bytearray(BODY), lambda _: 0.0)
    assert b"".join(sent) == BODY
    assert [len(piece) for piece in sent[:5]] == [SLICE_BYTES << number for number in range(5)]
    assert max(map(len, sent)) == LARGEST_PIECE


def test_pieces_are_small_again_after_one_that_took_long() -> None:
    sent = _sent(bytearray(BODY), lambda number: QUICK_SECONDS if number == 3 else 0.0)
    assert b"".join(sent) == BODY
    assert [len(piece) // SLICE_BYTES for piece in sent[:7]] == [1, 2, 4, 8, 1, 2, 4]


def test_pieces_stay_small_where_a_limit_is_to_be_kept() -> None:
    sent = _sent(bytearray(BODY), lambda _: 0.0, rate=1e9)
    assert b"".join(sent) == BODY
    assert {len(piece) for piece in sent} == {SLICE_BYTES}


def test_a_piece_lies_where_the_body_does() -> None:
    body = bytearray(BODY)
    piece = next(iter(Pieces(PacedBody(memoryview(body), Meter(None, clock=SleptClock())))))
    assert piece.obj is body


@pytest.mark.parametrize("taken", [0, 1, 3])
def test_a_body_that_is_sent_again_begins_at_its_start(taken: int) -> None:
    pieces = Pieces(PacedBody(BODY, Meter(None, clock=SleptClock())))
    sent = iter(pieces)
    for _ in range(taken):
        next(sent)
    pieces.seek(0)
    assert b"".join(pieces) == BODY
    assert b"".join(pieces) == b""
