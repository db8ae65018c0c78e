"""Features taken away from items, as in a catalogue that is less complete."""

from collections.abc import Iterable, Mapping, Sequence

import numpy as np
import tensorflow as tf

from tfmmrec.data.schema import features_by_modality
from tfmmrec.evaluation.measure import Metrics, measure_model
from tfmmrec.models.bundle import ModelBundle

Presence = dict[str, np.ndarray]


def remove_modality(
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


def remove_features_at_random(
    present: Mapping[str, np.ndarray], rate: float, *, seed: int
) -> Presence:
    """Takes each feature from each item by itself, with chance `rate`; an item may lose all."""
    chance = np.random.default_rng(seed)
    return {name: here & (chance.random(len(here)) >= rate) for name, here in present.items()}


def measure_with_missing(
    bundle: ModelBundle, *, shares: Sequence[float] = (0.25, 0.5, 0.75, 1.0), each: float = 0.5
) -> Metrics:
    """Measures a model whose items have lost content, in several ways one after the other.

    What is lost is so for histories as well as for the items that are ranked. The seed is that of
    the model's config, so that models of one seed lose the same.

    Args:
        assembly: the model; it has all its content again in the end.
        shares: of the items that have a modality, how many lose it.
        each: the chance at which every item loses each of its features.

    Returns:
        As `measure_model`, the names led by the way: `nothing: warm ndcg@10`, `text of 25% of its
        items: warm ndcg@10`, …
    """
    present = {name: encoded.present for name, encoded in bundle.items.encodings.items()}
    seed = bundle.config.seed
    ways: dict[str, Presence] = {"nothing": present}
    for modality, features in features_by_modality(bundle.items.modalities).items():
        for share in shares:
            left = remove_modality(present, features, share, seed=seed)
            ways[f"{modality} of {share:.0%} of its items"] = left
    ways[f"each feature with chance {each:g}"] = remove_features_at_random(present, each, seed=seed)
    figures = {}
    for way, left in ways.items():
        _set_presence(bundle, left)
        figures.update({f"{way}: {name}": found for name, found in measure_model(bundle).items()})
    _set_presence(bundle, present)
    return figures


def _set_presence(bundle: ModelBundle, present: Presence) -> None:
    # Graphs that were traced before keep what they saw; `measure_model` traces its own.
    for name, here in present.items():
        bundle.model.items.present[name] = tf.constant(here)
