"""Evaluation with features removed from items, as in a less complete catalog."""

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
    """Removes all features of a modality from a share of the items that have any of them.

    With the same seed, the items of a smaller share are among those of a larger one.

    Args:
        present: the presence of each feature, bool `[items]`.
        features: the names of the features of the modality.
        share: of the items, from 0 to 1; rounded to whole items.
        seed: of the sample of items.

    Returns:
        The presence of each feature after the removal.
    """
    features = list(features)
    with_any = np.flatnonzero(np.any([present[name] for name in features], axis=0))
    order = np.random.default_rng(seed).permutation(with_any)
    removed = order[: round(share * len(with_any))]
    result = {name: np.array(mask) for name, mask in present.items()}
    for name in features:
        result[name][removed] = False
    return result


def remove_features_at_random(
    present: Mapping[str, np.ndarray], rate: float, *, seed: int
) -> Presence:
    """Removes each feature of each item independently, with probability `rate`."""
    generator = np.random.default_rng(seed)
    return {name: mask & (generator.random(len(mask)) >= rate) for name, mask in present.items()}


def measure_with_missing(
    bundle: ModelBundle, *, shares: Sequence[float] = (0.25, 0.5, 0.75, 1.0), each: float = 0.5
) -> Metrics:
    """Measures a model with features removed from its items, in several conditions.

    The features are removed from the items of histories as well as from the candidates. The seed is
    that of the model's config, so that models with the same seed lose the same features.

    Args:
        bundle: the model with its data; its features are restored at the end.
        shares: for each modality, the shares of its items that lose it.
        each: the probability of losing each feature, in the last condition (default 0.5).

    Returns:
        As `measure_model`, each name with its condition as prefix: `nothing: warm ndcg@10`, `text
        of 25% of its items: warm ndcg@10`, …
    """
    present = {name: encoded.present for name, encoded in bundle.items.encodings.items()}
    seed = bundle.config.seed
    conditions: dict[str, Presence] = {"nothing": present}
    for modality, features in features_by_modality(bundle.items.modalities).items():
        for share in shares:
            left = remove_modality(present, features, share, seed=seed)
            conditions[f"{modality} of {share:.0%} of its items"] = left
    conditions[f"each feature with chance {each:g}"] = remove_features_at_random(
        present, each, seed=seed
    )
    figures = {}
    for condition, left in conditions.items():
        _set_presence(bundle, left)
        figures.update(
            {f"{condition}: {name}": found for name, found in measure_model(bundle).items()}
        )
    _set_presence(bundle, present)
    return figures


def _set_presence(bundle: ModelBundle, present: Presence) -> None:
    # Traced graphs keep the old values; `measure_model` traces a new graph.
    for name, mask in present.items():
        bundle.model.items.present[name] = tf.constant(mask)
