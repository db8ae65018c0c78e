"""A mapping whose values are created when they are first read."""

from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import TypeVar

T = TypeVar("T")


class LazyMapping(Mapping[str, T]):
    """Maps names to values, each of which is created once, when it is first read.

    Args:
        names: the keys, in order.
        create: creates the value of a name.

    Example:
        >>> lengths = LazyMapping(["a", "bc"], len)
        >>> lengths["bc"], list(lengths)
        (2, ['a', 'bc'])
    """

    def __init__(self, names: Iterable[str], create: Callable[[str], T]):
        self._names = dict.fromkeys(names)
        self._create = create
        self._values: dict[str, T] = {}

    def __getitem__(self, name: str) -> T:
        if name not in self._values:
            if name not in self._names:
                raise KeyError(name)
            self._values[name] = self._create(name)
        return self._values[name]

    def __contains__(self, name: object) -> bool:
        return name in self._names

    def __iter__(self) -> Iterator[str]:
        return iter(self._names)

    def __len__(self) -> int:
        return len(self._names)
