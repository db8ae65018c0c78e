"""The two halves of an encoder: preparation in the input pipeline, and the trained module."""

import io
from pathlib import Path

import numpy as np
import PIL.Image
import pytest
import soundfile
import tensorflow as tf

from tests.encoders.hub.modules import (
    bert_module,
    preprocessor_module,
    text_module,
    trainable_module,
    yamnet_module,
)
from tfmmrec.encoders.hub.encoder import HubEncoder
from tfmmrec.errors import ConfigError
from tfmmrec.testing import test_assets


def wav(samples: int, rate: int = 16000) -> bytes:
    out = io.BytesIO()
    waveform = 0.25 * np.sin(np.arange(samples) / 7)
    soundfile.write(out, waveform, rate, format="WAV", subtype="PCM_16")
    return out.getvalue()


def png(colour: str) -> bytes:
    out = io.BytesIO()
    PIL.Image.new("RGB", (20, 30), colour).save(out, format="PNG")
    return out.getvalue()


def gradients(encoder: HubEncoder, *values: str | bytes, graph: bool = True) -> list[tf.Tensor]:
    """Of the first output, twice the second, and so on, of what values give in training."""

    def slopes(inputs):
        with tf.GradientTape() as tape:
            outputs = encoder.forward(inputs, training=True)
            total = tf.reduce_sum(outputs * tf.range(1.0, encoder.dim + 1.0))
        return tape.gradient(total, list(encoder.trainable_variables))

    inputs = encoder.prepare(tf.constant(list(values)))
    found = (tf.function(slopes) if graph else slopes)(inputs)
    assert encoder.trainable_variables and all(slope is not None for slope in found)
    return found


def changed(slopes: list[tf.Tensor]) -> float:
    """The share of the variables that would move."""
    return sum(bool(np.any(tf.convert_to_tensor(slope))) for slope in slopes) / len(slopes)


def test_a_gradient_by_hand(tmp_path: Path) -> None:
    """In training, "abc" gives 3 * w0 and 0."""
    encoder = HubEncoder("text", trainable_module(tmp_path / "text"), trainable=True)
    assert [weights.shape for weights in encoder.trainable_variables] == [[1, 2]]
    assert encoder.encode(tf.constant(["abc"])).numpy().tolist() == [[6.0, 9.0]]
    (slope,) = gradients(encoder, "abc")
    assert slope.numpy().tolist() == [[3.0, 0.0]]
    # Once its weights have moved, so have its outputs.
    encoder.trainable_variables[0].assign([[1.0, 1.0]])
    assert encoder.encode(tf.constant(["abc"])).numpy().tolist() == [[3.0, 3.0]]


def test_a_frozen_encoder_is_never_in_training(tmp_path: Path) -> None:
    handle = trainable_module(tmp_path / "text")
    encoder = HubEncoder("text", handle)
    assert encoder.trainable_variables == ()
    texts = encoder.prepare(tf.constant(["abc"]))
    assert encoder.forward(texts, training=True).numpy().tolist() == [[6.0, 9.0]]
    trained = HubEncoder("text", handle, trainable=True)
    assert trained.fingerprint == encoder.fingerprint


def test_a_signature_is_trained_by_the_variables_that_it_reads(tmp_path: Path) -> None:
    handle = trainable_module(tmp_path / "text")
    encoder = HubEncoder("text", handle, signature="serving_default", trainable=True)
    (slope,) = gradients(encoder, "abc")
    # 3 * w0 and 2 * 3 * w1: a signature knows no training.
    assert slope.numpy().tolist() == [[3.0, 6.0]]


def test_what_has_no_variables_cannot_be_trained(tmp_path: Path) -> None:
    for call in (True, False):
        handle = text_module(tmp_path / f"text{call}", call=call)
        with pytest.raises(ConfigError, match="no trainable variables; leave it frozen"):
            HubEncoder("text", handle, trainable=True)


def test_what_is_prepared_of_texts_and_pictures(tmp_path: Path) -> None:
    front, bert = preprocessor_module(tmp_path / "front"), bert_module(tmp_path / "bert")
    texts = HubEncoder("text", bert, preprocessor=front)
    assert texts.prepare(tf.constant(["ab"])).numpy().tolist() == [b"ab"]
    assert texts.forward(tf.constant(["ab"])).numpy().tolist() == [[195.0]]


def test_sounds_are_prepared_without_padding(tmp_path: Path) -> None:
    encoder = HubEncoder("audio", yamnet_module(tmp_path / "yamnet"), max_seconds=0.5)
    prepare = tf.function(encoder.prepare, input_signature=[tf.TensorSpec([None], tf.string)])
    waveforms = prepare(tf.constant([wav(4000), b"", wav(16000), wav(2000, 8000)]))
    assert waveforms.row_lengths().numpy().tolist() == [4000, 0, 8000, 4000]
    assert prepare(tf.constant([], tf.string)).shape == [0, None]
    # Dense ones of one length do as well.
    dense = encoder.forward(tf.fill([2, 4000], 0.5))
    np.testing.assert_allclose(dense, [[0.5, 0.5, 0.5, 1.0]] * 2)


def test_minilm_has_gradients() -> None:
    encoder = HubEncoder("text", str(test_assets("hub/minilm_l6_fp16")), trainable=True)
    assert changed(gradients(encoder, "A film about war", "", graph=False)) > 0.9


def test_efficientnet_has_gradients() -> None:
    handle = str(test_assets("hub/efficientnet_lite0"))
    encoder = HubEncoder("image", handle, trainable=True, picture_size=64)
    assert changed(gradients(encoder, png("red"), png("blue"), graph=False)) > 0.9


def test_musicnn_has_gradients() -> None:
    encoder = HubEncoder("audio", str(test_assets("hub/musicnn_mtt")), trainable=True)
    # What makes tags of the vector has no part in it.
    assert changed(gradients(encoder, wav(48000), b"", graph=False)) > 0.7
