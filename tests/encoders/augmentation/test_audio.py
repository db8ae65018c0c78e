"""Audio augmentation: each change by hand and in a Fourier transform, and the contract."""

import numpy as np
import pytest
import tensorflow as tf

from tests.encoders.augmentation.contract import assert_same, check_contract
from tfmmrec.encoders.augmentation import AudioAugmentation, create_augmentation
from tfmmrec.encoders.augmentation.audio import from_frames, shift, to_frames
from tfmmrec.errors import ConfigError

RATE = 16_000


def noise(size: int = 8, samples: int = 4000) -> tf.Tensor:
    wave = np.random.default_rng(0).uniform(-0.9, 0.9, samples).astype(np.float32)
    return tf.constant(np.stack([wave] * size))


@pytest.mark.parametrize(
    "options",
    [
        {"gain": 12.0},
        {"shift": 0.3},
        {"freq_mask": 0.3, "time_mask": 0.3, "masks": 2},
        {"gain": 6, "shift": 0.1, "freq_mask": 0.2, "time_mask": 0.2},
    ],
)
def test_contract(options: dict):
    check_contract(create_augmentation("audio", options), noise(), -1.0, 1.0)


def test_off_changes_nothing():
    waveforms = noise()
    assert AudioAugmentation()(waveforms, [0, 0]) is waveforms


def test_gain_is_within_its_decibels():
    waveforms = tf.fill([300, 2], 0.1)
    outputs = AudioAugmentation(gain=6.0)(waveforms, [0, 0]).numpy()
    decibels = 20 * np.log10(outputs / 0.1)
    np.testing.assert_allclose(decibels[:, 0], decibels[:, 1], atol=1e-4)
    assert -6 <= decibels.min() < -5.5 and 5.5 < decibels.max() <= 6.0001
    assert np.abs(AudioAugmentation(gain=20.0)(tf.fill([50, 2], 0.9), [0, 0])).max() == 1.0


def test_shifts_by_hand():
    waveforms = tf.constant([[1.0, 2.0, 3.0, 4.0]] * 4)
    outputs = shift(waveforms, tf.constant([0, 1, -2, 5]))
    expected = [[1, 2, 3, 4], [0, 1, 2, 3], [3, 4, 0, 0], [0, 0, 0, 0]]
    np.testing.assert_array_equal(outputs, expected)
    # A quarter of four samples is one, to either side.
    outputs = AudioAugmentation(shift=0.25)(tf.constant([[0.125, 0.25, 0.5, 1.0]] * 64), [0, 0])
    rows = {tuple(row.tolist()) for row in outputs.numpy()}
    assert rows == {(0.125, 0.25, 0.5, 1.0), (0.0, 0.125, 0.25, 0.5), (0.25, 0.5, 1.0, 0.0)}


@pytest.mark.parametrize("samples", [1, 100, 512, 4000, 4001])
def test_the_transform_is_undone(samples: int):
    waveforms = noise(2, samples)
    assert_same(from_frames(to_frames(waveforms), samples), waveforms)


def test_a_band_is_silent_and_the_others_stay():
    # Noise of all frequencies, of which each example lacks one band at most.
    waveforms = noise(16, RATE)
    outputs = AudioAugmentation(freq_mask=0.5)(waveforms, [0, 0]).numpy()
    before = np.abs(np.fft.rfft(waveforms.numpy())).reshape(16, -1)
    after = np.abs(np.fft.rfft(outputs))
    # A hundred bands of 80 Hz.
    before, after = (
        spectrum[:, :8000].reshape(16, 100, 80).mean(axis=2) for spectrum in (before, after)
    )
    kept = after / before
    silent, whole = kept < 0.05, kept > 0.95
    widths = silent.sum(axis=1)
    assert widths.max() > 30 and widths.max() <= 51
    # Four bands at either edge are neither.
    assert ((~silent & ~whole).sum(axis=1) <= 8).all()
    for row in silent[widths > 0]:
        assert np.abs(np.diff(np.pad(row, 1).astype(int))).sum() == 2


def test_a_span_is_silent_and_the_others_stay():
    waveforms = noise(16, RATE)
    outputs = AudioAugmentation(time_mask=0.5)(waveforms, [0, 0]).numpy()
    kept = np.abs(outputs - waveforms.numpy()) < 1e-4
    silent = np.abs(outputs) < 1e-6
    assert silent.mean(axis=1).max() > 0.3
    # What is neither is the fading at both edges, of 384 samples at most.
    assert (~kept & ~silent).sum(axis=1).max() <= 2 * 384


def test_wrong_options_are_refused():
    for declared, reason in (
        ({"gain": -1}, "gain must be from 0 to 60"),
        ({"shift": 2}, "shift must be from 0 to 1"),
        ({"time_mask": 1.0}, "time_mask must be from 0 to below 1"),
        ({"pitch": 1}, "augment of audio has no option 'pitch'"),
    ):
        with pytest.raises(ConfigError, match=reason):
            create_augmentation("audio", declared)
