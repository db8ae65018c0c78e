"""The contract of every augmentation."""

from typing import Any

import numpy as np
import tensorflow as tf

from tfmmrec.encoders.augmentation import Augmentation


def check_contract(
    augment: Augmentation, inputs: tf.Tensor, low: float = -np.inf, high: float = np.inf
) -> None:
    """Shape, type, range, seeds, examples of their own; alike eager, in a graph and in tf.data.

    Args:
        augment: with its options on.
        inputs: `[batch, ...]`, every example the same one.
        low: the least value there may be.
        high: the greatest.
    """
    first = augment(inputs, [7, 1])
    assert first.shape == inputs.shape and first.dtype == inputs.dtype
    if not inputs.dtype.is_complex:
        assert low <= first.numpy().min() and first.numpy().max() <= high
    assert_same(augment(inputs, [7, 1]), first)
    for seed in ([7, 2], [8, 1]):
        assert np.abs(augment(inputs, seed).numpy() - first.numpy()).max() > 1e-3
    padded_unique = {example.tobytes() for example in first.numpy()}
    assert len(padded_unique) > len(first) // 2, "the examples of a batch are varied alike"
    spec = tf.TensorSpec([None] * len(inputs.shape), inputs.dtype)
    graph = tf.function(augment, input_signature=[spec, tf.TensorSpec([2], tf.int64)])
    assert_same(graph(inputs, tf.constant([7, 1], tf.int64)), first)
    batches = tf.data.Dataset.from_tensors(inputs).repeat(2).enumerate(1)
    mapped = batches.map(lambda step, batch: augment(batch, tf.stack([7, step])))
    one, two = list(mapped)
    assert_same(one, first)
    assert_same(two, augment(inputs, [7, 2]))


def assert_same(outputs: Any, expected: Any) -> None:
    np.testing.assert_allclose(outputs, expected, rtol=1e-5, atol=1e-5)
