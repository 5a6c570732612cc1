"""Frames of packs are handed out by several threads: each once, every pack fetched once, and errors end it."""

import threading
import time
from collections import Counter, deque

import pytest

from strongroom.repository.errors import TamperedError
from strongroom.repository.handing import FrameWanted, HandingPool, PackWanted


class Packs:
    """Packs whose frames hold their own numbers; notes who fetches what."""

    def __init__(self, *frames):
        self.frames = frames
        self.fetched = []

    def wanted(self):
        for ordinal, count in enumerate(self.frames):
            yield PackWanted(ordinal, deque(FrameWanted(number, [(0, 1, ordinal, number)]) for number in range(count)))

    def fetch(self, ordinal):
        self.fetched.append(ordinal)
        return self

    def read(self, number):
        return number.to_bytes(2, "big")


def pair(plain, targets):
    return targets[0][2], int.from_bytes(plain, "big")


@pytest.mark.parametrize("threads", [1, 2, 5])
def test_every_frame_is_handed_out_once_and_every_pack_fetched_once(threads):
    packs = Packs(3, 50, 1, 400, 7)

    found = list(HandingPool(packs.wanted(), packs.fetch, pair, threads=threads).run())

    assert Counter(found) == Counter((pack, frame) for pack, count in enumerate(packs.frames) for frame in range(count))
    assert sorted(packs.fetched) == [0, 1, 2, 3, 4]


def test_a_thread_without_a_pack_helps_with_the_last_one():
    packs, both = Packs(40), threading.Barrier(2, timeout=10)
    seen = set()

    def meet(plain, targets):
        if threading.get_ident() not in seen:
            seen.add(threading.get_ident())
            both.wait()
        return pair(plain, targets)

    assert len(list(HandingPool(packs.wanted(), packs.fetch, meet, threads=2).run())) == 40
    assert packs.fetched == [0]


def test_the_first_error_ends_it_and_is_raised():
    packs = Packs(10_000, 10_000)
    taken = []

    def refuse(plain, targets):
        taken.append(plain)
        raise TamperedError("A frame does not open.")

    with pytest.raises(TamperedError):
        list(HandingPool(packs.wanted(), packs.fetch, refuse, threads=2).run())
    assert len(taken) <= 2


def test_leaving_early_drops_the_frames_that_wait():
    packs, taken = Packs(1, 50_000), []

    def take(plain, targets):
        taken.append(plain)
        # All of them would take half a minute.
        time.sleep(0.001)

    handed_out = HandingPool(packs.wanted(), packs.fetch, take, threads=2).run()
    next(handed_out)
    handed_out.close()

    assert len(taken) < 50_000
