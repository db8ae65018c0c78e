"""SpecAugment: masks bands of frequency and spans of time of spectrograms."""

import dataclasses

import tensorflow as tf

from tfmmrec.encoders.augmentation.base import AUGMENTATIONS, Augmentation, check_range, uniform
from tfmmrec.errors import ConfigError


@AUGMENTATIONS.register("spectrogram")
@dataclasses.dataclass(frozen=True)
class SpectrogramAugmentation(Augmentation):
    """Masks spectrograms `[batch, time, frequency]`, float or complex (SpecAugment).

    Given the same draws, the masks equal those of `tfio.audio.freq_mask` and
    `tfio.audio.time_mask`. Those take a single spectrogram and use TensorFlow's global random
    state; this class masks a batch at once, with a seed per step.

    Attributes:
        freq_mask: maximum width of a masked band, as a fraction of the frequencies (default 0).
        time_mask: maximum length of a masked span, as a fraction of the time (default 0).
        masks: number of bands and number of spans (default 1); they may overlap.

    Raises:
        ConfigError: an option is out of range.

    Source: Park et al. 2019, "SpecAugment", arXiv 1904.08779.
    """

    freq_mask: float = 0.0
    time_mask: float = 0.0
    masks: int = 1

    def __post_init__(self) -> None:
        check_range(self, ("freq_mask", "time_mask"), 0.0, 1.0, below=True)
        if self.masks < 1:
            raise ConfigError(f"masks must be at least 1. Received: {self.masks!r}")

    def __call__(self, inputs: tf.Tensor, seed: tf.Tensor) -> tf.Tensor:
        outputs = inputs
        for number in range(self.masks):
            if self.freq_mask:
                is_masked = self._spans(inputs, seed, 4 * number, axis=2, fraction=self.freq_mask)
                outputs = tf.where(is_masked[:, tf.newaxis, :], tf.zeros([], inputs.dtype), outputs)
            if self.time_mask:
                is_masked = self._spans(
                    inputs, seed, 4 * number + 2, axis=1, fraction=self.time_mask
                )
                outputs = tf.where(is_masked[:, :, tf.newaxis], tf.zeros([], inputs.dtype), outputs)
        return outputs

    def _spans(
        self, inputs: tf.Tensor, seed: tf.Tensor, draw: int, *, axis: int, fraction: float
    ) -> tf.Tensor:
        length = tf.shape(inputs)[axis]
        max_width = tf.cast(fraction * tf.cast(length, tf.float32), tf.int32)
        draws = [uniform(inputs, seed, draw + more) for more in (0, 1)]
        return spans(length, max_width, *draws)


def spans(length: tf.Tensor, max_width: tf.Tensor, width: tf.Tensor, start: tf.Tensor) -> tf.Tensor:
    """Converts uniform draws to one span of positions per row.

    Args:
        length: int32, number of positions.
        max_width: int32 below `length`, maximum width of a span.
        width: float32 `[batch]` in [0, 1), draw of the width, from 0 to `max_width`.
        start: float32 `[batch]` in [0, 1), draw of the start, so that the span is within `length`.

    Returns:
        bool `[batch, length]`, True within the span.
    """
    widths = _below(width, max_width + 1)
    starts = _below(start, length - widths)[:, tf.newaxis]
    positions = tf.range(length)[tf.newaxis]
    return (positions >= starts) & (positions < starts + widths[:, tf.newaxis])


def _below(draws: tf.Tensor, bound: tf.Tensor) -> tf.Tensor:
    """Converts draws in [0, 1) to integers in [0, bound)."""
    return tf.cast(draws * tf.cast(bound, tf.float32), tf.int32)
