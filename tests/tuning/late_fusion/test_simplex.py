"""The unit cube and the simplex of weights."""

import numpy as np
import pytest

from tfmmrec.tuning.late_fusion.simplex import to_breaks, to_weights


def test_a_stick_is_broken_by_hand():
    # Of three pieces the first is 1 − (1 − 0.75)^(1/2) = 0.5; of the rest, 0.5, the second is
    # 1 − (1 − 0.4) = 0.4 of it, and the third what is left.
    np.testing.assert_allclose(to_weights([0.75, 0.4]), [0.5, 0.2, 0.3])
    np.testing.assert_allclose(to_breaks([0.5, 0.2, 0.3]), [0.75, 0.4])
    # Two pieces: a uniform break is the weight itself.
    np.testing.assert_allclose(to_weights([0.3]), [0.3, 0.7])


def test_uniform_numbers_are_uniform_weights():
    weights = np.stack([to_weights(u) for u in np.random.default_rng(0).random([40_000, 2])])
    np.testing.assert_allclose(weights.sum(axis=1), 1.0)
    # Dirichlet(1, 1, 1): means of 1/3, variances of 1/18, covariances of −1/36.
    np.testing.assert_allclose(weights.mean(axis=0), np.full(3, 1 / 3), atol=0.005)
    expected = np.where(np.eye(3, dtype=bool), 1 / 18, -1 / 36)
    np.testing.assert_allclose(np.cov(weights.T), expected, atol=0.002)
    # A weight is above x with a chance of (1 − x)².
    np.testing.assert_allclose((weights > 0.6).mean(axis=0), np.full(3, 0.16), atol=0.01)


@pytest.mark.parametrize(
    "weights", [[0.2, 0.5, 0.1, 0.2], [1.0, 0.0, 0.0], [0.0, 0.0, 1.0], [0.0, 1.0, 0.0]]
)
def test_round_trip(weights):
    np.testing.assert_allclose(to_weights(to_breaks(weights)), weights, atol=1e-12)


def test_only_ratios_of_weights_matter():
    np.testing.assert_allclose(to_breaks([5, 2, 3]), to_breaks([0.5, 0.2, 0.3]))
