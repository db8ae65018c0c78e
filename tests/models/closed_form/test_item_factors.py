"""Factors of the item-item model, against the inverse matrix of EASE."""

import numpy as np
from scipy import sparse

from tfmmrec.models.closed_form.item_factors import low_rank_ease


def interactions(users: int = 30, items: int = 8) -> sparse.csr_matrix:
    draw = np.random.default_rng(0).random([users, items]) < 0.4
    draw[:, 3] = False  # an item without interactions
    return sparse.csr_matrix(draw.astype(np.float32))


def test_with_all_factors_the_products_are_the_weights_of_ease():
    given = interactions()
    dense = given.toarray().astype(np.float64)
    inverse = np.linalg.inv(dense.T @ dense + 5.0 * np.eye(8))
    weights = -inverse / np.diag(inverse)  # of row i for column j: -P_ij / P_jj
    factors = low_rank_ease(given, 8, 5.0)
    # f_i · f_j / sqrt((1 - |f_i|²) (1 - |f_j|²)), where 1 - |f_i|² = 5 P_ii.
    shared = (
        weights * np.sqrt(np.diag(inverse))[np.newaxis] / np.sqrt(np.diag(inverse))[:, np.newaxis]
    )
    expected = shared - np.diag(np.diag(shared))
    found = factors @ factors.T
    np.testing.assert_allclose(found - np.diag(np.diag(found)), expected, atol=1e-5)


def test_items_without_interactions_have_no_factors():
    factors = low_rank_ease(interactions(), 4, 100.0)
    lengths = np.linalg.norm(factors, axis=1)
    assert lengths[3] < 1e-6 and (lengths[[0, 1, 2, 4]] > 0.1).all()


def test_more_factors_than_users_are_zeros():
    factors = low_rank_ease(interactions(users=3), 6, 1.0)
    assert factors.shape == (8, 6) and factors.dtype == np.float32
    assert not factors[:, 3:].any() and np.isfinite(factors).all()
