"""The simplex of weights, at least 0 with sum one, mapped to the unit cube of a search space."""

from collections.abc import Sequence

import numpy as np


def to_weights(breaks: Sequence[float] | np.ndarray) -> np.ndarray:
    """Maps the unit cube to the simplex by stick breaking; uniform breaks give uniform weights.

    With m pieces to come, the next piece is `1 − (1 − u)^(1 / (m − 1))` of the rest of the stick.
    This is the inverse of the distribution function of Beta(1, m − 1), `1 − (1 − x)^(m − 1)`, which
    is the distribution of one weight of m under Dirichlet(1, …, 1), the uniform distribution on the
    simplex.

    Args:
        breaks: the u, from 0 to 1, one fewer than the weights.

    Returns:
        The weights, float64 `[len(breaks) + 1]`.

    Examples:
        >>> to_weights([0.75, 0.5]).tolist()
        [0.5, 0.25, 0.25]
    """
    left, weights = 1.0, []
    for index, u in enumerate(breaks):
        piece = left * (1.0 - (1.0 - u) ** (1.0 / (len(breaks) - index)))
        weights.append(piece)
        left -= piece
    return np.array([*weights, left])


def to_breaks(weights: Sequence[float] | np.ndarray) -> np.ndarray:
    """The inverse of `to_weights`.

    Args:
        weights: at least 0, with a sum above 0; scaled to sum one.

    Returns:
        float64 `[len(weights) - 1]`, from 0 to 1; 0 if nothing is left to break.

    Examples:
        >>> to_breaks([0.5, 0.25, 0.25]).tolist()
        [0.75, 0.5]
    """
    weights = np.asarray(weights, np.float64)
    breaks = []
    for index, weight in enumerate(weights[:-1]):
        left = weights[index:].sum()
        piece = weight / left if left > 0 else 0.0
        breaks.append(1.0 - (1.0 - piece) ** (len(weights) - 1 - index))
    return np.clip(breaks, 0.0, 1.0)
