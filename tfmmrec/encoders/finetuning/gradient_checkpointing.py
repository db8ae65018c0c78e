"""An encoder's gradient in the memory of a part of the batch."""

from collections.abc import Callable
from typing import Any

import tensorflow as tf

PART = 32


def encode_in_parts(
    forward: Callable[[Any], tf.Tensor], inputs: Any, *, dim: int, part: int = PART
) -> tf.Tensor:
    """Encodes a batch a part at a time, and once more, part by part, for the gradient.

    So no activations are kept but those of the part in hand (Chen et al. 2016, "Training Deep Nets
    with Sublinear Memory Cost", arXiv 1604.06174). `tf.recompute_grad` takes neither strings nor
    ragged sounds, and holds those of the whole batch while it goes back.

    Args:
        forward: encodes inputs; the same each time it is called. The gradient is by its variables.
        inputs: a tensor `[batch, ...]`, or a ragged one, of one example or more.
        dim: the length of a vector.
        part: examples at a time (default 32).

    Returns:
        float32 `[batch, dim]`.
    """
    total = tf.shape(inputs)[0] if isinstance(inputs, tf.Tensor) else inputs.nrows(tf.int32)
    starts = tf.range(0, total, part)

    def encode_part(start: tf.Tensor) -> tf.Tensor:
        return forward(inputs[start : start + part])

    # A function of nothing has no gradient: it gets something.
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
    """Sums the gradients of all parts."""

    def add(number: tf.Tensor, *sums: tf.Tensor) -> tuple[tf.Tensor, ...]:
        start = starts[number]
        with tf.GradientTape() as tape:
            outputs = encode_part(start)
        found = tape.gradient(
            outputs,
            variables,
            output_gradients=upstream[start : start + part],
            unconnected_gradients=tf.UnconnectedGradients.ZERO,
        )
        more = [tf.ensure_shape(f, total.shape) for f, total in zip(found, sums, strict=True)]
        return number + 1, *(total + f for total, f in zip(sums, more, strict=True))

    zeros = [tf.zeros(variable.shape, variable.dtype) for variable in variables]
    _, *sums = tf.while_loop(
        lambda number, *_: number < tf.size(starts),
        add,
        [tf.constant(0), *zeros],
        parallel_iterations=1,
    )
    return sums
