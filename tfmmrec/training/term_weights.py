"""Fits the weights of the terms of a score to the valid split."""

import dataclasses

import numpy as np

from tfmmrec.data.fixed_sample import fixed_sample
from tfmmrec.distribute.strategies import gather_from_processes
from tfmmrec.evaluation.ranking.targets import Targets, targets_of
from tfmmrec.models.bundle import ModelBundle
from tfmmrec.models.closed_form.terms import DEFAULT_WEIGHTS
from tfmmrec.models.scorer import Scorer
from tfmmrec.training.conditional_logit import fit_weights

# More would not make the weights better, only slower; 2,000 by 2,000 scores of six terms take
# 100 MB.
MAX_TARGETS, MAX_CANDIDATES = 2000, 2000


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


def has_choices(bundle: ModelBundle) -> bool:
    """Whether `fit_term_weights` has something to fit: terms, and a valid split not trained on."""
    return (
        bundle.model.item_tower.closed_form is not None
        and not bundle.config.refit
        and bundle.dataset.has_validation_events("retrieval")
    )


def fit_term_weights(bundle: ModelBundle, scorer: Scorer, vectors: np.ndarray) -> None:
    """Fits the weights of the terms in closed form to the positives of the valid split.

    Each is a choice among the items that the user has not chosen before, see `conditional_logit`.

    Args:
        bundle: the model, with the weights of its best epoch and fitted terms; `has_choices`.
        scorer: of the model.
        vectors: the embeddings of all items.
    """
    terms, dataset = bundle.model.item_tower.closed_form, bundle.dataset
    assert terms is not None
    targets = targets_of(dataset, "valid", with_times=bundle.model.reads_times)
    targets = sample(targets, MAX_TARGETS)
    candidates = fixed_sample(np.flatnonzero(~dataset.cold_items), MAX_CANDIDATES)
    queries = scorer.term_queries(vectors, targets.histories, targets.user)
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


def allowed_candidates(targets: Targets, candidates: np.ndarray) -> np.ndarray:
    """Which alternatives each target has: itself, then candidates that are not excluded.

    Args:
        targets: the targets.
        candidates: rows of items, ascending, `[candidates]`.

    Returns:
        bool `[targets, 1 + candidates]`.
    """
    allowed = np.ones((len(targets.user), 1 + len(candidates)), bool)
    allowed[:, 1:] = candidates != targets.item[:, np.newaxis]
    rows, items = targets.excluded.of_users(targets.user)
    columns = np.minimum(np.searchsorted(candidates, items), len(candidates) - 1)
    is_candidate = candidates[columns] == items
    allowed[rows[is_candidate], 1 + columns[is_candidate]] = False
    return allowed


def sample(targets: Targets, num: int) -> Targets:
    """At most so many targets, drawn at random but always the same."""
    return targets.take(fixed_sample(np.arange(len(targets.user)), num))
