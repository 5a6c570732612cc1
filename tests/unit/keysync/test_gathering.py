"""Those who want something of one pile at the same time share a call; each gets something else, and once."""

import threading
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor

from strongroom.keysync.gathering import MOST_AT_A_TIME, Gatherer

Take = Callable[[str, int], list[int]]


class Pile:
    """Numbers, one after the other; the first call waits until it is let on."""

    def __init__(self, left: int) -> None:
        self.left = left
        self.calls: list[int] = []
        self.called, self.let_on = threading.Event(), threading.Event()

    def take(self, _: str, count: int) -> list[int]:
        self.calls.append(count)
        if len(self.calls) == 1:
            self.called.set()
            assert self.let_on.wait(10)
        taken = min(count, self.left)
        self.left -= taken
        return list(range(self.left, self.left + taken))


def crowd(take: Take, pile: Pile, size: int) -> list[Future[int | None]]:
    """Have one thread call, and all the others come while it does."""
    gatherer = Gatherer(take)
    with ThreadPoolExecutor(size) as threads:
        first = threads.submit(gatherer.take, "pile")
        assert pile.called.wait(10)
        others = [threads.submit(gatherer.take, "pile") for _ in range(size - 1)]
        while len(gatherer._waiting["pile"]) < size - 1:
            pass
        pile.let_on.set()
    return [first, *others]


def test_those_who_come_during_a_call_share_the_next() -> None:
    pile = Pile(100)
    taken = [future.result() for future in crowd(pile.take, pile, 10)]

    assert len({*taken} - {None}) == 10
    assert pile.calls == [1, 9]


def test_one_call_takes_no_more_than_so_many() -> None:
    pile = Pile(100)
    taken = [future.result() for future in crowd(pile.take, pile, 2 + MOST_AT_A_TIME)]

    assert len({*taken} - {None}) == 2 + MOST_AT_A_TIME
    assert pile.calls == [1, MOST_AT_A_TIME, 1]


def test_who_finds_the_pile_empty_gets_nothing() -> None:
    pile = Pile(4)
    taken = [future.result() for future in crowd(pile.take, pile, 10)]

    assert sorted(number for number in taken if number is not None) == [0, 1, 2, 3]
    assert taken.count(None) == 6


def test_a_call_that_fails_fails_for_those_who_share_it_and_nobody_else() -> None:
    pile = Pile(100)

    def take(_: str, count: int) -> list[int]:
        taken = pile.take(_, count)
        if count == MOST_AT_A_TIME:
            raise OSError("gone")
        return taken

    futures = crowd(take, pile, 3 + MOST_AT_A_TIME)

    assert sum(isinstance(future.exception(), OSError) for future in futures) == MOST_AT_A_TIME
    assert len({future.result() for future in futures if future.exception() is None}) == 3


def test_piles_do_not_wait_for_each_other() -> None:
    pile = Pile(100)
    gatherer = Gatherer(pile.take)
    with ThreadPoolExecutor(1) as threads:
        slow = threads.submit(gatherer.take, "slow")
        assert pile.called.wait(10)
        assert gatherer.take("other") is not None
        pile.let_on.set()
        assert slow.result() is not None
