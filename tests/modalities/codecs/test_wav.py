"""Tests of waveforms: resampling, decoding in the graph and while packing."""

import functools
import io
import math
import struct

import numpy as np
import pytest
import scipy.signal
import soundfile
import tensorflow as tf

from tfmmrec.errors import BrokenValue
from tfmmrec.modalities.codecs import wav as waveform_module
from tfmmrec.modalities.codecs.wav import decode_wav, read_audio, resample

RATE_OUT = 16_000
# Lossless formats: the greatest error of a sample is half a step of their bit depth.
LOSSLESS = {
    ("WAV", "PCM_U8"): 2**-7,
    ("WAV", "PCM_16"): 2**-15,
    ("WAV", "PCM_24"): 2**-23,
    ("WAV", "PCM_32"): 2**-23,
    ("WAV", "FLOAT"): 1e-7,
    ("WAV", "DOUBLE"): 1e-7,
    ("FLAC", "PCM_S8"): 2**-7,
    ("FLAC", "PCM_16"): 2**-15,
    ("FLAC", "PCM_24"): 2**-23,
}
LOSSY = [("MP3", "MPEG_LAYER_III"), ("OGG", "VORBIS"), ("OGG", "OPUS")]


@functools.cache
def resample_in_graph():
    return tf.function(
        lambda samples, rate: resample(samples, rate, RATE_OUT),
        input_signature=[tf.TensorSpec([None], tf.float32), tf.TensorSpec([], tf.int32)],
    )


def sine(hertz: float, rate: int, samples: int) -> np.ndarray:
    return np.sin(2 * math.pi * hertz * np.arange(samples) / rate).astype(np.float32)


def stereo() -> np.ndarray:
    """A second and a half of two sines, `[samples, 2]`."""
    return np.stack([0.5 * sine(440, 48_000, 72_000), 0.25 * sine(1100, 48_000, 72_000)], axis=1)


def encode(kind: str, subtype: str, samples: np.ndarray | None = None, rate: int = 48_000) -> bytes:
    out = io.BytesIO()
    soundfile.write(out, stereo() if samples is None else samples, rate, subtype, format=kind)
    return out.getvalue()


@pytest.mark.parametrize("rate", [8000, 11_025, 22_050, 44_100, 44_101, 48_000, 96_000, 192_000])
@pytest.mark.parametrize("hertz", [100, 1000, 3000])
def test_a_sine_stays_that_sine(rate, hertz):
    resampled = resample_in_graph()(sine(hertz, rate, 2 * rate + 100), rate).numpy()
    assert len(resampled) == math.ceil((2 * rate + 100) * RATE_OUT / rate)
    wanted = sine(hertz, RATE_OUT, len(resampled))
    np.testing.assert_allclose(resampled[500:-500], wanted[500:-500], atol=1e-3)


def test_the_pass_band_reaches_up():
    # 6300 Hz is 0.79 of the lower Nyquist frequency.
    resampled = resample_in_graph()(sine(6300, 44_100, 44_100), 44_100).numpy()
    wanted = sine(6300, RATE_OUT, RATE_OUT)
    np.testing.assert_allclose(resampled[500:-500], wanted[500:-500], atol=1e-3)


@pytest.mark.parametrize("rate", [44_100, 48_000])
def test_what_lies_above_the_lower_nyquist_is_cut(rate):
    resampled = resample_in_graph()(sine(8200, rate, rate), rate).numpy()
    assert np.abs(resampled[500:-500]).max() < 1e-3


@pytest.mark.parametrize("rate", [11_025, 24_000, 44_100, 48_000])
def test_resampling_agrees_with_scipy(rate):
    samples = 0.4 * sine(300, rate, rate) + 0.4 * sine(2500, rate, rate)
    resampled = resample_in_graph()(samples, rate).numpy()
    common = math.gcd(rate, RATE_OUT)
    by_scipy = scipy.signal.resample_poly(
        samples, RATE_OUT // common, rate // common, window=("kaiser", 12.0)
    )
    assert len(resampled) == len(by_scipy)
    np.testing.assert_allclose(resampled[500:-500], by_scipy[500:-500], atol=2e-3)


@pytest.mark.parametrize("rate", [24_000, 48_000])
def test_resampling_agrees_with_tfio_but_for_its_delay(rate):
    if not waveform_module._native_decoders():
        pytest.skip("tensorflow-io's native ops do not load on this TensorFlow")
    import tensorflow_io as tfio

    samples = 0.4 * sine(310, rate, rate) + 0.4 * sine(2530, rate, rate)
    resampled = resample_in_graph()(samples, rate).numpy()
    by_tfio = tfio.audio.resample(samples, rate, RATE_OUT).numpy()
    assert len(resampled) == len(by_tfio)
    # Its filter is causal: what comes out is 32 samples late at these rates.
    np.testing.assert_allclose(resampled[1000:9000], by_tfio[1032:9032], atol=1e-3)


def test_resampling_of_short_and_equal():
    for samples, wanted in ((0, 0), (1, 1), (2, 1), (5, 2)):
        # ceil(samples * 16000 / 44100): 0.36 -> 1, 0.73 -> 1, 1.81 -> 2
        assert resample_in_graph()(np.ones(samples, np.float32), 44_100).shape == [wanted]
    same = sine(440, RATE_OUT, 1000)
    np.testing.assert_array_equal(resample_in_graph()(same, RATE_OUT), same)
    np.testing.assert_array_equal(resample(tf.constant(same), tf.constant(RATE_OUT), 16_000), same)


def test_resampling_does_not_depend_on_what_follows():
    """What is cut into seconds inside is seamless, and a prefix resamples to a prefix."""
    noise = np.random.default_rng(0).normal(size=3 * 44_100).astype(np.float32)
    whole = resample_in_graph()(noise, 44_100).numpy()
    start = resample_in_graph()(noise[: 44_100 + 7000], 44_100).numpy()
    np.testing.assert_allclose(start[:18_000], whole[:18_000], atol=1e-6)


def test_rates_out_of_range_are_bounded():
    assert resample_in_graph()(np.ones(10, np.float32), 1).shape == [160]
    assert resample_in_graph()(np.ones(48, np.float32), 2**31 - 1).shape == [2]


def test_decode_wav_in_the_graph_agrees_with_read_audio():
    data = encode("WAV", "PCM_16")
    samples, rate = tf.function(decode_wav)(tf.constant(data))
    offline, offline_rate = read_audio(data)
    assert rate == offline_rate == 48_000
    np.testing.assert_allclose(samples, offline, atol=1e-7)
    np.testing.assert_allclose(samples, stereo().mean(axis=1), atol=2**-15)


def test_decode_wav_of_an_absent_sound():
    samples, rate = decode_wav(tf.constant(b""))
    assert samples.shape == [0]
    assert rate == 16_000


@pytest.mark.parametrize("native", [True, False], ids=["tfio", "soundfile"])
@pytest.mark.parametrize(("kind", "subtype"), [*LOSSLESS, *LOSSY])
def test_read_audio_reads(kind, subtype, native, monkeypatch):
    if not native:
        monkeypatch.setattr(waveform_module, "_native_decoders", dict)
    elif not waveform_module._native_decoders():
        pytest.skip("tensorflow-io's native ops do not load on this TensorFlow")
    samples, rate = read_audio(encode(kind, subtype), "clip")
    assert samples.dtype == np.float32
    assert rate == 48_000
    if (kind, subtype) in LOSSLESS:
        assert samples.shape == (72_000,)
        np.testing.assert_allclose(samples, stereo().mean(axis=1), atol=LOSSLESS[kind, subtype])
    else:
        assert abs(len(samples) - 72_000) < 3000
        assert 0.1 < np.abs(samples).max() < 0.6


@pytest.mark.parametrize(("kind", "subtype"), [*LOSSLESS, *LOSSY])
def test_the_two_decoders_agree(kind, subtype, monkeypatch):
    if (kind, subtype) not in waveform_module._native_decoders():
        pytest.skip("tensorflow-io does not decode it here; soundfile does")
    data = encode(kind, subtype)
    native = waveform_module._decode_natively(data, soundfile.info(io.BytesIO(data)))
    by_soundfile, _ = soundfile.read(io.BytesIO(data), dtype="float32", always_2d=True)
    assert native is not None
    assert native.shape == by_soundfile.shape
    np.testing.assert_allclose(native, by_soundfile, atol=1e-5)


@pytest.mark.parametrize(
    ("kind", "subtype"), [kind for kind in [*LOSSLESS, *LOSSY] if kind[0] != "MP3"]
)
def test_read_audio_refuses_a_sound_cut_off(kind, subtype):
    data = encode(kind, subtype)
    for size in (10, 100, len(data) // 2, len(data) - 200):
        with pytest.raises(BrokenValue, match=r"^a\.x: .*(cut off|cannot|can be decoded)"):
            read_audio(data[:size], "a.x")


@pytest.mark.parametrize(
    "data", [b"", b"RIFF", b"fLaC", b"OggS" * 20, b"\xff\xfb" * 300, b"GIF89a"]
)
def test_read_audio_refuses_junk(data):
    with pytest.raises(BrokenValue, match=r"not a sound|cut off"):
        read_audio(data)


def test_read_audio_refuses_what_says_nothing():
    with pytest.raises(BrokenValue, match="no samples"):
        read_audio(encode("WAV", "PCM_16", np.zeros([0, 1])))
    with pytest.raises(BrokenValue, match="not finite"):
        read_audio(encode("WAV", "FLOAT", np.array([0.0, math.nan], np.float32)))
    with pytest.raises(BrokenValue, match="500 Hz is not supported"):
        read_audio(encode("WAV", "PCM_16", np.zeros(100), rate=500))


def test_read_audio_takes_a_recording_of_unknown_length():
    data = bytearray(encode("WAV", "PCM_16"))
    at = data.index(b"data") + 4
    data[at : at + 4] = struct.pack("<I", 0xFFFFFFFF)
    assert len(read_audio(bytes(data))[0]) == 72_000
