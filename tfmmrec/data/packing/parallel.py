"""Work on many things at once, with the answers in their order."""

import collections
import itertools
import os
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from typing import TypeVar

T = TypeVar("T")
R = TypeVar("R")

# Reading files and decoding media leave the interpreter to other threads.
NUM_THREADS = min(8, os.cpu_count() or 1)
_ITEMS_A_TASK = 32


def map_in_order(function: Callable[[T], R], items: Iterable[T]) -> Iterator[R]:
    """Yields `function` of each item, computed by some threads a little ahead of the reader."""
    with ThreadPoolExecutor(NUM_THREADS) as pool:
        pending: collections.deque[Future[list[R]]] = collections.deque()
        rest = iter(items)
        try:
            while task := list(itertools.islice(rest, _ITEMS_A_TASK)):
                pending.append(pool.submit(lambda some: [function(item) for item in some], task))
                if len(pending) > 2 * NUM_THREADS:
                    yield from pending.popleft().result()
            while pending:
                yield from pending.popleft().result()
        finally:
            for future in pending:
                future.cancel()


def ahead(items: Iterator[T]) -> Iterator[T]:
    """Yields items while another thread gets the next one."""
    end = object()
    with ThreadPoolExecutor(1) as pool:
        future = pool.submit(next, items, end)
        while (item := future.result()) is not end:
            future = pool.submit(next, items, end)
            yield item  # type: ignore[misc]
