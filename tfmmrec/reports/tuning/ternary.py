"""Three weights that sum to 1 as a place in a triangle."""

import math
from collections.abc import Mapping, Sequence

import numpy as np

# Of the first, second and third weight: where it is all.
CORNERS = np.array([[0.0, 0.0], [1.0, 0.0], [0.5, math.sqrt(3) / 2]])


def by_modality(weights: Mapping[str, float], modalities: Mapping[str, str]) -> dict[str, float]:
    """The weights of features summed by their modality.

    Args:
        weights: by feature.
        modalities: the modality of each feature; one without stands by itself.
    """
    sums: dict[str, float] = {}
    for feature, weight in weights.items():
        modality = modalities.get(feature, feature)
        sums[modality] = sums.get(modality, 0.0) + weight
    return sums


def greatest_three(sums: Sequence[Mapping[str, float]]) -> list[str]:
    """The three modalities whose mean weight is the greatest; fewer where fewer have any."""
    names = dict.fromkeys(name for own in sums for name in own)
    whole = {name: sum(own.get(name, 0.0) for own in sums) for name in names}
    return sorted((n for n in whole if whole[n] > 0), key=whole.__getitem__, reverse=True)[:3]


def places(weights: np.ndarray) -> np.ndarray:
    """Where weights stand: at the mean of the corners, weighted by them.

    Args:
        weights: `[trials, 3]`, not negative; their ratios count.

    Returns:
        `[trials, 2]`, in a triangle of sides 1 that lies on its first two corners.
    """
    return weights / weights.sum(axis=1, keepdims=True) @ CORNERS
