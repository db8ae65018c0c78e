"""Libraries, dictionaries and models that steps load once and share between threads."""

import functools
import threading
import warnings
from collections.abc import Callable
from typing import TypeVar

T = TypeVar("T")

# One reentrant lock, since a loader may call another.
_LOCK = threading.RLock()


def loaded_once(load: Callable[[str], T]) -> Callable[[str], T]:
    """Decorator: caches the result of a loader per kind of step.

    Packing runs steps in several threads; those that come while one loads wait for it. What a
    library warns of as it is imported is no business of whoever packs, and is not shown.
    """
    loaded: dict[str, T] = {}

    @functools.wraps(load)
    def get(step: str) -> T:
        if step not in loaded:
            with _LOCK, warnings.catch_warnings():
                warnings.simplefilter("ignore")
                if step not in loaded:
                    loaded[step] = load(step)
        return loaded[step]

    return get
