"""The adapter of modules: encodings of raw values, by small and by real modules."""

import io

import numpy as np
import PIL.Image
import soundfile
import tensorflow as tf

from tests.encoders.hub.modules import floats, save, text_module
from tfmmrec.encoders.hub.encoder import HubEncoder
from tfmmrec.testing import test_assets


def test_texts_are_encoded(tmp_path):
    encoder = HubEncoder("text", text_module(tmp_path / "text"))
    assert encoder.dim == 2
    outputs = encoder.encode(tf.constant(["abc", ""]))
    np.testing.assert_array_equal(outputs, [[3.0, 6.0], [0.0, 0.0]])
    assert encoder.encode(tf.constant(["abc"])).shape == [1, 2]
    assert encoder.describe() == {
        "encoder": "HubEncoder",
        "fingerprint": encoder.fingerprint,
        "handle": str(tmp_path / "text"),
        "dim": 2,
        "signature": "call",
        "inputs": {"inputs": "string [?]"},
    }


def test_pictures_are_decoded_and_resized_to_what_the_module_asks_for(tmp_path):
    # Mean colour, and the size that came.
    def encode(pictures):
        size = tf.cast(tf.shape(pictures)[1], tf.float32) * tf.ones([tf.shape(pictures)[0], 1])
        return tf.concat([tf.reduce_mean(pictures, axis=[1, 2]), size], axis=1)

    encoder = HubEncoder("image", save(tmp_path / "image", encode, floats(None, 12, 12, 3)))
    assert (encoder.inputs.options()["picture_size"], encoder.dim) == (12, 4)
    out = io.BytesIO()
    PIL.Image.new("RGB", (30, 20), (255, 51, 0)).save(out, format="PNG")
    outputs = encoder.encode(tf.constant([out.getvalue(), b""]))
    # 51 / 255 = 0.2; an absent picture is white, and means nothing.
    np.testing.assert_allclose(outputs, [[1.0, 0.2, 0.0, 12.0], [1.0] * 3 + [12.0]], atol=1e-5)
    free = HubEncoder("image", save(tmp_path / "free", encode, floats(None, None, None, 3)))
    assert free.inputs.options()["picture_size"] == 224
    assert (
        HubEncoder("image", str(tmp_path / "free"), picture_size=8).inputs.options()["picture_size"]
        == 8
    )
    # The size is part of what the outputs depend on.
    other = HubEncoder("image", str(tmp_path / "free"), picture_size=8)
    assert other.fingerprint != free.fingerprint


def test_sounds_are_cut_resampled_and_encoded_one_at_a_time(tmp_path):
    def encode(waveforms):
        samples = tf.cast(tf.shape(waveforms)[1], tf.float32) * tf.ones([tf.shape(waveforms)[0]])
        return tf.stack([samples, tf.reduce_max(waveforms, axis=1)], axis=1)

    handle = save(tmp_path / "audio", encode, floats(None, None))
    encoder = HubEncoder("audio", handle, max_seconds=0.5)

    def wav(samples: int, rate: int) -> bytes:
        out = io.BytesIO()
        soundfile.write(out, np.full(samples, 0.25), rate, format="WAV", subtype="PCM_16")
        return out.getvalue()

    sounds = [wav(4000, 16000), b"", wav(16000, 16000), wav(2000, 8000)]
    outputs = encoder.encode(tf.constant(sounds)).numpy()
    # A quarter of a second as it is; nothing; a second cut to a half; 0.25 s at half the rate.
    assert outputs[:, 0].tolist() == [4000.0, 0.0, 8000.0, 4000.0]
    np.testing.assert_allclose(outputs[[0, 2], 1], [0.25, 0.25], atol=1e-3)
    # Beside a longer sound, a sound gets what it gets alone.
    np.testing.assert_array_equal(encoder.encode(tf.constant(sounds[:1])), outputs[:1])


def test_the_fingerprint_is_of_the_files_and_not_of_their_place(tmp_path):
    handle = text_module(tmp_path / "text")
    first = HubEncoder("text", handle)
    (tmp_path / "text").rename(tmp_path / "moved")
    moved = HubEncoder("text", str(tmp_path / "moved"))
    assert moved.fingerprint == first.fingerprint
    (tmp_path / "moved" / "assets").mkdir(exist_ok=True)
    (tmp_path / "moved" / "assets" / "vocabulary.txt").write_text("changed")
    changed = HubEncoder("text", str(tmp_path / "moved"))
    assert changed.fingerprint != first.fingerprint
    given = HubEncoder("text", str(tmp_path / "moved"), fingerprint="mine")
    assert given.fingerprint not in (first.fingerprint, changed.fingerprint)


def cosines(outputs: tf.Tensor) -> np.ndarray:
    unit = tf.math.l2_normalize(outputs, axis=1)
    return tf.matmul(unit, unit, transpose_b=True).numpy()


def test_minilm_tells_meanings_apart():
    encoder = HubEncoder("text", str(test_assets("hub/minilm_l6_fp16")))
    texts = ["A film about war", "A movie about soldiers", "How to bake bread", ""]
    similar = cosines(encoder.encode(tf.constant(texts))[:3])
    assert encoder.dim == 384
    assert similar[0, 1] > similar[0, 2] + 0.2


def test_efficientnet_tells_pictures_apart():
    encoder = HubEncoder("image", str(test_assets("hub/efficientnet_lite0")))
    generator = np.random.default_rng(0)
    pictures = []
    for picture in (
        PIL.Image.new("RGB", (64, 64), "red"),
        PIL.Image.new("RGB", (80, 80), (250, 5, 5)),
        PIL.Image.fromarray(generator.integers(0, 255, [64, 64, 3], np.uint8)),
    ):
        out = io.BytesIO()
        picture.save(out, format="PNG")
        pictures.append(out.getvalue())
    similar = cosines(encoder.encode(tf.constant(pictures)))
    assert similar[0, 1] > similar[0, 2]


def test_musicnn_tells_sounds_apart():
    encoder = HubEncoder("audio", str(test_assets("hub/musicnn_mtt")))
    generator = np.random.default_rng(0)
    seconds = np.arange(64000) / 16000
    sounds = []
    for waveform in (
        0.5 * np.sin(2 * np.pi * 440 * seconds),
        0.4 * np.sin(2 * np.pi * 450 * seconds),
        0.3 * generator.normal(size=64000).clip(-3, 3),
    ):
        out = io.BytesIO()
        soundfile.write(out, waveform, 16000, format="WAV", subtype="PCM_16")
        sounds.append(out.getvalue())
    similar = cosines(encoder.encode(tf.constant(sounds)))
    assert similar[0, 1] > similar[0, 2]
