"""Three weights with sum 1 as a point in a triangle (a ternary plot)."""

import math
from collections.abc import Mapping, Sequence

import numpy as np

# The points at which the first, second and third weight is 1.
CORNERS = np.array([[0.0, 0.0], [1.0, 0.0], [0.5, math.sqrt(3) / 2]])


def by_modality(weights: Mapping[str, float], modalities: Mapping[str, str]) -> dict[str, float]:
    """The weights of features summed by their modality.

    Args:
        weights: by feature.
        modalities: the modality of each feature; a feature without one keeps its name.
    """
    sums: dict[str, float] = {}
    for feature, weight in weights.items():
        modality = modalities.get(feature, feature)
        sums[modality] = sums.get(modality, 0.0) + weight
    return sums


def greatest_three(sums: Sequence[Mapping[str, float]]) -> list[str]:
    """The three modalities with the largest mean weight; fewer if fewer have a positive one."""
    names = dict.fromkeys(name for each in sums for name in each)
    totals = {name: sum(each.get(name, 0.0) for each in sums) for name in names}
    return sorted((n for n in totals if totals[n] > 0), key=totals.__getitem__, reverse=True)[:3]


def positions(weights: np.ndarray) -> np.ndarray:
    """The points of weights: the weighted mean of the corners.

    Args:
        weights: `[trials, 3]`, not negative; only their ratios matter.

    Returns:
        `[trials, 2]`, in an equilateral triangle with sides of length 1.
    """
    return weights / weights.sum(axis=1, keepdims=True) @ CORNERS
