"""Adds the inputs of trainable encoders to training batches."""

from collections.abc import Mapping
from typing import Any

import tensorflow as tf

from tfmmrec.encoders.finetuning.trainable_feature import TrainableFeature

# Key of the target items in a batch that is a slice of a larger one.
TARGET_ITEMS = "target_items"


def target_items(item: tf.Tensor) -> tf.Tensor:
    """Returns the distinct target items of a batch, int32 `[n]`; -1 in `item` is no target."""
    items, _ = tf.unique(tf.boolean_mask(item, item >= 0))
    return items


def rows_key(feature: str) -> str:
    """Returns the batch key of the rows whose raw values a feature's encoder reads."""
    return f"{feature}/rows"


def inputs_key(feature: str) -> str:
    """Returns the batch key of the inputs of a feature's encoder."""
    return f"{feature}/inputs"


def add_inputs(
    batches: tf.data.Dataset,
    features: Mapping[str, TrainableFeature],
    *,
    seed: int,
    first_step: int,
) -> tf.data.Dataset:
    """Reads, decodes and augments the raw values of the target items of each batch.

    Args:
        batches: training batches with `item` int32, of any rank, -1 for none. A batch that is a
            slice of a larger one has the target items of the larger one under `TARGET_ITEMS`,
            int32 `[n]`.
        features: the trainable features.
        seed: of the augmentation.
        first_step: number of the first batch, so that a resumed run augments as an uninterrupted
            one would.

    Returns:
        The batches with two more entries per feature, under `rows_key` and `inputs_key`.
    """
    if not features:
        return batches

    def add(step: tf.Tensor, batch: dict[str, tf.Tensor]) -> dict[str, Any]:
        items = batch[TARGET_ITEMS] if TARGET_ITEMS in batch else target_items(batch["item"])
        added: dict[str, Any] = {}
        for number, (name, feature) in enumerate(features.items()):
            # Features of one step are augmented independently.
            feature_seed = tf.stack([tf.cast(seed, tf.int64), step * len(features) + number])
            rows, inputs = feature.inputs(items, feature_seed)
            added |= {rows_key(name): rows, inputs_key(name): inputs}
        return {**batch, **added}

    numbered = batches.enumerate(start=first_step)
    # Only two in parallel: decoding itself uses all cores, and media take memory.
    return numbered.map(add, num_parallel_calls=2).prefetch(2)
