"""Small modules with each kind of call signature, whose outputs are computed by hand."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import tensorflow as tf

from tfmmrec.encoders.hub.encoder import HubEncoder


def save(
    folder: Path, function: Callable, spec: Any, *, call: bool = True, signature: bool = True
) -> str:
    """Saves a module of one function; it takes `training` as every reusable module does."""

    class Module(tf.Module):
        pass

    module = Module()
    if call:

        @tf.function
        def run(inputs, training=False):
            return function(inputs)

        module.__call__ = run
        for training in (True, False):
            run.get_concrete_function(spec, training=training)
    serve = tf.function(
        lambda inputs: as_dict(function(inputs)), input_signature=[spec]
    ).get_concrete_function()
    signatures = {"serving_default": serve} if signature else {}
    tf.saved_model.save(module, str(folder), signatures=signatures)
    return str(folder)


def as_dict(outputs: Any) -> dict[str, tf.Tensor]:
    if isinstance(outputs, dict):
        return outputs
    listed = outputs if isinstance(outputs, tuple) else (outputs,)
    return {f"output_{number}": output for number, output in enumerate(listed)}


def strings(*shape: int | None) -> tf.TensorSpec:
    return tf.TensorSpec([*shape], tf.string, "inputs")


def floats(*shape: int | None) -> tf.TensorSpec:
    return tf.TensorSpec([*shape], tf.float32, "inputs")


def text_module(folder: Path, **options: bool) -> str:
    """A text's length in bytes, and twice that."""

    def encode(texts):
        length = tf.cast(tf.strings.length(texts), tf.float32)
        return tf.stack([length, 2.0 * length], axis=1)

    return save(folder, encode, strings(None), **options)


def preprocessor_module(folder: Path) -> str:
    """Four bytes of a text as ids, and which of them are there: "ab" is 97, 98, 0, 0."""

    def tokens(texts):
        ids = tf.cast(tf.io.decode_raw(texts, tf.uint8, fixed_length=4), tf.int32)
        return {
            "input_word_ids": ids,
            "input_mask": tf.cast(ids > 0, tf.int32),
            "input_type_ids": tf.zeros_like(ids),
        }

    return save(folder, tokens, strings(None))


def bert_module(
    folder: Path, outputs: tuple[str, ...] = ("pooled_output", "sequence_output"), *, listed=False
) -> str:
    """Each id plus one, and ten times that; pooled, the sum of the ids. Padding is ones, then."""

    def encode(inputs):
        ids = inputs[0] if listed else inputs["input_word_ids"]
        ids = tf.cast(ids, tf.float32)
        sequence = tf.stack([ids + 1.0, 10.0 * (ids + 1.0)], axis=-1)
        total = tf.reduce_sum(ids, axis=1, keepdims=True)
        everything = {"sequence_output": sequence, "pooled_output": total, "other_output": -total}
        chosen = {name: everything[name] for name in outputs}
        return tuple(chosen.values()) if listed else chosen

    names = ("input_word_ids", "input_mask", "input_type_ids")
    specs = {name: tf.TensorSpec([None, 4], tf.int32, name) for name in names}
    if listed:
        return save(folder, encode, list(specs.values()), signature=False)
    return save(folder, encode, specs)


def yamnet_module(folder: Path, **options: bool) -> str:
    """Frames of 4000 samples: three scores, four embeddings, and a spectrogram, 40 to a frame.

    A frame's embedding is its mean, its loudest, its quietest and 1; its scores are zeros.
    """

    def encode(waveform):
        frames = tf.maximum(1, -(-tf.size(waveform) // 4000))
        padded = tf.pad(waveform, [[0, frames * 4000 - tf.size(waveform)]])
        rows = tf.reshape(padded, [frames, 4000])
        moments = [tf.reduce_mean(rows, 1), tf.reduce_max(rows, 1), tf.reduce_min(rows, 1)]
        embeddings = tf.stack([*moments, tf.ones([frames])], axis=1)
        return tf.zeros([frames, 3]), embeddings, tf.zeros([40 * frames, 2])

    return save(folder, encode, floats(None), **options)


class Scaled(tf.Module):
    """A text's length times two weights; in training, the second is left out."""

    def __init__(self):
        super().__init__()
        self.weights = tf.Variable([[2.0, 3.0]])
        self.fixed = tf.Variable(1.0, trainable=False)
        self.variables = [self.weights, self.fixed]
        self.trainable_variables = [self.weights]

    # tf.Module has properties of these names.
    variables: Any = ()
    trainable_variables: Any = ()

    @tf.function
    def __call__(self, inputs, training=False):
        length = tf.cast(tf.strings.length(inputs), tf.float32)[:, tf.newaxis] * self.fixed
        return tf.matmul(length, self.weights * tf.constant([[1.0, 0.0 if training else 1.0]]))

    @tf.function(input_signature=[tf.TensorSpec([None], tf.string, "texts")])
    def serve(self, texts):
        return {"vectors": self(texts)}


def trainable_module(folder: Path) -> str:
    module = Scaled()
    for training in (True, False):
        module.__call__.get_concrete_function(strings(None), training=training)
    tf.saved_model.save(module, str(folder), signatures=module.serve)
    return str(folder)


def encoded(encoder: HubEncoder, *values: str | bytes) -> list[list[float]]:
    """What an encoder makes of values, in a graph, as it is served."""
    encode = tf.function(encoder.encode, input_signature=[tf.TensorSpec([None], tf.string)])
    return encode(tf.constant(list(values))).numpy().tolist()
