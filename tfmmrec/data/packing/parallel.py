"""Parallel maps that preserve the order of their input."""

import collections
import itertools
import os
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from typing import TypeVar

T = TypeVar("T")
R = TypeVar("R")

# Reading files and decoding media release the interpreter lock.
NUM_THREADS = min(8, os.cpu_count() or 1)


def map_in_order(
    function: Callable[[T], R], items: Iterable[T], *, items_per_task: int = 32
) -> Iterator[R]:
    """Yields `function(item)` for each item, computed ahead by a pool of threads.

    Args:
        function: takes an item.
        items: are read ahead too, by the thread that reads the results.
        items_per_task: number of items that a thread takes at a time (default 32); fewer where the
            function takes long.
    """
    with ThreadPoolExecutor(NUM_THREADS) as pool:
        pending: collections.deque[Future[list[R]]] = collections.deque()
        rest = iter(items)
        try:
            while task := list(itertools.islice(rest, items_per_task)):
                pending.append(pool.submit(lambda some: [function(item) for item in some], task))
                if len(pending) > 2 * NUM_THREADS:
                    yield from pending.popleft().result()
            while pending:
                yield from pending.popleft().result()
        finally:
            for future in pending:
                future.cancel()


def prefetch(items: Iterator[T]) -> Iterator[T]:
    """Yields items while another thread computes the next one."""
    end = object()
    with ThreadPoolExecutor(1) as pool:
        future = pool.submit(next, items, end)
        while (item := future.result()) is not end:
            future = pool.submit(next, items, end)
            yield item  # type: ignore[misc]
