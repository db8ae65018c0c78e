"""The scores of a fusion, and ranks, from the scores of its members."""

import numpy as np
import tensorflow as tf

from tfmmrec.evaluation.metrics.expected_rank import expected_ranks
from tfmmrec.layers.fusion import LateFusion
from tfmmrec.tuning.late_fusion.member_scores import ColdStartItems, MemberScores

NAMES = ["t", "g", "id"]


def of_one_user(scores, present, **options) -> MemberScores:
    """Scores `[members, items]` of a single user, whose target is the first item."""
    none = np.zeros(0, np.int64)
    scores = np.array(scores, np.float32)[:, np.newaxis]
    return MemberScores(
        names=NAMES[: len(scores)],
        items=np.arange(scores.shape[2]),
        scores=scores,
        present=np.array(present, bool),
        user=np.array([0]),
        item=np.array([0]),
        **{"excluded": (none, none), **options},
    )


def test_weights_of_present_members_sum_to_one_by_hand():
    scores = of_one_user([[1.0, 2.0, 0.0], [3.0, 0.0, 0.0]], [[1, 1, 0], [1, 0, 0]])
    # 0.25 · 1 + 0.75 · 3 = 2.5; the second has a text alone; of the third nothing is known.
    np.testing.assert_allclose(
        scores.weighted(np.array([0.25, 0.75])), [[2.5, 2.0, -np.inf]], rtol=1e-6
    )
    # Without a weight, what has nothing else cannot be ranked.
    np.testing.assert_allclose(scores.weighted(np.array([0.0, 2.0])), [[3.0, -np.inf, -np.inf]])


def test_cold_start_items_mix_content_and_regression_by_hand():
    # The second item is new and has a text alone. It is half regressed: of the first item's vector,
    # which is known by text and id, it has 0.5, where it has a word.
    new = ColdStartItems(
        columns=np.array([1]),
        has_content=np.array([True, False]),
        coefficients=np.array([[0.5]], np.float32),
        weight=0.5,
    )
    scores = of_one_user([[2.0, 3.0], [4.0, 0.0]], [[1, 1], [1, 0]], cold_start=[new])
    # The first: 0.25 · 2 + 0.75 · 4 = 3.5. The second: content 1 · 3; regressed
    # 0.5 · 0.25 · 2 = 0.25; (3 + 0.25) / 2 = 1.625.
    np.testing.assert_allclose(scores.weighted(np.array([0.25, 0.75])), [[3.5, 1.625]])


def test_ranks_with_ties_and_exclusions_by_hand():
    excluded = (np.array([0, 0]), np.array([2, 3]))
    scores = of_one_user([[1.0, 2.0, 9.0, 1.0, 1.0, 0.0]], [[1] * 6], excluded=excluded)
    # Above 1 stands 2, and not 9, which is left out as one of those with the same score is; the
    # other counts a half: 1 + 1 + 0.5.
    assert scores.ranks(np.array([1.0])).tolist() == [2.5]


def test_spread_is_the_deviation_over_present_items_by_hand():
    scores = of_one_user([[1.0, 3.0, 0.0], [2.0, 2.0, 2.0]], [[1, 1, 0], [1, 1, 1]])
    np.testing.assert_allclose(scores.spread(), [1.0, 0.0])


def test_any_weights_equal_the_fusion():
    """Against LateFusion itself, for users of many blocks, with absent members."""
    generator = np.random.default_rng(5)
    num_users, num_items, dim = 700, 900, 4
    vectors = generator.normal(size=[num_items, 3, dim]).astype(np.float32)
    present = generator.random([num_items, 3]) < 0.7
    users = generator.normal(size=[num_users, 3, dim]).astype(np.float32)
    own = np.where(present[..., None], vectors, 0.0)
    past = generator.random([num_users, num_items]) < 0.1
    user = np.sort(generator.integers(num_users, size=1000))
    scores = MemberScores(
        names=NAMES,
        items=np.arange(num_items),
        scores=np.einsum("umd,imd->mui", users, own),
        present=present.T,
        user=user,
        item=generator.integers(num_items, size=1000),
        excluded=np.nonzero(past),
    )
    for weights in generator.dirichlet(np.ones(3), 5):
        named = dict(zip(NAMES, weights.tolist(), strict=True))
        fusion = LateFusion(NAMES, weights=named)
        items = fusion(tf.constant(vectors), mask=tf.constant(present))
        expected = fusion.score(tf.reshape(users, [num_users, -1]), items).numpy()
        expected[:, ~present.any(axis=1)] = -np.inf
        found = scores.weighted(weights)
        np.testing.assert_allclose(found, expected, atol=1e-5)
        ranks = expected_ranks(found[user], scores.item, past[user])
        np.testing.assert_array_equal(scores.ranks(weights), ranks)
