"""The gradient computed slice by slice equals the plain one."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import tensorflow as tf

from tests.encoders.finetuning.worlds import letters_module
from tfmmrec.encoders.finetuning.gradient_checkpointing import encode_in_parts
from tfmmrec.encoders.hub.encoder import HubEncoder
from tfmmrec.testing import TestCase

TEXTS = tf.constant(["ab", "", "cab", "b", "cc", "a", "acc"])


class Louder(tf.Module):
    """The peaks of sounds or pictures, to several powers, times a kernel."""

    def __init__(self, spec: tf.TensorSpec):
        super().__init__()
        self.kernel = tf.Variable([[1.0, 2.0], [3.0, 4.0]], name="kernel")
        self.axes = list(range(1, len(spec.shape)))

    @tf.function
    def __call__(self, inputs, training=False):
        peaks = tf.reduce_max(inputs, axis=self.axes)
        return tf.matmul(tf.stack([peaks, peaks**2], axis=1), tf.sin(self.kernel))


def louder(folder: str, spec: tf.TensorSpec) -> str:
    module = Louder(spec)
    module.__call__.get_concrete_function(spec, training=False)
    tf.saved_model.save(module, folder)
    return folder


def slopes(encoder: HubEncoder, encode: Callable, inputs: tf.Tensor, *, graph: bool) -> list:
    """The outputs, and the gradients of a sum that weighs each of them otherwise."""

    def work(given: tf.Tensor) -> list[tf.Tensor]:
        with tf.GradientTape() as tape:
            outputs = encode(given)
            shape = tf.shape(outputs)
            total = tf.reduce_sum(outputs * tf.random.stateless_normal(shape, [3, 4]))
        weights = list(encoder.trainable_variables)
        none_as_zero = tf.UnconnectedGradients.ZERO
        return [outputs, *tape.gradient(total, weights, unconnected_gradients=none_as_zero)]

    return [tf.convert_to_tensor(x) for x in (tf.function(work) if graph else work)(inputs)]


class RecomputedTest(TestCase):
    def compare(self, encoder: HubEncoder, inputs: tf.Tensor | tf.RaggedTensor) -> None:
        def in_parts(given):
            return encode_in_parts(encoder.forward, given, dim=encoder.dim, part=3)

        plain = slopes(encoder, encoder.forward, inputs, graph=True)
        self.assertNotAllClose(plain[1], tf.zeros_like(plain[1]))
        for graph in (True, False):
            found = slopes(encoder, in_parts, inputs, graph=graph)
            self.assertLen(found, len(plain))
            for mine, theirs in zip(found, plain, strict=True):
                self.assertAllClose(mine, theirs)

    def test_texts(self):
        folder = Path(self.get_temp_dir()) / "letters"
        encoder = HubEncoder("text", letters_module(folder, average=False), trainable=True)
        self.compare(encoder, TEXTS)

    def test_half_precision(self):
        handle = letters_module(Path(self.get_temp_dir()) / "half", dtype=tf.float16, average=False)
        encoder = HubEncoder("text", handle, trainable=True)

        def in_parts(given):
            return encode_in_parts(encoder.forward, given, dim=2, part=3)

        for mine, theirs in zip(
            slopes(encoder, in_parts, TEXTS, graph=True),
            slopes(encoder, encoder.forward, TEXTS, graph=True),
            strict=True,
        ):
            self.assertEqual(mine.dtype, theirs.dtype)
            self.assertAllClose(mine, theirs, rtol=5e-3, atol=5e-3)

    def test_pictures(self):
        spec = tf.TensorSpec([None, 4, 4, 3], tf.float32, "inputs")
        handle = louder(self.get_temp_dir() + "/pictures", spec)
        pictures = np.random.default_rng(0).uniform(size=[7, 4, 4, 3]).astype(np.float32)
        self.compare(HubEncoder("image", handle, trainable=True), tf.constant(pictures))

    def test_sounds_of_any_length(self):
        handle = louder(self.get_temp_dir() + "/sounds", tf.TensorSpec([None, None], tf.float32))
        sounds = [[0.1], [0.5, -0.2, 0.3], [], [0.9, 0.8], [0.2] * 5, [0.3], [0.7, -1.0, 0.1]]
        inputs = tf.ragged.constant(sounds, dtype=tf.float32)
        self.compare(HubEncoder("audio", handle, trainable=True), inputs)
