"""The standardization of encodings against NumPy."""

import numpy as np

from tfmmrec.encoders.cache.encoding_table import Encodings
from tfmmrec.layers.normalization import Standardize


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
