"""Audio augmentation: gain, time shift, and masks of frequency and time."""

import dataclasses

import tensorflow as tf

from tfmmrec.encoders.augmentation.base import AUGMENTATIONS, Augmentation, check_range, uniform
from tfmmrec.encoders.augmentation.spec_augment import SpectrogramAugmentation

# Frame and hop length of the masked transform in samples: 32 and 8 ms at 16 kHz.
_FRAME, _STEP = 512, 128


@AUGMENTATIONS.register("audio")
@dataclasses.dataclass(frozen=True)
class AudioAugmentation(Augmentation):
    """Augments waveforms, float `[batch, samples]` in [-1, 1], of any sampling rate.

    The spectrogram of an encoder that takes waveforms is internal, and cannot be masked. So a
    short-time Fourier transform of the waveform is masked, and transformed back to a waveform in
    which that band or span is silent.

    Attributes:
        gain: maximum gain or attenuation in dB (default 0); samples are clipped to [-1, 1].
        shift: maximum time shift in either direction, as a fraction of the length (default 0); the
            gap is silent.
        freq_mask: as in `SpectrogramAugmentation`, of the frequencies up to half the rate.
        time_mask: as in `SpectrogramAugmentation`, of the length.
        masks: as in `SpectrogramAugmentation`.

    Raises:
        ConfigError: an option is out of range.
    """

    gain: float = 0.0
    shift: float = 0.0
    freq_mask: float = 0.0
    time_mask: float = 0.0
    masks: int = 1

    def __post_init__(self) -> None:
        check_range(self, ("gain",), 0.0, 60.0)
        check_range(self, ("shift",), 0.0, 1.0)
        self._spectrogram_masks()

    def __call__(self, inputs: tf.Tensor, seed: tf.Tensor) -> tf.Tensor:
        outputs = inputs
        if self.shift:
            fractions = uniform(inputs, seed, 0, -self.shift, self.shift)
            length = tf.cast(tf.shape(inputs)[1], tf.float32)
            outputs = shift(outputs, tf.cast(tf.round(fractions * length), tf.int32))
        if self.freq_mask or self.time_mask:
            mask_seed = tf.random.experimental.stateless_fold_in(seed, 2)
            outputs = self._masked(outputs, mask_seed)
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
        # Without a band, peaks may be higher than 1.
        return tf.cast(tf.clip_by_value(masked, -1.0, 1.0), waveforms.dtype)


def shift(waveforms: tf.Tensor, samples: tf.Tensor) -> tf.Tensor:
    """Delays each waveform `[batch, samples]` by a number of samples, int32 `[batch]`."""
    length = tf.shape(waveforms)[1]
    positions = tf.range(length)[tf.newaxis] - samples[:, tf.newaxis]
    is_inside = (positions >= 0) & (positions < length)
    shifted = tf.gather(waveforms, tf.clip_by_value(positions, 0, length - 1), batch_dims=1)
    return tf.where(is_inside, shifted, tf.zeros([], waveforms.dtype))


def to_frames(waveforms: tf.Tensor) -> tf.Tensor:
    """Computes an invertible short-time Fourier transform, complex64 `[batch, frames, 257]`."""
    # Padded, so that all samples are in the same number of frames.
    padded = tf.pad(waveforms, [[0, 0], [_FRAME - _STEP, _FRAME]])
    return tf.signal.stft(padded, _FRAME, _STEP)


def from_frames(frames: tf.Tensor, length: tf.Tensor) -> tf.Tensor:
    """Inverts `to_frames`, to float32 `[batch, length]`."""
    window = tf.signal.inverse_stft_window_fn(_STEP)
    padded = tf.signal.inverse_stft(frames, _FRAME, _STEP, window_fn=window)
    return padded[:, _FRAME - _STEP :][:, :length]
