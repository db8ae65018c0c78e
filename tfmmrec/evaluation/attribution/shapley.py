"""Shapley values: what each player adds to what a set of them is worth."""

import itertools
import math
from collections.abc import Callable, Collection, Sequence

import numpy as np


def coalition_values(
    players: Sequence[str], worth: Callable[[Collection[str]], np.ndarray]
) -> dict[frozenset[str], np.ndarray]:
    """What every set of players is worth, the empty one among them."""
    return {
        frozenset(some): worth(some)
        for size in range(len(players) + 1)
        for some in itertools.combinations(players, size)
    }


def shapley(
    players: Sequence[str], worth: dict[frozenset[str], np.ndarray]
) -> dict[str, np.ndarray]:
    """The Shapley value of each player, of each target by itself.

    Args:
        players: their names.
        worth: what every set of them is worth, float `[targets]`.

    Returns:
        By player float `[targets]`; they add up to the worth of all minus that of none.
    """
    num = len(players)
    found = {}
    for player in players:
        others = [name for name in players if name != player]
        total = np.zeros_like(worth[frozenset()])
        for size in range(num):
            weight = math.factorial(size) * math.factorial(num - size - 1) / math.factorial(num)
            for some in map(frozenset, itertools.combinations(others, size)):
                total = total + weight * (worth[some | {player}] - worth[some])
        found[player] = total
    return found
