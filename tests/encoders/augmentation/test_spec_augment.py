"""Masks of spectrograms: by hand, and against those of tensorflow-io with the same draws."""

from typing import Any
from unittest import mock

import numpy as np
import pytest
import tensorflow as tf
import tensorflow_io as tfio

from tests.encoders.augmentation.contract import check_contract
from tfmmrec.encoders.augmentation import SpectrogramAugmentation, create_augmentation
from tfmmrec.encoders.augmentation.spec_augment import spans
from tfmmrec.errors import ConfigError


def test_contract():
    spectrograms = tf.ones([8, 40, 20])
    options = {"freq_mask": 0.5, "time_mask": 0.5}
    check_contract(create_augmentation("spectrogram", options), spectrograms, 0.0, 1.0)
    two = create_augmentation("spectrogram", {**options, "masks": 2})
    check_contract(two, tf.cast(spectrograms, tf.complex64))


def test_off_changes_nothing():
    spectrograms = tf.ones([2, 4, 3])
    assert SpectrogramAugmentation()(spectrograms, [0, 0]) is spectrograms


def test_spans_by_hand():
    # Widths of 0 to 3 in ten places: 0.0 -> 0, 0.5 * 4 -> 2, 0.99 * 4 -> 3. Starts below 10, 8, 7:
    # 0.5 * 10 -> 5 (of no width), 0.25 * 8 -> 2, 0.99 * 7 -> 6.
    hidden = spans(
        tf.constant(10),
        tf.constant(3),
        tf.constant([0.0, 0.5, 0.99]),
        tf.constant([0.5, 0.25, 0.99]),
    )
    assert [np.flatnonzero(row).tolist() for row in hidden.numpy()] == [[], [2, 3], [6, 7, 8]]


@pytest.mark.parametrize("axis", [1, 2])
@pytest.mark.parametrize("share", [0.05, 0.3, 0.9])
def test_one_span_of_at_most_the_share(axis: int, share: float):
    names = {1: "time_mask", 2: "freq_mask"}
    augment = create_augmentation("spectrogram", {names[axis]: share})
    outputs = augment(tf.ones([300, 20, 30]), [3, 4]).numpy()
    # Along the other axis all is alike.
    line = outputs.min(axis=3 - axis)
    np.testing.assert_array_equal(line, outputs.max(axis=3 - axis))
    length = line.shape[1]
    widths = length - line.sum(axis=1)
    assert widths.min() == 0 and widths.max() == int(share * length)
    edges = np.abs(np.diff(np.pad(line, [[0, 0], [1, 1]], constant_values=1.0), axis=1)).sum(axis=1)
    assert set(edges[widths > 0]) == {2.0}


@pytest.mark.parametrize("axis", [0, 1])
def test_the_masks_are_those_of_tensorflow_io(axis: int):
    function = (tfio.audio.time_mask, tfio.audio.freq_mask)[axis]
    spectrogram = tf.random.stateless_normal([12, 12], [0, 0])
    rng = np.random.default_rng(0)
    for width, start in rng.uniform(size=[20, 2]).astype(np.float32):
        draws = iter([width, start])

        def draw(shape: Any, minval: int, maxval: Any, dtype: Any, draws: Any = draws) -> Any:
            return tf.cast(next(draws) * tf.cast(maxval, tf.float32), dtype)

        with mock.patch.object(tf.random, "uniform", draw):
            # Its parameter is the width that no mask reaches.
            expected = function(spectrogram, 6)
        hidden = spans(tf.constant(12), tf.constant(5), tf.constant([width]), tf.constant([start]))[
            0
        ]
        hidden = hidden[:, tf.newaxis] if axis == 0 else hidden[tf.newaxis]
        np.testing.assert_array_equal(tf.where(hidden, 0.0, spectrogram), expected)


def test_wrong_options_are_refused():
    with pytest.raises(ConfigError, match="freq_mask must be from 0 to below 1"):
        create_augmentation("spectrogram", {"freq_mask": 1})
    with pytest.raises(ConfigError, match="masks must be at least 1"):
        create_augmentation("spectrogram", {"masks": 0})
