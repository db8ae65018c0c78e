"""Deals the batches of training out to replicas."""

from collections.abc import Mapping
from typing import Any

import tensorflow as tf

from tfmmrec.distribute import replicas
from tfmmrec.distribute.strategies import is_asynchronous
from tfmmrec.encoders.finetuning import TARGET_ITEMS, TrainableFeature, add_inputs, target_items
from tfmmrec.training.batches import Batches, JointBatches

# Epochs are numbered, and drawn from so many where workers are not in step.
_EPOCHS = 2**30


def distribute_batches(
    strategy: tf.distribute.Strategy,
    batches: Batches | JointBatches,
    trainable_features: Mapping[str, TrainableFeature],
    *,
    epoch: int,
    seed: int,
    step: int = 0,
) -> Any:
    """Gives each replica its part of the batches, which are those of one device.

    Workers that are not in step have no part of a batch: each takes whole ones of its own, from
    epochs whose order nobody else has.

    Args:
        strategy: of the model.
        batches: of the training.
        trainable_features: the features whose encoders are fine-tuned.
        epoch: the one to begin with.
        seed: of the augmentation.
        step: how many batches of that epoch are left out (default none).

    Returns:
        What Keras trains on.
    """

    def parts(context: tf.distribute.InputContext) -> tf.data.Dataset:
        worker, num_parts = context.input_pipeline_id, context.num_replicas_in_sync
        each = num_parts // context.num_input_pipelines
        dealt = batches.epochs(epoch, step)
        if num_parts > 1:
            numbers = range(worker * each, (worker + 1) * each)
            dealt = cut(dealt, num_parts, numbers, with_target_items=bool(trainable_features))
        first_part = (epoch * batches.steps_per_epoch + step) * each
        return add_inputs(dealt, trainable_features, seed=seed + worker, first_step=first_part)

    def whole(context: tf.distribute.InputContext) -> tf.data.Dataset:
        del context
        # Runs on the worker, whose clock nobody else reads at the same microsecond.
        own = tf.cast(tf.timestamp() * 1e6, tf.int64) % _EPOCHS
        return batches.epochs(own).prefetch(tf.data.AUTOTUNE)

    if is_asynchronous(strategy):
        return tf.keras.utils.experimental.DatasetCreator(whole)
    return strategy.distribute_datasets_from_function(parts)


def cut(
    batches: tf.data.Dataset, num_parts: int, numbers: range, *, with_target_items: bool = False
) -> tf.data.Dataset:
    """Cuts each batch into parts of like size.

    Args:
        batches: of the whole training; each entry is cut along its first axis.
        num_parts: of a batch, one for each replica.
        numbers: which of them are wanted here.
        with_target_items: whether slices get the target items of the whole batch, under
            TARGET_ITEMS (default no).

    Returns:
        The wanted parts of the first batch, then those of the second and so on.
    """

    def part(batch: Mapping[str, tf.Tensor], number: tf.Tensor) -> dict[str, tf.Tensor]:
        batch = dict(batch)
        if with_target_items:
            batch[TARGET_ITEMS] = target_items(batch["item"])
        return tf.nest.map_structure(lambda rows: mine(rows, number), batch)

    def mine(rows: tf.Tensor, number: tf.Tensor) -> tf.Tensor:
        start, end = replicas.part(tf.shape(rows)[0], number, num_parts)
        size = rows.shape[0]
        even = size is not None and size % num_parts == 0
        # Where parts are of one size, say so.
        shape = [size // num_parts if even else None, *rows.shape[1:]]
        return tf.ensure_shape(rows[start:end], shape)

    def parts(batch: Mapping[str, tf.Tensor]) -> tf.data.Dataset:
        wanted = tf.data.Dataset.from_tensor_slices(tf.constant(list(numbers), tf.int32))
        return wanted.map(lambda number: part(batch, number))

    return batches.flat_map(parts).prefetch(tf.data.AUTOTUNE)
