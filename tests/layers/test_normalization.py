"""Principal components of encodings against worked examples."""

import numpy as np

from tfmmrec.encoders.cache.encoding_table import Encodings
from tfmmrec.layers.normalization import PrincipalComponents, Standardize
from tfmmrec.layers.projection import Projection
from tfmmrec.testing import TestCase


class PrincipalComponentsTest(TestCase):
    # The first axis is (1, 1) / sqrt 2, along which the rows lie at -2, 2, 0 and 0 times sqrt 2;
    # the second (1, -1) / sqrt 2, along which they lie at 0, 0, -1 and 1 times sqrt 2.
    rows = np.array([[-2, -2, 0], [2, 2, 0], [-1, 1, 0], [1, -1, 0]], np.float32)

    def fitted(self, num: int) -> PrincipalComponents:
        layer = PrincipalComponents(num)
        layer(self.rows)
        layer.fit(self.rows)
        return layer

    def test_the_direction_of_the_largest_variance_is_kept(self):
        # Mean square of -2, 2, 0, 0 times sqrt 2: (8 + 8) / 4 = 4, so all is divided by 2.
        reduced = self.fitted(1)(self.rows).numpy()[:, 0]
        self.assertAllClose(np.abs(reduced), [np.sqrt(2), np.sqrt(2), 0, 0], atol=1e-6)
        self.assertAllClose(reduced[0], -reduced[1])

    def test_the_directions_keep_their_sizes(self):
        reduced = self.fitted(2)(self.rows).numpy()
        # Mean square over both: (16 + 4) / 8 = 2.5.
        self.assertAllClose(np.mean(reduced**2), 1.0)
        self.assertAllClose(np.mean(reduced**2, axis=0), [4 / 2.5, 1 / 2.5])

    def test_missing_components_are_zeros(self):
        reduced = self.fitted(3)(self.rows).numpy()
        self.assertAllClose(reduced[:, 2], np.zeros(4))
        self.assertEqual(self.fitted(5)(self.rows).shape, (4, 5))

    def test_without_rows_the_axes_are_kept(self):
        layer = PrincipalComponents(2)
        layer(self.rows)
        layer.fit(self.rows[:0])
        self.assertAllClose(layer(self.rows), self.rows[:, :2])
        with self.assertRaisesRegex(ValueError, "at least 1. Received: 0"):
            PrincipalComponents(0)

    def test_a_projection_fits_them_to_present_rows(self):
        rows = np.concatenate([self.rows, [[900.0, 900.0, 900.0]]]).astype(np.float32)
        encoded = Encodings(rows, np.array([True, True, True, True, False]))
        projection = Projection(4, pca_dim=2)
        projection.fit(encoded)
        read = projection.reduce(projection.standardize(self.rows)).numpy()
        self.assertAllClose(np.mean(read**2), 1.0, rtol=1e-5)


def test_standardization_by_blocks_is_that_of_all_rows():
    rows = np.random.default_rng(0).normal([5.0, -300.0], [1.0, 0.1], size=[50, 2])
    layer = Standardize()
    layer.build([None, 2])
    layer.fit(np.split(rows.astype(np.float32), [3, 3, 40]))
    np.testing.assert_allclose(layer.mean, rows.mean(axis=0), rtol=1e-6)
    np.testing.assert_allclose(layer.scale, 1.0 / rows.std(axis=0), rtol=1e-3)


def test_a_sample_is_of_present_rows_and_always_the_same():
    encoded = Encodings(np.arange(100.0).reshape(100, 1), np.arange(100) % 2 == 1)
    sample = encoded.sample(10)
    assert sample.shape == (10, 1) and (sample % 2 == 1).all()
    assert encoded.sample(10).tolist() == sample.tolist()
    assert len(encoded.sample(60)) == 50
