"""Distributes the training batches to replicas."""

from collections.abc import Mapping
from typing import Any

import tensorflow as tf

from tfmmrec.data.autotune import READY_BATCHES
from tfmmrec.distribute import replicas
from tfmmrec.distribute.strategies import is_asynchronous
from tfmmrec.encoders.finetuning import TARGET_ITEMS, add_inputs, target_items
from tfmmrec.models.two_tower import TwoTower
from tfmmrec.training.batches import Batches, JointBatches

# Asynchronous workers start at a random epoch below this number.
_MAX_EPOCH = 2**30
# Of batches whose encodings are read from files at the same time.
_READERS = 2


def distribute_batches(
    strategy: tf.distribute.Strategy,
    batches: Batches | JointBatches,
    model: TwoTower,
    *,
    epoch: int,
    seed: int,
    step: int = 0,
) -> Any:
    """Distributes batches so that each replica gets its part of the batch of one device.

    Asynchronous workers take whole batches, each from epochs in a different order.

    Args:
        strategy: of the model.
        batches: of the training.
        model: the model; its fine-tuned encoders and its encodings in files get their inputs.
        epoch: the first epoch, from 0.
        seed: of the augmentation.
        step: number of batches of the first epoch to skip (default 0).

    Returns:
        The input of `tf.keras.Model.fit`.
    """

    trainable_features = model.trainable_features

    def parts(context: tf.distribute.InputContext) -> tf.data.Dataset:
        worker, num_parts = context.input_pipeline_id, context.num_replicas_in_sync
        each = num_parts // context.num_input_pipelines
        dataset = batches.epochs(epoch, step)
        if num_parts > 1:
            numbers = range(worker * each, (worker + 1) * each)
            dataset = split_batches(
                dataset, num_parts, numbers, with_target_items=bool(trainable_features)
            )
        first_part = (epoch * batches.steps_per_epoch + step) * each
        dataset = add_inputs(dataset, trainable_features, seed=seed + worker, first_step=first_part)
        if model.reads_files:
            dataset = dataset.map(model.read_ahead, _READERS).prefetch(READY_BATCHES)
        return dataset

    def whole(context: tf.distribute.InputContext) -> tf.data.Dataset:
        del context
        # Runs on the worker; no other worker reads its clock at the same microsecond.
        first = tf.cast(tf.timestamp() * 1e6, tf.int64) % _MAX_EPOCH
        return batches.epochs(first).prefetch(READY_BATCHES)

    if is_asynchronous(strategy):
        return tf.keras.utils.experimental.DatasetCreator(whole)
    return strategy.distribute_datasets_from_function(parts)


def split_batches(
    batches: tf.data.Dataset, num_parts: int, numbers: range, *, with_target_items: bool = False
) -> tf.data.Dataset:
    """Splits each batch into parts of nearly equal size.

    Args:
        batches: of the whole training; each entry is split along its first axis.
        num_parts: per batch, one for each replica.
        numbers: of the parts of this process.
        with_target_items: whether each part gets its slice of the batch's distinct target items,
            under the key TARGET_ITEMS (default False).

    Returns:
        The parts of this process: those of the first batch, then those of the second and so on.
    """

    def part(batch: Mapping[str, tf.Tensor], number: tf.Tensor) -> dict[str, tf.Tensor]:
        batch = dict(batch)
        if with_target_items:
            batch[TARGET_ITEMS] = target_items(batch["item"])
        return tf.nest.map_structure(lambda rows: take(rows, number), batch)

    def take(rows: tf.Tensor, number: tf.Tensor) -> tf.Tensor:
        start, end = replicas.slice_bounds(tf.shape(rows)[0], number, num_parts)
        size = rows.shape[0]
        even = size is not None and size % num_parts == 0
        # Parts of equal size have a static shape.
        shape = [size // num_parts if even else None, *rows.shape[1:]]
        return tf.ensure_shape(rows[start:end], shape)

    def parts(batch: Mapping[str, tf.Tensor]) -> tf.data.Dataset:
        wanted = tf.data.Dataset.from_tensor_slices(tf.constant(list(numbers), tf.int32))
        return wanted.map(lambda number: part(batch, number))

    return batches.flat_map(parts).prefetch(READY_BATCHES)
