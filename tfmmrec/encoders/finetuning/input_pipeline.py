"""Adds what trained encoders read to the batches of training."""

from collections.abc import Mapping
from typing import Any

import tensorflow as tf

from tfmmrec.encoders.finetuning.trainable_feature import TrainedFeature

# The key of a batch that is part of a larger one, for the items that it teaches.
TAUGHT = "taught"


def taught_items(chosen: tf.Tensor) -> tf.Tensor:
    """The items that a batch teaches, each once, int32 `[n]`; -1 among the chosen is none."""
    items, _ = tf.unique(tf.boolean_mask(chosen, chosen >= 0))
    return items


def rows_key(feature: str) -> str:
    """The key of a batch for the rows that a feature's encoder is given."""
    return f"{feature}/rows"


def inputs_key(feature: str) -> str:
    """The key of a batch for what a feature's encoder is given."""
    return f"{feature}/inputs"


def add_inputs(
    batches: tf.data.Dataset, features: Mapping[str, TrainedFeature], *, seed: int, first_step: int
) -> tf.data.Dataset:
    """Reads, decodes and varies the raw values of the items that each batch teaches.

    Args:
        batches: training batches with `item` int32, of any rank, -1 for none. Those that are parts
            of a larger one say in `train_splits`, int32 `[n]`, which items they teach.
        features: those that are trained.
        seed: of the augmentation.
        first_step: the number of the first batch, so that a run that goes on varies as it would
            have without the stop.

    Returns:
        The batches with two more entries a feature, under `rows_key` and `inputs_key`.
    """
    if not features:
        return batches

    def add(step: tf.Tensor, batch: dict[str, tf.Tensor]) -> dict[str, Any]:
        items = batch[TAUGHT] if TAUGHT in batch else taught_items(batch["item"])
        added: dict[str, Any] = {}
        for number, (name, feature) in enumerate(features.items()):
            # Two features of one step are varied apart.
            draws = tf.stack([tf.cast(seed, tf.int64), step * len(features) + number])
            rows, inputs = feature.inputs(items, draws)
            added |= {rows_key(name): rows, inputs_key(name): inputs}
        return {**batch, **added}

    numbered = batches.enumerate(start=first_step)
    # Two in flight: decoding uses the cores by itself, and media take memory.
    return numbered.map(add, num_parallel_calls=2).prefetch(2)
