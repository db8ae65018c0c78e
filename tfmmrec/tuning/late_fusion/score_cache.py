"""Computes the scores per member of a trained late fusion for the users of a split."""

import numpy as np
import tensorflow as tf
from sklearn.kernel_ridge import KernelRidge

from tfmmrec.evaluation.ranking.targets import Targets
from tfmmrec.layers.fusion import Fusion
from tfmmrec.models.bundle import ModelBundle
from tfmmrec.models.catalog_embeddings import in_batches
from tfmmrec.models.closed_form.fit import landmarks_of
from tfmmrec.models.cold_start.feature_relevance import item_weights
from tfmmrec.models.cold_start.kernel_ridge import ColdStartRegression
from tfmmrec.models.cold_start.rbf import rbf, squared_distances
from tfmmrec.models.scorer import Scorer
from tfmmrec.tuning.late_fusion.fold_weights import equal_weights
from tfmmrec.tuning.late_fusion.member_scores import ColdStartItems, MemberScores

# Maximum number of scores, which take 512 MB.
MAX_SCORES = 2**27


def cache_scores(
    bundle: ModelBundle, targets: Targets, *, seed: int = 0, max_scores: int = MAX_SCORES
) -> MemberScores:
    """Computes the score of each member of a fusion for each user of a split and each item.

    Cold-start items that the data withhold are left out; a user's earlier items are excluded.

    Args:
        bundle: a model with a weighted late fusion; its weights have no effect.
        targets: the events to predict. If the scores of all their users are too many, the events of
            a sample of users are used.
        seed: of the sample.
        max_scores: maximum number of scores; those of one user are computed in any case.
    """
    tower = bundle.model.item_tower
    fusion, landmarks = tower.fusion, landmarks_of(bundle)
    others = ~bundle.dataset.cold_items
    others[landmarks] = False
    items = np.concatenate([landmarks, np.flatnonzero(others)])
    with equal_weights(tower):
        embeddings, present = _member_embeddings(bundle)
        sampled = _sample_users(targets, max_scores // (len(fusion.names) * len(items)), seed)
        scores = np.empty([len(fusion.names), len(sampled), len(items)], np.float32)
        for users, batch in Scorer(bundle.model).queries(embeddings, targets.histories, sampled):
            rows = np.searchsorted(sampled, users)
            pairs = _by_member(fusion, batch, embeddings[items])
            for member, (query, candidates) in enumerate(pairs):
                scores[member, rows] = query @ candidates.T
    columns = np.full(len(embeddings), -1)
    columns[items] = np.arange(len(items))
    events = np.isin(targets.user, sampled)
    rows, history = targets.excluded.of_users(sampled)
    ranked = columns[history] >= 0
    return MemberScores(
        names=list(fusion.names),
        items=items,
        scores=scores,
        present=present[items].T,
        user=np.searchsorted(sampled, targets.user[events]),
        item=columns[targets.item[events]],
        excluded=(rows[ranked], columns[history[ranked]]),
        cold_start=_cold_start_items(bundle, embeddings, items, landmarks),
    )


def _member_embeddings(bundle: ModelBundle) -> tuple[np.ndarray, np.ndarray]:
    """The unweighted embeddings of all items, and which members each item has.

    Returns:
        (float32 `[items, members * dim]`, bool `[items, members]`).
    """
    model, tower = bundle.model, bundle.model.item_tower

    def embed(rows: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
        known = tf.gather(model.known, rows)
        ids, counts = tf.where(known, rows + 1, 0), tf.gather(model.counts, rows)
        projected = tower.project(model.items.gather(rows), ids)
        mask = projected[1]  # [rows, features]
        if tower.fuses_id:
            mask = tf.concat([mask, known[:, tf.newaxis]], axis=1)
        # The fusion with equal weights divides by the number of present members.
        num = tf.reduce_sum(tf.cast(mask, tf.float32), axis=1, keepdims=True)
        return num * tower.join(projected, ids, counts), mask

    function = tf.function(embed, input_signature=[tf.TensorSpec([None], tf.int32)])
    return in_batches(function, np.arange(bundle.dataset.count("items"), dtype=np.int32))


def _sample_users(targets: Targets, max_users: int, seed: int) -> np.ndarray:
    users = np.unique(targets.user)
    if len(users) <= max_users:
        return users
    sample = np.random.default_rng(seed).permutation(len(users))[: max(1, max_users)]
    return users[np.sort(sample)]


def _by_member(
    fusion: Fusion, queries: np.ndarray, items: np.ndarray
) -> list[tuple[np.ndarray, np.ndarray]]:
    query, item = (fusion.split(embeddings).numpy() for embeddings in (queries, items))
    return [(query[:, member], item[:, member]) for member in range(query.shape[1])]


def _cold_start_items(
    bundle: ModelBundle, embeddings: np.ndarray, items: np.ndarray, landmarks: np.ndarray
) -> list[ColdStartItems]:
    """The items without interactions, grouped by the members that they have."""
    model, tower = bundle.model, bundle.model.item_tower
    cold = np.flatnonzero(~model.known.numpy()[items])
    if tower.regression is None or not len(cold):
        return []
    contents = tower.regression.kernel_inputs(model.items.gather(items[cold]))
    coefficients = _coefficients(tower.regression, model.counts.numpy()[landmarks], contents)
    has_content = tower.fusion.block_mask(embeddings[items[cold]]).numpy()
    patterns, group_of = np.unique(has_content, axis=0, return_inverse=True)
    return [
        ColdStartItems(
            columns=cold[group_of == group],
            has_content=pattern,
            coefficients=coefficients[:, group_of == group],
            weight=float(tower.regression.fitted_weight),
        )
        for group, pattern in enumerate(patterns)
    ]


def _coefficients(
    regression: ColdStartRegression, counts: np.ndarray, contents: tf.Tensor
) -> np.ndarray:
    """The coefficient of each landmark in the regressed embeddings, `[landmarks, contents]`.

    Kernel ridge regression is linear in its targets. With K the kernel between landmarks, k the
    kernel between landmarks and contents, and D² the weights of the landmarks, it predicts
    kᵀ D (D K D + alpha)⁻¹ D V for embeddings V. The transpose of the factor of V is the solution
    for the targets k.
    """
    among = rbf(squared_distances(regression.landmarks, regression.landmarks)).numpy()
    between = rbf(squared_distances(regression.landmarks, contents)).numpy()
    ridge = KernelRidge(kernel="precomputed", alpha=regression.ridge_alpha)
    ridge.fit(among, between, sample_weight=item_weights(counts))
    return ridge.dual_coef_.astype(np.float32)
