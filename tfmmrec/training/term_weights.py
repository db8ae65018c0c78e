"""Fits the weights of the terms of a score to the valid split."""

import dataclasses

import numpy as np
import tensorflow as tf

from tfmmrec.data.fixed_sample import fixed_sample
from tfmmrec.distribute.strategies import gather_from_processes
from tfmmrec.evaluation.ranking.targets import Targets, targets_of
from tfmmrec.models.bundle import ModelBundle
from tfmmrec.models.closed_form import repeat_term
from tfmmrec.models.closed_form.repeat_term import RepeatTerm
from tfmmrec.models.closed_form.terms import DEFAULT_WEIGHTS
from tfmmrec.models.scorer import Scorer
from tfmmrec.training.conditional_logit import fit_weights

# More would not make the weights better, only slower; 2,000 by 2,000 scores of six terms take
# 100 MB.
MAX_TARGETS, MAX_CANDIDATES = 2000, 2000
# The least weight of the towers in a model without terms in closed form, whose weight is 1: what
# others weigh is relative to it.
_LEAST_WEIGHT = 0.05


@dataclasses.dataclass(frozen=True)
class ScoreWeights:
    """The weights of the terms of a score, which a refitted model takes over.

    Attributes:
        terms: see `ClosedFormTerms.term_weights`; None without terms in closed form.
        cold_scales: see `ClosedFormTerms.cold_scales`; likewise.
        repeats: see `RepeatTerm.term_weights`; None without that term.
    """

    terms: np.ndarray | None = None
    cold_scales: np.ndarray | None = None
    repeats: np.ndarray | None = None

    @classmethod
    def of(cls, bundle: ModelBundle) -> "ScoreWeights | None":
        """The weights of a model; None without fitted terms."""
        terms, repeats = bundle.model.item_tower.closed_form, bundle.model.repeat_term
        of_repeats = None if repeats is None else repeats.term_weights.numpy()
        if terms is not None and terms.is_fitted:
            return cls(terms.term_weights.numpy(), terms.cold_scales.numpy(), of_repeats)
        return None if of_repeats is None else cls(repeats=of_repeats)

    def assign(self, bundle: ModelBundle) -> None:
        """Gives a model these weights, those of the terms that it has."""
        terms, repeats = bundle.model.item_tower.closed_form, bundle.model.repeat_term
        if terms is not None and self.terms is not None:
            terms.term_weights.assign(self.terms)
            terms.cold_scales.assign(self.cold_scales)
        if repeats is not None and self.repeats is not None:
            repeats.term_weights.assign(self.repeats)


def has_choices(bundle: ModelBundle) -> bool:
    """Whether `fit_term_weights` can fit something.

    The score is a product and has terms, and there is a valid split that is not trained on.
    """
    model = bundle.model
    return (
        (model.item_tower.closed_form is not None or model.repeat_term is not None)
        and model.scores_by_product
        and not bundle.config.refit
        and bundle.dataset.has_validation_events("retrieval")
    )


def fit_term_weights(bundle: ModelBundle, scorer: Scorer, vectors: np.ndarray) -> None:
    """Fits the weights of the terms of the score to the positives of the valid split.

    Each is a choice among the items that are not excluded for the user, see `conditional_logit`.

    Args:
        bundle: the model, with the weights of its best epoch and fitted terms; `has_choices`.
        scorer: of the model.
        vectors: the embeddings of all items.
    """
    model, dataset = bundle.model, bundle.dataset
    targets = targets_of(dataset, "valid", with_times=model.reads_times)
    targets = sample(targets, MAX_TARGETS)
    warm = np.flatnonzero(~dataset.cold_items)
    candidates = fixed_sample(warm, MAX_CANDIDATES)
    queries = scorer.term_queries(vectors, targets.histories, targets.user)
    terms = np.concatenate(
        [
            np.einsum("btw,bw->bt", queries, vectors[targets.item])[:, np.newaxis],
            np.stack(
                [queries[:, term] @ vectors[candidates].T for term in range(queries.shape[1])], 2
            ),
        ],
        axis=1,
    )
    allowed = allowed_candidates(targets, candidates)
    closed_form = model.item_tower.closed_form
    prior = np.ones(1, np.float32) if closed_form is None else DEFAULT_WEIGHTS
    if model.repeat_term is None:
        found = fit_weights(terms, allowed, prior)
    else:
        own = _OwnItems.of(model.repeat_term, scorer.max_history, targets)
        found = own.fit_weights(terms, allowed, prior, queries, vectors, candidates, len(warm))
    # Other processes may round differently, but all must have the same weights.
    found = found.astype(np.float32)
    found = gather_from_processes(model.distribute_strategy, found)[0]
    if closed_form is not None:
        closed_form.term_weights.assign(found[: len(prior)])
    if model.repeat_term is not None:
        scale = 1.0 if closed_form is not None else max(_LEAST_WEIGHT, float(found[0]))
        model.repeat_term.term_weights.assign(found[len(prior) :] / scale)


@dataclasses.dataclass(frozen=True)
class _OwnItems:
    """The items of the histories before some targets, which are alternatives in all choices.

    They are few among the items of a large catalog, so that a sample of it would miss them.

    Attributes:
        targets: the targets.
        items: rows of the items, int32 `[targets, n]`, -1 for padding and for excluded items.
        terms: of the repeat term, float32 `[targets, n, terms]`.
        is_target: bool `[targets, n]`, at the target itself.
    """

    targets: Targets
    items: np.ndarray
    terms: np.ndarray
    is_target: np.ndarray

    @classmethod
    def of(cls, repeats: RepeatTerm, max_history: int, targets: Targets) -> "_OwnItems":
        """The distinct items of the part of each history that the model reads."""
        history = targets.histories.last(targets.user, max_history)
        terms, is_last = (part.numpy() for part in repeats.terms(tf.constant(history)))
        is_own = is_last & ~targets.excluded.have(targets.user[:, np.newaxis], history)
        items = np.where(is_own, history, -1)
        return cls(targets, items, terms, items == targets.item[:, np.newaxis])

    def fit_weights(
        self,
        terms: np.ndarray,
        allowed: np.ndarray,
        prior: np.ndarray,
        queries: np.ndarray,
        vectors: np.ndarray,
        candidates: np.ndarray,
        num_candidates: int,
    ) -> np.ndarray:
        """Fits the weights of all terms of the score, those of the repeat term last.

        Args:
            terms: of the targets and the sampled candidates, without the repeat term, `[targets,
                1 + candidates, terms]`.
            allowed: see `allowed_candidates`.
            prior: of the weights of `terms`.
            queries: `[targets, terms, width]`.
            vectors: the embeddings of all items.
            candidates: rows of the sampled candidates, ascending.
            num_candidates: the number of items of which these are a sample.
        """
        of_own = np.einsum("btw,bnw->bnt", queries, vectors[self.items], optimize=True)
        num_repeat_terms = self.terms.shape[2]
        # [targets, 1 + candidates + n, all terms]
        whole = np.zeros(
            (len(terms), terms.shape[1] + self.items.shape[1], len(prior) + num_repeat_terms),
            np.float32,
        )
        whole[:, : terms.shape[1], : len(prior)] = terms
        whole[:, terms.shape[1] :, : len(prior)] = of_own
        whole[:, terms.shape[1] :, len(prior) :] = self.terms
        whole[:, 0, len(prior) :] = (self.terms * self.is_target[..., np.newaxis]).sum(axis=1)
        # The target is the first alternative, and own items are no sampled candidates as well.
        allowed = allowed.copy()
        columns = np.minimum(np.searchsorted(candidates, self.items), len(candidates) - 1)
        rows, places = np.nonzero((candidates[columns] == self.items) & (self.items >= 0))
        allowed[rows, 1 + columns[rows, places]] = False
        allowed = np.concatenate([allowed, (self.items >= 0) & ~self.is_target], axis=1)
        offsets = np.zeros(allowed.shape, np.float32)
        offsets[:, : terms.shape[1]] = np.log(num_candidates / len(candidates))
        offsets[self.is_target.any(axis=1), 0] = 0.0
        return fit_weights(
            whole,
            allowed,
            np.concatenate([prior, repeat_term.DEFAULT_WEIGHTS]),
            offsets=offsets,
            can_be_negative=np.append(np.zeros(len(prior), bool), repeat_term.CAN_BE_NEGATIVE),
        )


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
