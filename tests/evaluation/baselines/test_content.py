"""Content baselines, by hand."""

import numpy as np
import pytest
from scipy import sparse

from tfmmrec.data.histories import Histories
from tfmmrec.encoders.cache.encoding_table import Encodings
from tfmmrec.evaluation.baselines.content import (
    ContentBaselines,
    als,
    content_matrix,
    content_size,
    cosine_scores,
)
from tfmmrec.evaluation.ranking.targets import Targets

# Item 3 is new: nobody chose it.
CONTENT = np.array([[1.0, 0.0], [0.0, 1.0], [-1.0, 0.0], [0.6, 0.8]])
CHOSEN = np.array([[1.0, 0.0, 0.0, 0.0], [0.0, 1.0, 1.0, 0.0]])


def test_cosine_is_taken_with_the_mean_of_what_was_chosen():
    # The second user's mean is (-1, 1) / 2, of direction (-1, 1) / sqrt 2.
    half = np.sqrt(0.5)
    expected = [[1.0, 0.0, -1.0, 0.6], [-half, half, half, half * 0.2]]
    np.testing.assert_allclose(scores(CHOSEN, "cosine", CONTENT, 0.0), expected, atol=1e-12)


def test_the_mean_content_of_a_history_is_weighted():
    found = cosine_scores(CONTENT)(sparse.csr_matrix([[0.75, 1.0, 0.0, 0.0], [0.0] * 4]))
    # 0.75 (1, 0) + 1 (0, 1) = (0.75, 1), of length 1.25 and direction (0.6, 0.8). Without a
    # history, nothing is known.
    np.testing.assert_allclose(found, [[0.6, 0.8, -0.6, 1.0], [0.0] * 4], rtol=1e-6)
    found = cosine_scores(CONTENT)(sparse.csr_matrix(CHOSEN))
    np.testing.assert_allclose(found, scores(CHOSEN, "cosine", CONTENT, 0.0), atol=1e-6)


def test_ridge_is_fitted_to_the_items_that_somebody_chose():
    content = np.array([[1.0], [2.0], [3.0]])
    chosen = np.array([[1.0, 0.0, 0.0], [0.0, 1.0, 0.0]])
    # Over the first two items X'X = 1 + 4 = 5, and with a penalty of 1 w = X'y / 6: 1/6 and 2/6.
    expected = np.outer([1 / 6, 2 / 6], [1.0, 2.0, 3.0])
    np.testing.assert_allclose(scores(chosen, "ridge", content, 1.0), expected)


@pytest.mark.parametrize("width", [2, 5])
def test_ridge_is_the_same_from_either_side(width):
    # Four items that somebody chose: with 5 columns, the kernel is the smaller matrix.
    draw = np.random.default_rng(0)
    content, chosen = draw.normal(size=(6, width)), np.eye(6)[:4]
    warm = content[:4]
    weights = np.linalg.solve(warm.T @ warm + 3.0 * np.eye(width), warm.T @ chosen[:, :4].T)
    expected = (content @ weights).T
    np.testing.assert_allclose(scores(chosen, "ridge", content, 3.0), expected)


def test_a_ranker_ranks_by_these_scores():
    # The first user's 0.6 of item 3 is ahead of the 0 of item 1 and the -1 of item 2.
    ranker = ContentBaselines(sparse.csr_matrix(CHOSEN)).ranker("cosine", CONTENT, 0.0)
    histories = Histories(np.array([0, 1, 2], np.int32), np.array([0, 1, 3]))
    targets = Targets(np.array([0, 0, 0]), np.array([1, 2, 3]), histories, 0)
    ranks, lists = ranker.rank(targets, np.ones(4, bool), 2)
    assert ranks.tolist() == [2.0, 3.0, 1.0]
    assert lists.items.tolist() == [[3, 1]]


def scores(chosen: np.ndarray, name: str, content: np.ndarray, alpha: float) -> np.ndarray:
    users, items = ContentBaselines(sparse.csr_matrix(chosen)).vectors(name, content, alpha)
    return users(np.arange(len(chosen))) @ items.T


def test_content_is_centred_over_what_is_present_and_of_length_one():
    vectors = Encodings(np.array([[2.0], [4.0], [9.0]], np.float32), np.array([True, True, False]))
    categories = Encodings(np.array([[2, 3], [2, 0], [3, 0]], np.int32), np.ones(3, bool))
    content = content_matrix({"a": vectors, "b": categories})
    assert content.shape == (3, 4) and content_size({"a": vectors, "b": categories}) == 12
    # 2 and 4 less 3 are -1 and 1. Of the categories 1, 2 and 3 the rows have (0, 1, 1), (0, 1, 0)
    # and (0, 0, 1), of mean (0, 2/3, 2/3): the first row is (0, 1/3, 1/3), of direction 1 / sqrt 2.
    np.testing.assert_allclose(content[:, 0] * np.sqrt(2), [-1.0, 1.0, 0.0])
    half = np.sqrt(0.5)
    np.testing.assert_allclose(content[0, 1:] * np.sqrt(2), [0.0, half, half])
    assert np.linalg.norm(content[2]) == pytest.approx(np.sqrt(0.5))


def blocks() -> np.ndarray:
    """Two groups of users, each of which chooses one half of the items, less one of them each."""
    chosen = np.kron(np.eye(2), np.ones([5, 5]))
    return chosen - np.diag(np.diag(chosen))


def test_als_finds_what_is_missing_in_a_block():
    users, items = als(sparse.csr_matrix(blocks()), dim=2, alpha=0.1)
    found = users @ items.T
    within, across = found[:5, :5], found[:5, 5:]
    assert np.diag(within).min() > across.max() + 0.3


def test_factors_reach_new_items_by_their_content():
    chosen = np.pad(blocks(), [[0, 0], [0, 2]])
    group = np.array([1.0] * 5 + [-1.0] * 5 + [1.0, -1.0])[:, np.newaxis]
    found = scores(chosen, "factors", group, 0.1)
    assert (found[:5, 10] > found[:5, 11] + 0.3).all()
    assert (found[5:, 11] > found[5:, 10] + 0.3).all()
