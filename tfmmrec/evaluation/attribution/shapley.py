"""Shapley values: the average contribution of each player to the value of a coalition."""

import itertools
import math
from collections.abc import Callable, Collection, Mapping, Sequence

import numpy as np


def coalition_values(
    players: Sequence[str], value: Callable[[Collection[str]], np.ndarray]
) -> dict[frozenset[str], np.ndarray]:
    """Computes the value of every coalition (set of players), including the empty one."""
    return {
        frozenset(coalition): value(coalition)
        for size in range(len(players) + 1)
        for coalition in itertools.combinations(players, size)
    }


def shapley_values(
    players: Sequence[str], values: Mapping[frozenset[str], np.ndarray]
) -> dict[str, np.ndarray]:
    """Computes the Shapley value of each player.

    Shapley 1953, "A value for n-person games".

    Args:
        players: their names.
        values: the value of each coalition, float `[targets]`.

    Returns:
        By player, float `[targets]`. They add up to the value of all players minus that of none.
    """
    num = len(players)
    result = {}
    for player in players:
        others = [name for name in players if name != player]
        total = np.zeros_like(values[frozenset()])
        for size in range(num):
            weight = math.factorial(size) * math.factorial(num - size - 1) / math.factorial(num)
            for coalition in map(frozenset, itertools.combinations(others, size)):
                total = total + weight * (values[coalition | {player}] - values[coalition])
        result[player] = total
    return result
