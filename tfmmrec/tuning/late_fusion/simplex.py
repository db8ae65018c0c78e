"""Weights that are at least 0 and sum to one, as numbers from 0 to 1 that know nothing of it."""

from collections.abc import Sequence

import numpy as np


def to_weights(breaks: Sequence[float] | np.ndarray) -> np.ndarray:
    """Breaks a stick of length 1 again and again; the pieces are the weights.

    Of what is left with m pieces to come, the next is `1 − (1 − u)^(1 / (m − 1))`. That is what a
    uniform u has to become for the weights to be uniform on the simplex, Dirichlet(1, …, 1): the
    share of one piece of m is Beta(1, m − 1), whose distribution function is `1 − (1 − x)^(m − 1)`.

    Args:
        breaks: the u, from 0 to 1, one fewer than there are weights.

    Returns:
        The weights, float64 `[len(breaks) + 1]`.

    Examples:
        >>> to_weights([0.75, 0.5]).tolist()
        [0.5, 0.25, 0.25]
    """
    left, weights = 1.0, []
    for place, u in enumerate(breaks):
        piece = left * (1.0 - (1.0 - u) ** (1.0 / (len(breaks) - place)))
        weights.append(piece)
        left -= piece
    return np.array([*weights, left])


def to_breaks(weights: Sequence[float] | np.ndarray) -> np.ndarray:
    """The numbers that `to_weights` makes these weights of.

    Args:
        weights: at least 0, their sum above 0; scaled to sum to one.

    Returns:
        float64 `[len(weights) - 1]`, from 0 to 1; 0 where nothing is left to break.

    Examples:
        >>> to_breaks([0.5, 0.25, 0.25]).tolist()
        [0.75, 0.5]
    """
    weights = np.asarray(weights, np.float64)
    breaks = []
    for place, weight in enumerate(weights[:-1]):
        left = weights[place:].sum()
        share = weight / left if left > 0 else 0.0
        breaks.append(1.0 - (1.0 - share) ** (len(weights) - 1 - place))
    return np.clip(breaks, 0.0, 1.0)
