"""The scores of the members of a trained late fusion for the users of a split."""

import numpy as np
import tensorflow as tf
from sklearn.kernel_ridge import KernelRidge

from tfmmrec.evaluation.ranking.targets import Targets
from tfmmrec.layers.fusion import Fusion
from tfmmrec.models.bundle import ModelBundle, landmark_rows
from tfmmrec.models.cold_start.feature_relevance import item_weights
from tfmmrec.models.cold_start.kernel_ridge import ContentRegression
from tfmmrec.models.cold_start.rbf import rbf, squared_distances
from tfmmrec.tuning.late_fusion.fold_weights import equal_weights
from tfmmrec.tuning.late_fusion.member_scores import MemberScores, NewItems

# The most scores that are kept; they take 512 MB.
MOST_SCORES = 2**27
_ITEMS_A_BATCH = 512


def cache_scores(
    bundle: ModelBundle, targets: Targets, *, seed: int = 0, most: int = MOST_SCORES
) -> MemberScores:
    """Works out how each member of a fusion scores the catalogue for each user of a split.

    Withheld items are left out, and what each user chose before.

    Args:
        assembly: a model with a weighted late fusion; its weights do not matter.
        targets: what is to be predicted. Where the scores of all its users would be too many, the
            events of some are taken.
        seed: says of whom.
        most: how many scores are kept at most; those of one user are in any case.
    """
    tower = bundle.model.item_tower
    fusion, landmarks = tower.fusion, _landmarks(bundle)
    shown = ~bundle.dataset.cold_items
    shown[landmarks] = False
    items = np.concatenate([landmarks, np.flatnonzero(shown)])
    with equal_weights(tower):
        vectors, present = _member_vectors(bundle)
        asked = _some_users(targets, most // (len(fusion.names) * len(items)), seed)
        scores = np.empty([len(fusion.names), len(asked), len(items)], np.float32)
        for users, own in bundle.scorer().queries(vectors, targets.histories, asked):
            rows = np.searchsorted(asked, users)
            for member, (queries, others) in enumerate(_by_member(fusion, own, vectors[items])):
                scores[member, rows] = queries @ others.T
    columns = np.full(len(vectors), -1)
    columns[items] = np.arange(len(items))
    events = np.isin(targets.user, asked)
    past, chosen = targets.histories.of_users(asked)
    ranked = columns[chosen] >= 0
    return MemberScores(
        names=list(fusion.names),
        items=items,
        scores=scores,
        present=present[items].T,
        user=np.searchsorted(asked, targets.user[events]),
        item=columns[targets.item[events]],
        left_out=(past[ranked], columns[chosen[ranked]]),
        new_items=_new_items(bundle, vectors, items, landmarks),
    )


def _landmarks(bundle: ModelBundle) -> np.ndarray:
    """The items that the vectors of new ones are regressed on; none without a regression."""
    regression = bundle.model.item_tower.regression
    if regression is None:
        return np.zeros(0, np.int64)
    return landmark_rows(bundle.items, bundle.model.counts.numpy(), regression.num_landmarks)


def _member_vectors(bundle: ModelBundle) -> tuple[np.ndarray, np.ndarray]:
    """The vectors of items before the weights, and which members count for each.

    Returns:
        (float32 `[items, members * dim]`, bool `[items, members]`).
    """
    model, tower = bundle.model, bundle.model.item_tower

    def make(rows: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
        known = tf.gather(model.known, rows)
        ids, counts = tf.where(known, rows + 1, 0), tf.gather(model.counts, rows)
        projected = tower.project(model.items.gather(rows), ids)
        mask = projected[1]
        if tower.fuses_id:
            mask = tf.concat([mask, known[:, tf.newaxis]], axis=1)
        # Equal weights divide by the number of members that count.
        num = tf.reduce_sum(tf.cast(mask, tf.float32), axis=1, keepdims=True)
        return num * tower.join(projected, ids, counts), mask

    function = tf.function(make, input_signature=[tf.TensorSpec([None], tf.int32)])
    num_items = bundle.dataset.count("items")
    batches = [
        function(tf.range(start, min(start + _ITEMS_A_BATCH, num_items)))
        for start in range(0, num_items, _ITEMS_A_BATCH)
    ]
    vectors, masks = zip(*batches, strict=True)
    return np.concatenate(vectors), np.concatenate(masks)


def _some_users(targets: Targets, most: int, seed: int) -> np.ndarray:
    asked = np.unique(targets.user)
    if len(asked) <= most:
        return asked
    drawn = np.random.default_rng(seed).permutation(len(asked))[: max(1, most)]
    return asked[np.sort(drawn)]


def _by_member(
    fusion: Fusion, queries: np.ndarray, items: np.ndarray
) -> list[tuple[np.ndarray, np.ndarray]]:
    own, other = (fusion.split(vectors).numpy() for vectors in (queries, items))
    return [(own[:, member], other[:, member]) for member in range(own.shape[1])]


def _new_items(
    bundle: ModelBundle, vectors: np.ndarray, items: np.ndarray, landmarks: np.ndarray
) -> list[NewItems]:
    """What the regression makes of items that training never met, by what there is of them."""
    model, tower = bundle.model, bundle.model.item_tower
    new = np.flatnonzero(~model.known.numpy()[items])
    if tower.regression is None or not len(new):
        return []
    contents = tower.regression.told(model.items.gather(items[new]))
    mix = _mix(tower.regression, model.counts.numpy()[landmarks], contents)
    told = tower.fusion.told(vectors[items[new]]).numpy()
    patterns, which = np.unique(told, axis=0, return_inverse=True)
    return [
        NewItems(
            columns=new[which == group],
            told=pattern,
            mix=mix[:, which == group],
            share=float(tower.regression.fitted_share),
        )
        for group, pattern in enumerate(patterns)
    ]


def _mix(regression: ContentRegression, counts: np.ndarray, contents: tf.Tensor) -> np.ndarray:
    """How much of the vector of each landmark is in what is regressed, `[landmarks, contents]`.

    The regression is linear in what it is fitted to. With K the kernel among the landmarks and k
    that between them and the contents, it gives kᵀ D (D K D + penalty)⁻¹ D V of vectors V, where D²
    are the weights of the landmarks; the transposed factor of V is what it is fitted to k.
    """
    among = rbf(squared_distances(regression.landmarks, regression.landmarks)).numpy()
    between = rbf(squared_distances(regression.landmarks, contents)).numpy()
    ridge = KernelRidge(kernel="precomputed", alpha=regression.penalty)
    ridge.fit(among, between, sample_weight=item_weights(counts))
    return ridge.dual_coef_.astype(np.float32)
