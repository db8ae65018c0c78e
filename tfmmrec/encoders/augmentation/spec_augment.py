"""Spectrograms: bands of frequency and spans of time left out."""

import dataclasses

import tensorflow as tf

from tfmmrec.encoders.augmentation.base import AUGMENTATIONS, Augmentation, refuse_outside, uniform
from tfmmrec.errors import ConfigError


@AUGMENTATIONS.register("spectrogram")
@dataclasses.dataclass(frozen=True)
class SpectrogramAugmentation(Augmentation):
    """Masks spectrograms `[batch, time, frequency]`, float or complex (SpecAugment).

    With the same draws the masks are those of `tfio.audio.freq_mask` and `tfio.audio.time_mask`.
    Those take a single spectrogram and draw from TensorFlow's own stream, which no seed of a step
    reaches; here a batch is masked at once and by its seed.

    Attributes:
        freq_mask: the widest band that is masked, as a share of the frequencies (default 0).
        time_mask: the longest span that is masked, as a share of the time (default 0).
        masks: how many bands and how many spans (default 1); they may overlap.

    Raises:
        ConfigError: an option is out of its range.

    Source: Park et al. 2019, "SpecAugment", arXiv 1904.08779.
    """

    freq_mask: float = 0.0
    time_mask: float = 0.0
    masks: int = 1

    def __post_init__(self) -> None:
        refuse_outside(self, ("freq_mask", "time_mask"), 0.0, 1.0, below=True)
        if self.masks < 1:
            raise ConfigError(f"masks must be at least 1. Received: {self.masks!r}")

    def __call__(self, inputs: tf.Tensor, seed: tf.Tensor) -> tf.Tensor:
        outputs = inputs
        for number in range(self.masks):
            if self.freq_mask:
                hidden = self._spans(inputs, seed, 4 * number, axis=2, share=self.freq_mask)
                outputs = tf.where(hidden[:, tf.newaxis, :], tf.zeros([], inputs.dtype), outputs)
            if self.time_mask:
                hidden = self._spans(inputs, seed, 4 * number + 2, axis=1, share=self.time_mask)
                outputs = tf.where(hidden[:, :, tf.newaxis], tf.zeros([], inputs.dtype), outputs)
        return outputs

    def _spans(
        self, inputs: tf.Tensor, seed: tf.Tensor, draw: int, *, axis: int, share: float
    ) -> tf.Tensor:
        length = tf.shape(inputs)[axis]
        most = tf.cast(share * tf.cast(length, tf.float32), tf.int32)
        draws = [uniform(inputs, seed, draw + more) for more in (0, 1)]
        return spans(length, most, *draws)


def spans(length: tf.Tensor, most: tf.Tensor, width: tf.Tensor, start: tf.Tensor) -> tf.Tensor:
    """Turns draws into one span a row, of 0 to `most` places, within a length.

    Args:
        length: int32, how many places there are.
        most: int32 below `length`, how many are hidden at most.
        width: float32 `[batch]` in [0, 1), how much of that.
        start: float32 `[batch]` in [0, 1), where the span starts among the places that it can.

    Returns:
        bool `[batch, length]`, True within the span.
    """
    widths = _below(width, most + 1)
    starts = _below(start, length - widths)[:, tf.newaxis]
    places = tf.range(length)[tf.newaxis]
    return (places >= starts) & (places < starts + widths[:, tf.newaxis])


def _below(draws: tf.Tensor, bound: tf.Tensor) -> tf.Tensor:
    """Turns draws in [0, 1) into whole numbers in [0, bound)."""
    return tf.cast(draws * tf.cast(bound, tf.float32), tf.int32)
