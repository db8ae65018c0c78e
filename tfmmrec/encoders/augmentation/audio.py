"""Sounds: louder, softer, earlier, later, and with bands and spans left out."""

import dataclasses

import tensorflow as tf

from tfmmrec.encoders.augmentation.base import AUGMENTATIONS, Augmentation, refuse_outside, uniform
from tfmmrec.encoders.augmentation.spec_augment import SpectrogramAugmentation

# Of the transform that is masked, in samples: 32 and 8 ms at 16 kHz.
_FRAME, _STEP = 512, 128


@AUGMENTATIONS.register("audio")
@dataclasses.dataclass(frozen=True)
class AudioAugmentation(Augmentation):
    """Varies waveforms, float `[batch, samples]` in [-1, 1], of any rate.

    An encoder that reads waveforms makes its spectrogram within, where nothing can be masked. So a
    short-time Fourier transform of the waveform is, and is turned back into a waveform, which
    reads as if that band or span were silent.

    Attributes:
        gain: how much louder or softer, in dB at most (default 0); samples are cut off at -1 and 1.
        shift: how far earlier or later, as a share of the length at most (default 0); what comes
            free is silent.
        freq_mask: as of `SpectrogramAugmentation`, of the frequencies up to half the rate.
        time_mask: likewise, of the length.
        masks: likewise.

    Raises:
        ConfigError: an option is out of its range.
    """

    gain: float = 0.0
    shift: float = 0.0
    freq_mask: float = 0.0
    time_mask: float = 0.0
    masks: int = 1

    def __post_init__(self) -> None:
        refuse_outside(self, ("gain",), 0.0, 60.0)
        refuse_outside(self, ("shift",), 0.0, 1.0)
        self._spectrogram_masks()

    def __call__(self, inputs: tf.Tensor, seed: tf.Tensor) -> tf.Tensor:
        outputs = inputs
        if self.shift:
            shares = uniform(inputs, seed, 0, -self.shift, self.shift)
            length = tf.cast(tf.shape(inputs)[1], tf.float32)
            outputs = shift(outputs, tf.cast(tf.round(shares * length), tf.int32))
        if self.freq_mask or self.time_mask:
            seed_of_masks = tf.random.experimental.stateless_fold_in(seed, 2)
            outputs = self._masked(outputs, seed_of_masks)
        if self.gain:
            decibels = uniform(inputs, seed, 1, -self.gain, self.gain)
            factors = tf.cast(tf.pow(10.0, decibels / 20.0), outputs.dtype)
            outputs = tf.clip_by_value(outputs * factors[:, tf.newaxis], -1.0, 1.0)
        outputs.set_shape(inputs.shape)
        return outputs

    def _spectrogram_masks(self) -> SpectrogramAugmentation:
        return SpectrogramAugmentation(self.freq_mask, self.time_mask, self.masks)

    def _masked(self, waveforms: tf.Tensor, seed: tf.Tensor) -> tf.Tensor:
        frames = to_frames(tf.cast(waveforms, tf.float32))
        masked = from_frames(self._spectrogram_masks()(frames, seed), tf.shape(waveforms)[1])
        # A band can have taken away from a peak, so that what is left stands out further.
        return tf.cast(tf.clip_by_value(masked, -1.0, 1.0), waveforms.dtype)


def shift(waveforms: tf.Tensor, samples: tf.Tensor) -> tf.Tensor:
    """Moves each waveform `[batch, samples]` later by its number of samples, int32 `[batch]`."""
    length = tf.shape(waveforms)[1]
    places = tf.range(length)[tf.newaxis] - samples[:, tf.newaxis]
    here = (places >= 0) & (places < length)
    moved = tf.gather(waveforms, tf.clip_by_value(places, 0, length - 1), batch_dims=1)
    return tf.where(here, moved, tf.zeros([], waveforms.dtype))


def to_frames(waveforms: tf.Tensor) -> tf.Tensor:
    """The short-time Fourier transform, complex64 `[batch, frames, 257]`, which can be undone."""
    # Every sample stands in as many frames as any other.
    padded = tf.pad(waveforms, [[0, 0], [_FRAME - _STEP, _FRAME]])
    return tf.signal.stft(padded, _FRAME, _STEP)


def from_frames(frames: tf.Tensor, length: tf.Tensor) -> tf.Tensor:
    """Undoes `to_frames`: float32 `[batch, length]`."""
    window = tf.signal.inverse_stft_window_fn(_STEP)
    padded = tf.signal.inverse_stft(frames, _FRAME, _STEP, window_fn=window)
    return padded[:, _FRAME - _STEP :][:, :length]
