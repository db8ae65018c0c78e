"""Features taken away from items, as in a catalogue that is less complete."""

from collections.abc import Iterable, Mapping

import numpy as np

Presence = dict[str, np.ndarray]


def take_away(
    present: Mapping[str, np.ndarray], features: Iterable[str], share: float, *, seed: int
) -> Presence:
    """Takes some features, all of them together, from a share of the items that have any of them.

    Items that lose them at one share lose them at a higher one too, with the same seed.

    Args:
        present: by feature, bool `[items]`.
        features: which are taken away, those of a modality.
        share: of the items, from 0 to 1; rounded to whole items.
        seed: of which items lose them.

    Returns:
        The presence of all features.
    """
    features = list(features)
    having = np.flatnonzero(np.any([present[name] for name in features], axis=0))
    order = np.random.default_rng(seed).permutation(having)
    losing = order[: round(share * len(having))]
    left = {name: np.array(here) for name, here in present.items()}
    for name in features:
        left[name][losing] = False
    return left


def take_away_each(present: Mapping[str, np.ndarray], rate: float, *, seed: int) -> Presence:
    """Takes each feature from each item by itself, with chance `rate`; an item may lose all."""
    chance = np.random.default_rng(seed)
    return {name: here & (chance.random(len(here)) >= rate) for name, here in present.items()}
