"""Pictures: mirrored, cropped, and of other colours."""

import dataclasses
import math

import tensorflow as tf

from tfmmrec.encoders.augmentation.base import AUGMENTATIONS, Augmentation, refuse_outside, uniform
from tfmmrec.errors import ConfigError

# How much light of each channel the eye sees (ITU-R BT.601).
_LUMA = (0.299, 0.587, 0.114)
_MOST_STRETCH = 4 / 3


@AUGMENTATIONS.register("image")
@dataclasses.dataclass(frozen=True)
class ImageAugmentation(Augmentation):
    """Varies pictures, float `[batch, height, width, 3]`.

    Attributes:
        flip: the chance of each to be mirrored left to right (default 0).
        crop: the least share of its area that is kept; a part of at least that share, of any place
            and up to 4/3 wider or higher than the picture, is enlarged to the whole (default 1,
            off). Szegedy et al. 2015, "Going Deeper with Convolutions".
        colour: how far brightness, contrast and saturation are changed, each by a factor from
            1 - colour to 1 + colour (default 0).
        value_range: the least and the greatest value of a pixel (default 0 and 1).

    Raises:
        ConfigError: an option is out of its range.

    Example:
        >>> augment = ImageAugmentation(flip=1.0)
        >>> augment(tf.constant([[[[0.0] * 3, [1.0] * 3]]]), [0, 0]).numpy().tolist()
        [[[[1.0, 1.0, 1.0], [0.0, 0.0, 0.0]]]]
    """

    flip: float = 0.0
    crop: float = 1.0
    colour: float = 0.0
    value_range: tuple[float, float] = (0.0, 1.0)

    def __post_init__(self) -> None:
        refuse_outside(self, ("flip", "colour"), 0.0, 1.0)
        if not 0 < self.crop <= 1:
            raise ConfigError(f"crop must be above 0 and at most 1. Received: {self.crop!r}")
        low, high = self.value_range
        if not low < high:
            raise ConfigError(f"value_range must rise. Received: {self.value_range!r}")

    def __call__(self, inputs: tf.Tensor, seed: tf.Tensor) -> tf.Tensor:
        outputs = inputs
        if self.flip:
            drawn = uniform(inputs, seed, 0) < self.flip
            outputs = tf.where(drawn[:, None, None, None], tf.reverse(outputs, [2]), outputs)
        if self.crop < 1:
            outputs = enlarge(outputs, self._boxes(inputs, seed))
        if self.colour:
            low, high = self.value_range
            factors = [
                uniform(inputs, seed, draw, 1 - self.colour, 1 + self.colour) for draw in (1, 2, 3)
            ]
            unit = (tf.cast(outputs, tf.float32) - low) / (high - low)
            outputs = change_colours(unit, *factors) * (high - low) + low
        outputs = tf.cast(outputs, inputs.dtype)
        outputs.set_shape(inputs.shape)
        return outputs

    def _boxes(self, inputs: tf.Tensor, seed: tf.Tensor) -> tf.Tensor:
        """Draws what is kept of each picture, as `enlarge` takes it."""
        area = uniform(inputs, seed, 4, self.crop, 1.0)
        stretch = math.log(_MOST_STRETCH)
        ratio = tf.exp(uniform(inputs, seed, 5, -stretch, stretch))
        height = tf.minimum(tf.sqrt(area / ratio), 1.0)
        # Where one side is as long as it can be, the other makes up for it.
        width = tf.minimum(area / height, 1.0)
        height = tf.minimum(area / width, 1.0)
        top = uniform(inputs, seed, 6) * (1.0 - height)
        left = uniform(inputs, seed, 7) * (1.0 - width)
        return tf.stack([top, left, top + height, left + width], axis=1)


def enlarge(pictures: tf.Tensor, boxes: tf.Tensor) -> tf.Tensor:
    """Enlarges a part of each picture to the whole, bilinearly.

    Args:
        pictures: float `[batch, height, width, 3]`.
        boxes: float32 `[batch, 4]`: top, left, bottom, right, from 0 to 1.
    """
    # Past the last pixel by a rounding error there would be black.
    boxes = tf.clip_by_value(boxes, 0.0, 1.0 - 1e-6)
    size = tf.shape(pictures)
    enlarged = tf.image.crop_and_resize(
        tf.cast(pictures, tf.float32), boxes, tf.range(size[0]), size[1:3]
    )
    return tf.cast(enlarged, pictures.dtype)


def change_colours(
    pictures: tf.Tensor, brightness: tf.Tensor, contrast: tf.Tensor, saturation: tf.Tensor
) -> tf.Tensor:
    """Changes brightness, then contrast, then saturation; 1 leaves each as it is.

    Brightness multiplies each pixel, contrast its distance to the picture's mean grey, and
    saturation its distance to its own grey.

    Args:
        pictures: float32 `[batch, height, width, 3]` in [0, 1].
        brightness: float32 `[batch]`, as the others.
        contrast: likewise.
        saturation: likewise.

    Returns:
        The pictures, cut off at 0 and 1.
    """
    brightness, contrast, saturation = (
        factor[:, None, None, None] for factor in (brightness, contrast, saturation)
    )
    pictures *= brightness
    mean = tf.reduce_mean(_grey(pictures), axis=[1, 2], keepdims=True)
    pictures = mean + contrast * (pictures - mean)
    grey = _grey(pictures)
    return tf.clip_by_value(grey + saturation * (pictures - grey), 0.0, 1.0)


def _grey(pictures: tf.Tensor) -> tf.Tensor:
    return tf.reduce_sum(pictures * tf.constant(_LUMA), axis=-1, keepdims=True)
