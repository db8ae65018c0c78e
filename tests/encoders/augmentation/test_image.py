"""Image augmentation: each change by hand, the contract, and the options."""

import doctest

import numpy as np
import pytest
import tensorflow as tf

from tests.encoders.augmentation.contract import check_contract
from tfmmrec.encoders import augmentation
from tfmmrec.encoders.augmentation import ImageAugmentation, create_augmentation
from tfmmrec.encoders.augmentation.image import change_colors, crop_and_resize
from tfmmrec.errors import ConfigError

# Brightness from left to right, and from top to bottom in green.
RAMP = np.zeros([5, 9, 3], np.float32)
RAMP[..., 0] = np.linspace(0, 1, 9)
RAMP[..., 1] = np.linspace(0, 1, 5)[:, np.newaxis]


def batch(picture: np.ndarray, size: int = 8) -> tf.Tensor:
    return tf.constant(np.stack([picture] * size))


@pytest.mark.parametrize("options", [{"flip": 0.5, "crop": 0.5, "color": 0.4}, {"crop": 0.9}])
@pytest.mark.parametrize("value_range", [(0.0, 1.0), (-1.0, 1.0), (0.0, 255.0)])
def test_contract(options: dict, value_range: tuple[float, float]):
    low, high = value_range
    augment = create_augmentation("image", options, value_range=value_range)
    check_contract(augment, batch(RAMP * (high - low) + low), low, high)


def test_off_changes_nothing():
    pictures = batch(RAMP)
    assert create_augmentation("image", {})(pictures, [0, 0]) is pictures


def test_examples():
    assert doctest.testmod(augmentation.image).failed == 0


def test_a_share_of_pictures_is_mirrored():
    outputs = ImageAugmentation(flip=0.25)(batch(RAMP, 400), [0, 0]).numpy()
    mirrored = (outputs == RAMP[:, ::-1]).all(axis=(1, 2, 3))
    assert (mirrored | (outputs == RAMP).all(axis=(1, 2, 3))).all()
    # 100 are expected, with a deviation of sqrt(400 * 1/4 * 3/4) = 8.7.
    assert 60 < mirrored.sum() < 140


def test_a_part_is_enlarged():
    boxes = tf.constant([[0.0, 0.5, 1.0, 1.0], [0.5, 0.0, 1.0, 1.0], [0.0, 0.0, 1.0, 1.0]])
    right, lower, whole = crop_and_resize(batch(RAMP, 3), boxes).numpy()
    np.testing.assert_allclose(right[0, :, 0], np.linspace(0.5, 1, 9), atol=1e-5)
    np.testing.assert_allclose(right[:, 0, 1], np.linspace(0, 1, 5), atol=1e-5)
    np.testing.assert_allclose(lower[:, 0, 1], np.linspace(0.5, 1, 5), atol=1e-5)
    np.testing.assert_allclose(whole, RAMP, atol=1e-5)


def test_crops_keep_their_share_and_stay_within():
    # On linear ramps, the range of each is the length of a side of what was kept.
    outputs = ImageAugmentation(crop=0.6)(batch(RAMP, 300), [0, 0]).numpy()
    width = np.ptp(outputs[..., 0], axis=(1, 2))
    height = np.ptp(outputs[..., 1], axis=(1, 2))
    area = width * height
    assert area.min() > 0.599 and area.max() <= 1
    # Of areas drawn evenly from 0.6 to 1 the mean is 0.8.
    assert abs(area.mean() - 0.8) < 0.03
    assert width.min() < 0.75 and height.min() < 0.75
    # Beside the picture there would be black.
    white = ImageAugmentation(crop=0.3)(tf.ones([300, 31, 17, 3]), [1, 1])
    np.testing.assert_allclose(white, np.ones(white.shape), atol=1e-6)


def test_colours_by_hand():
    # Two pixels: red of 0.5, with a grey of 0.299 * 0.5 = 0.1495, and white of 0.5. Mean grey
    # (0.1495 + 0.5) / 2 = 0.32475.
    picture = np.array([[[[0.5, 0.0, 0.0], [0.5, 0.5, 0.5]]]], np.float32)

    def changed(brightness: float, contrast: float, saturation: float) -> np.ndarray:
        factors = [tf.constant([f], tf.float32) for f in (brightness, contrast, saturation)]
        return change_colors(tf.constant(picture), *factors).numpy()[0, 0]

    np.testing.assert_allclose(changed(1, 1, 1), picture[0, 0], atol=1e-6)
    np.testing.assert_allclose(changed(1.5, 1, 1), [[0.75, 0, 0], [0.75] * 3], atol=1e-6)
    np.testing.assert_allclose(changed(3, 1, 1), [[1, 0, 0], [1, 1, 1]], atol=1e-6)
    np.testing.assert_allclose(changed(1, 0, 1), np.full([2, 3], 0.32475), atol=1e-6)
    # 0.32475 + 0.5 (0.5 - 0.32475) = 0.412375 and 0.32475 - 0.5 * 0.32475 = 0.162375.
    low, high = 0.162375, 0.412375
    np.testing.assert_allclose(changed(1, 0.5, 1), [[high, low, low], [high] * 3], atol=1e-6)
    np.testing.assert_allclose(changed(1, 1, 0), [[0.1495] * 3, [0.5] * 3], atol=1e-6)


@pytest.mark.parametrize(
    ("declared", "reason"),
    [
        ({"flip": 1.5}, "flip must be from 0 to 1. Received: 1.5"),
        ({"color": -0.1}, "color must be from 0 to 1"),
        ({"crop": 0}, "crop must be above 0"),
        ({"spin": 1}, "augment of image has no option 'spin'; it takes color, crop, flip"),
        ({"flip": "yes"}, "flip: a number is needed"),
        ([0.5], "write {OPTION: value, …}"),
    ],
)
def test_wrong_options_are_refused(declared: dict, reason: str):
    with pytest.raises(ConfigError, match=reason):
        create_augmentation("image", declared)


def test_kinds_without_augmentation_are_refused():
    with pytest.raises(ConfigError, match="text has none; use audio, image, spectrogram"):
        create_augmentation("text", {})
    with pytest.raises(ConfigError, match="value_range must be increasing"):
        create_augmentation("image", {}, value_range=(1.0, 1.0))
