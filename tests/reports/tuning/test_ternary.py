"""Weights in a triangle."""

import numpy as np
import pytest

from tfmmrec.reports.tuning.ternary import by_modality, greatest_three, positions

# The height of an equilateral triangle whose sides are 1: the root of 1 - 1/4.
HEIGHT = 0.8660254


@pytest.mark.parametrize(
    ("weights", "place"),
    [
        ((1, 0, 0), (0, 0)),
        ((0, 1, 0), (1, 0)),
        ((0, 0, 1), (0.5, HEIGHT)),
        # The middle: a third of the height.
        ((1 / 3, 1 / 3, 1 / 3), (0.5, HEIGHT / 3)),
        # Half way up the left side; of weights, ratios count.
        ((2, 0, 2), (0.25, HEIGHT / 2)),
    ],
)
def test_where_weights_stand(weights, place):
    np.testing.assert_allclose(positions(np.array([weights])), [place], atol=1e-7)


def test_features_of_one_modality_are_summed():
    weights = {"title": 0.25, "plot": 0.5, "poster": 0.125, "odd": 0.125}
    sums = by_modality(weights, {"title": "text", "plot": "text", "poster": "image"})
    assert sums == {"text": 0.75, "image": 0.125, "odd": 0.125}


def test_the_three_that_weigh_most():
    # The means are text 0.3, image 0.15, audio 0.2 and id 0.35.
    sums = [{"text": 0.6, "image": 0.3, "audio": 0.1}, {"audio": 0.3, "id": 0.7}]
    assert greatest_three(sums) == ["id", "text", "audio"]
    assert greatest_three([{"text": 1.0, "image": 0.0}]) == ["text"]
    assert greatest_three([]) == []
