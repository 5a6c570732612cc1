"""Doing slow calls a few steps ahead of a consumer, in order and in bounded number."""

from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from typing import TypeVar

from strongroom.tracing import same_ids

T = TypeVar("T")
R = TypeVar("R")


def ahead(call: Callable[[T], R], arguments: Iterable[T], *, threads: int, window: int) -> Iterator[tuple[T, R]]:
    """Yield (argument, result) in order, at most `window` of them begun and not yet taken; errors come in turn.

    Leaving the iteration early waits for the calls under way and drops the others.
    """
    executor = ThreadPoolExecutor(threads, thread_name_prefix="ahead", initializer=same_ids())
    started: deque[tuple[T, Future[R]]] = deque()
    try:
        for argument in arguments:
            started.append((argument, executor.submit(call, argument)))
            if len(started) >= window:
                first, future = started.popleft()
                yield first, future.result()
        while started:
            first, future = started.popleft()
            yield first, future.result()
    finally:
        executor.shutdown(wait=True, cancel_futures=True)
