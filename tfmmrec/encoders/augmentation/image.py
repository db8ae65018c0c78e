"""Image augmentation: flip, crop and color."""

import dataclasses
import math

import tensorflow as tf

from tfmmrec.encoders.augmentation.base import AUGMENTATIONS, Augmentation, check_range, uniform
from tfmmrec.errors import ConfigError

# Luma of each channel (ITU-R BT.601).
_LUMA = (0.299, 0.587, 0.114)
_MAX_STRETCH = 4 / 3


@AUGMENTATIONS.register("image")
@dataclasses.dataclass(frozen=True)
class ImageAugmentation(Augmentation):
    """Augments images, float `[batch, height, width, 3]`.

    Attributes:
        flip: probability of a horizontal flip (default 0).
        crop: minimum fraction of the area of a random crop, which is resized to the whole image;
            its aspect ratio differs from that of the image by a factor of up to 4/3 (default 1,
            off). Szegedy et al. 2015, "Going Deeper with Convolutions".
        color: range of the random factors of brightness, contrast and saturation, from
            1 - color to 1 + color (default 0).
        value_range: minimum and maximum value of a pixel (default 0 and 1).

    Raises:
        ConfigError: an option is out of range.

    Example:
        >>> augment = ImageAugmentation(flip=1.0)
        >>> augment(tf.constant([[[[0.0] * 3, [1.0] * 3]]]), [0, 0]).numpy().tolist()
        [[[[1.0, 1.0, 1.0], [0.0, 0.0, 0.0]]]]
    """

    flip: float = 0.0
    crop: float = 1.0
    color: float = 0.0
    value_range: tuple[float, float] = (0.0, 1.0)

    def __post_init__(self) -> None:
        check_range(self, ("flip", "color"), 0.0, 1.0)
        if not 0 < self.crop <= 1:
            raise ConfigError(f"crop must be above 0 and at most 1. Received: {self.crop!r}")
        low, high = self.value_range
        if not low < high:
            raise ConfigError(f"value_range must be increasing. Received: {self.value_range!r}")

    def __call__(self, inputs: tf.Tensor, seed: tf.Tensor) -> tf.Tensor:
        outputs = inputs
        if self.flip:
            is_flipped = uniform(inputs, seed, 0) < self.flip
            outputs = tf.where(is_flipped[:, None, None, None], tf.reverse(outputs, [2]), outputs)
        if self.crop < 1:
            outputs = crop_and_resize(outputs, self._boxes(inputs, seed))
        if self.color:
            low, high = self.value_range
            factors = [
                uniform(inputs, seed, draw, 1 - self.color, 1 + self.color) for draw in (1, 2, 3)
            ]
            unit = (tf.cast(outputs, tf.float32) - low) / (high - low)
            outputs = change_colors(unit, *factors) * (high - low) + low
        outputs = tf.cast(outputs, inputs.dtype)
        outputs.set_shape(inputs.shape)
        return outputs

    def _boxes(self, inputs: tf.Tensor, seed: tf.Tensor) -> tf.Tensor:
        """Draws the crops, as `crop_and_resize` takes them."""
        area = uniform(inputs, seed, 4, self.crop, 1.0)
        stretch = math.log(_MAX_STRETCH)
        ratio = tf.exp(uniform(inputs, seed, 5, -stretch, stretch))
        height = tf.minimum(tf.sqrt(area / ratio), 1.0)
        # If one side is limited by the image, the other becomes longer, so that the area stays.
        width = tf.minimum(area / height, 1.0)
        height = tf.minimum(area / width, 1.0)
        top = uniform(inputs, seed, 6) * (1.0 - height)
        left = uniform(inputs, seed, 7) * (1.0 - width)
        return tf.stack([top, left, top + height, left + width], axis=1)


def crop_and_resize(images: tf.Tensor, boxes: tf.Tensor) -> tf.Tensor:
    """Resizes a crop of each image to the whole size, bilinearly.

    Args:
        images: float `[batch, height, width, 3]`.
        boxes: float32 `[batch, 4]`: top, left, bottom and right, each from 0 to 1.
    """
    # A rounding error beyond the last pixel would give black.
    boxes = tf.clip_by_value(boxes, 0.0, 1.0 - 1e-6)
    size = tf.shape(images)
    enlarged = tf.image.crop_and_resize(
        tf.cast(images, tf.float32), boxes, tf.range(size[0]), size[1:3]
    )
    return tf.cast(enlarged, images.dtype)


def change_colors(
    images: tf.Tensor, brightness: tf.Tensor, contrast: tf.Tensor, saturation: tf.Tensor
) -> tf.Tensor:
    """Changes brightness, then contrast, then saturation; a factor of 1 changes nothing.

    Brightness multiplies each pixel, contrast its difference to the mean gray of the image, and
    saturation its difference to its own gray.

    Args:
        images: float32 `[batch, height, width, 3]` in [0, 1].
        brightness: float32 `[batch]`.
        contrast: float32 `[batch]`.
        saturation: float32 `[batch]`.

    Returns:
        The images, clipped to [0, 1].
    """
    brightness, contrast, saturation = (
        factor[:, None, None, None] for factor in (brightness, contrast, saturation)
    )
    images *= brightness
    mean = tf.reduce_mean(_gray(images), axis=[1, 2], keepdims=True)
    images = mean + contrast * (images - mean)
    gray = _gray(images)
    return tf.clip_by_value(gray + saturation * (images - gray), 0.0, 1.0)


def _gray(images: tf.Tensor) -> tf.Tensor:
    return tf.reduce_sum(images * tf.constant(_LUMA), axis=-1, keepdims=True)
