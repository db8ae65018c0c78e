"""Feature relevance: planted features are found, leave-one-out errors are those of refits."""

import numpy as np
import tensorflow as tf
from scipy.sparse import csr_matrix
from sklearn.kernel_ridge import KernelRidge

from tfmmrec.models.cold_start.feature_relevance import (
    fit_feature_weights,
    item_factors,
    item_weights,
    leave_one_out_errors,
)
from tfmmrec.testing import TestCase


def unit(rows: np.ndarray) -> np.ndarray:
    return rows / np.linalg.norm(rows, axis=1, keepdims=True)


def contents(items: int = 150, seed: int = 0) -> list[np.ndarray]:
    draw = np.random.default_rng(seed)
    return [unit(draw.normal(size=[items, width])) for width in (4, 5, 3)]


class FeatureWeightsTest(TestCase):
    def test_predictive_features_get_weight_and_noise_does_not(self):
        text, picture, noise = contents()
        draw = np.random.default_rng(1)
        maps = [draw.normal(size=[part.shape[1], 6]) for part in (text, picture)]
        factors = 2.0 * text @ maps[0] + picture @ maps[1] + 0.3 * draw.normal(size=[150, 6])
        weights = fit_feature_weights([text, picture, noise], factors, np.ones(150), 0.3)
        self.assertAllClose(weights.sum(), 1.0)
        self.assertGreater(weights[0], weights[1])
        self.assertGreater(weights[1], 0.1)
        self.assertLess(weights[2], 0.05)

    def test_items_with_more_events_decide(self):
        text, picture, _ = contents()
        draw = np.random.default_rng(1)
        content_vectors = [part @ draw.normal(size=[part.shape[1], 6]) for part in (text, picture)]
        often = np.arange(150) % 2 == 0
        factors = np.where(often[:, np.newaxis], content_vectors[0], content_vectors[1])
        weights = fit_feature_weights([text, picture], factors, np.where(often, 400, 1), 0.3)
        self.assertGreater(weights[0], 0.8)

    def test_two_items_are_enough(self):
        parts = [part[:2] for part in contents()]
        weights = fit_feature_weights(parts, np.array([[1.0], [-1.0]]), np.array([1, 2]), 0.3)
        self.assertAllClose(weights.sum(), 1.0)

    def test_leave_one_out_errors_are_those_of_refits(self):
        draw = np.random.default_rng(2)
        content = unit(draw.normal(size=[9, 3]))
        kernel = np.exp(content @ content.T - 1.0)
        targets, weights = draw.normal(size=[9, 2]), draw.uniform(0.5, 2.0, 9)
        found = leave_one_out_errors(*map(tf.constant, (kernel, targets, weights, np.float64(0.4))))
        for row in range(9):
            rest = np.arange(9) != row
            ridge = KernelRidge(kernel="precomputed", alpha=0.4)
            ridge.fit(kernel[np.ix_(rest, rest)], targets[rest], sample_weight=weights[rest])
            self.assertAllClose(
                found[row], targets[row] - ridge.predict(kernel[row : row + 1, rest])[0]
            )

    def test_the_mean_penalty_is_one(self):
        self.assertAllClose((1.0 / item_weights(np.array([1, 4, 100]))).mean(), 1.0)


class ItemFactorsTest(TestCase):
    def test_products_of_factors_are_co_occurrence_counts(self):
        chosen = np.random.default_rng(0).integers(0, 2, [12, 7])
        factors = item_factors(csr_matrix(chosen))
        self.assertAllClose(factors @ factors.T, chosen.T @ chosen, atol=1e-8)

    def test_there_are_no_more_factors_than_users_or_items(self):
        self.assertEqual(item_factors(csr_matrix(np.ones([1, 5]))).shape, (5, 1))
        self.assertEqual(item_factors(csr_matrix(np.eye(40))).shape, (40, 32))
