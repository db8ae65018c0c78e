"""Sampled dislikes: an item that the user of each row disliked, or none."""

import itertools

import numpy as np
import tensorflow as tf

from tfmmrec.data.histories import Histories
from tfmmrec.data.pipelines.examples import TrainingExamples
from tfmmrec.data.pipelines.sampled_dislikes import DislikeSampler
from tfmmrec.data.pipelines.sequence_windows import TrainingWindows

# User 0 disliked 7 (half as much as 8) and 8, user 1 nothing, user 2 disliked 9.
DISLIKES = Histories(
    np.array([7, 8, 9], np.int32), np.array([0, 2, 2, 3]), weights=np.array([0.5, 1.0, 1.0])
)
CHOSEN = Histories(np.array([0, 1, 2, 3, 4, 5], np.int32), np.array([0, 2, 4, 6]))
WEIGHT = {7: 0.5, 8: 1.0, 9: 1.0, -1: 0.0}


def test_each_user_gets_their_own_and_users_without_get_none():
    batch = {"user": tf.constant([0, 1, 2] * 40)}
    found = DislikeSampler(DISLIKES).add_to(batch, tf.constant([3, 4]))
    items = found["disliked"].numpy().reshape(40, 3)
    assert set(items[:, 0]) == {7, 8}
    # 40 draws of two items: 20 each, with a standard deviation of 3.2.
    assert 10 <= (items[:, 0] == 7).sum() <= 30
    assert set(items[:, 1]) == {-1} and set(items[:, 2]) == {9}
    weights = found["disliked_weight"].numpy().reshape(40, 3)
    assert weights.tolist() == [[WEIGHT[item] for item in row] for row in items.tolist()]


def test_batches_have_them_and_are_the_same_again():
    sampler = DislikeSampler(DISLIKES)
    for source in (
        TrainingExamples(CHOSEN, max_history=2, batch_size=3, seed=0, dislike_sampler=sampler),
        TrainingWindows(CHOSEN, length=2, batch_size=4, seed=0, dislike_sampler=sampler),
    ):
        twice = [
            [
                (user, item)
                for batch in itertools.islice(source.epochs(0).as_numpy_iterator(), 20)
                for user, item in zip(batch["user"], batch["disliked"], strict=True)
            ]
            for _ in range(2)
        ]
        assert twice[0] == twice[1]
        assert set(twice[0]) == {(0, 7), (0, 8), (1, -1), (2, 9)}
