"""Gradient checkpointing: the gradient of an encoder in the memory of a slice of the batch."""

from collections.abc import Callable
from typing import Any

import tensorflow as tf

PART = 32


def encode_in_parts(
    forward: Callable[[Any], tf.Tensor], inputs: Any, *, dim: int, part: int = PART
) -> tf.Tensor:
    """Encodes a batch slice by slice, and again slice by slice for the gradient.

    Only the activations of one slice are in memory (Chen et al. 2016, "Training Deep Nets with
    Sublinear Memory Cost", arXiv 1604.06174). `tf.recompute_grad` accepts neither strings nor
    ragged audio, and recomputes the activations of the whole batch at once.

    Args:
        forward: encodes inputs; must be deterministic. The gradient is with respect to its
            variables.
        inputs: a dense or ragged tensor `[batch, ...]` of at least one example.
        dim: length of an encoding.
        part: examples per slice (default 32).

    Returns:
        float32 `[batch, dim]`.
    """
    total = tf.shape(inputs)[0] if isinstance(inputs, tf.Tensor) else inputs.nrows(tf.int32)
    starts = tf.range(0, total, part)

    def encode_part(start: tf.Tensor) -> tf.Tensor:
        return forward(inputs[start : start + part])

    # A custom gradient needs an argument: a function without any has none.
    @tf.custom_gradient
    def encode(anchor: tf.Tensor) -> tuple[tf.Tensor, Callable]:
        spec = tf.RaggedTensorSpec([None, dim], tf.float32, ragged_rank=0)
        parts = tf.map_fn(encode_part, starts, fn_output_signature=spec, parallel_iterations=1)
        outputs = tf.ensure_shape(parts.values, [None, dim])

        def backward(upstream: tf.Tensor, variables: list[tf.Variable]) -> tuple[tf.Tensor, list]:
            return tf.zeros_like(anchor), _gradients(encode_part, starts, upstream, variables, part)

        return outputs, backward

    return encode(tf.zeros([]))


def _gradients(
    encode_part: Callable[[tf.Tensor], tf.Tensor],
    starts: tf.Tensor,
    upstream: tf.Tensor,
    variables: list[tf.Variable],
    part: int,
) -> list[tf.Tensor]:
    """Sums the gradients of all slices."""

    def add(number: tf.Tensor, *sums: tf.Tensor) -> tuple[tf.Tensor, ...]:
        start = starts[number]
        with tf.GradientTape() as tape:
            outputs = encode_part(start)
        gradients = tape.gradient(
            outputs,
            variables,
            output_gradients=upstream[start : start + part],
            unconnected_gradients=tf.UnconnectedGradients.ZERO,
        )
        # ensure_shape: the loop needs shapes that do not change.
        return number + 1, *(
            total + tf.ensure_shape(gradient, total.shape)
            for total, gradient in zip(sums, gradients, strict=True)
        )

    zeros = [tf.zeros(variable.shape, variable.dtype) for variable in variables]
    _, *sums = tf.while_loop(
        lambda number, *_: number < tf.size(starts),
        add,
        [tf.constant(0), *zeros],
        parallel_iterations=1,
    )
    return sums
