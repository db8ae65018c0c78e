"""Fits the weights of the terms of a score to the valid split."""

import dataclasses

import numpy as np
import tensorflow as tf

from tfmmrec.data.histories import Histories
from tfmmrec.distribute.strategies import gather_from_processes
from tfmmrec.evaluation.ranking.targets import Targets, targets_of
from tfmmrec.models.bundle import ModelBundle
from tfmmrec.models.closed_form.terms import DEFAULT_WEIGHTS
from tfmmrec.models.embedding_model import UserInputs
from tfmmrec.models.scorer import Scorer
from tfmmrec.training.conditional_logit import fit_weights

# More would not make the weights better, only slower; 2,000 by 2,000 scores of six terms take
# 100 MB.
MAX_TARGETS, MAX_CANDIDATES = 2000, 2000
_BATCH = 512


@dataclasses.dataclass(frozen=True)
class ScoreWeights:
    """The weights of the terms in closed form, which a refitted model takes over.

    Attributes:
        terms: see `ClosedFormTerms.term_weights`.
        cold_scales: see `ClosedFormTerms.cold_scales`.
    """

    terms: np.ndarray
    cold_scales: np.ndarray

    @classmethod
    def of(cls, bundle: ModelBundle) -> "ScoreWeights | None":
        """The weights of a model; None without fitted terms in closed form."""
        terms = bundle.model.item_tower.closed_form
        if terms is None or not terms.is_fitted:
            return None
        return cls(terms.term_weights.numpy(), terms.cold_scales.numpy())

    def assign(self, bundle: ModelBundle) -> None:
        """Gives a model these weights; nothing without terms in closed form."""
        terms = bundle.model.item_tower.closed_form
        if terms is not None:
            terms.term_weights.assign(self.terms)
            terms.cold_scales.assign(self.cold_scales)


def fit_term_weights(bundle: ModelBundle) -> None:
    """Fits the weights of the terms in closed form to the positives of the valid split.

    Each is a choice among the items that the user has not chosen before, see `conditional_logit`.
    Default weights stay without a valid split, or if the model is trained on it.

    Args:
        bundle: the model, with the weights of its best epoch and fitted terms.
    """
    terms, dataset = bundle.model.item_tower.closed_form, bundle.dataset
    if terms is None or bundle.config.refit or not dataset.has_validation_events("retrieval"):
        return
    targets = targets_of(dataset, "valid", with_times=bundle.model.reads_times)
    targets = sample(targets, MAX_TARGETS)
    candidates = np.flatnonzero(~dataset.cold_items)
    if len(candidates) > MAX_CANDIDATES:
        draw = np.random.default_rng(0)
        candidates = np.sort(draw.choice(candidates, MAX_CANDIDATES, replace=False))
    vectors = Scorer(bundle.model).item_vectors()
    queries = term_queries(bundle, vectors, targets.histories, targets.user)
    scores = np.concatenate(
        [
            np.einsum("btw,bw->bt", queries, vectors[targets.item])[:, np.newaxis],
            np.stack(
                [queries[:, term] @ vectors[candidates].T for term in range(queries.shape[1])], 2
            ),
        ],
        axis=1,
    )
    found = fit_weights(scores, allowed_candidates(targets, candidates), DEFAULT_WEIGHTS)
    # Other processes may round differently, but all must have the same weights.
    found = found.astype(np.float32)
    terms.term_weights.assign(gather_from_processes(bundle.model.distribute_strategy, found)[0])


def term_queries(
    bundle: ModelBundle, vectors: np.ndarray, histories: Histories, users: np.ndarray
) -> np.ndarray:
    """Embeds users for each term, see `EmbeddingModel.term_queries`.

    Args:
        bundle: the model.
        vectors: the embeddings of all items.
        histories: the history of every user, with times if the model `reads_times`.
        users: rows of users, `[users]`.

    Returns:
        float32 `[users, terms, width]`.
    """
    model, found = bundle.model, []
    index, length = model.index(tf.constant(vectors)), model.query_tower.max_history
    for start in range(0, len(users), _BATCH):
        rows = users[start : start + _BATCH].astype(np.int32)
        inputs = UserInputs(
            tf.constant(histories.last(rows, length)),
            model.users.gather(rows),
            tf.constant(rows),
            tf.constant(histories.last_times(rows, length)) if model.reads_times else None,
        )
        found.append(model.term_queries(index, inputs).numpy())
    return np.concatenate(found)


def allowed_candidates(targets: Targets, candidates: np.ndarray) -> np.ndarray:
    """Which alternatives each target has: the target itself, then candidates, without the history.

    Args:
        targets: the targets.
        candidates: rows of items, ascending, `[candidates]`.

    Returns:
        bool `[targets, 1 + candidates]`.
    """
    allowed = np.ones((len(targets.user), 1 + len(candidates)), bool)
    allowed[:, 1:] = candidates != targets.item[:, np.newaxis]
    rows, items = targets.histories.of_users(targets.user)
    columns = np.minimum(np.searchsorted(candidates, items), len(candidates) - 1)
    is_candidate = candidates[columns] == items
    allowed[rows[is_candidate], 1 + columns[is_candidate]] = False
    return allowed


def sample(targets: Targets, num: int) -> Targets:
    """At most so many targets, drawn at random but always the same."""
    if len(targets.user) <= num:
        return targets
    rows = np.random.default_rng(0).choice(len(targets.user), num, replace=False)
    return targets.take(np.sort(rows))
