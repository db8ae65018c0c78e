"""Chooses how embeddings of cold-start items are computed, on items held out of training."""

import dataclasses
from typing import Any

import numpy as np
import tensorflow as tf

from tfmmrec.config.choices import AUTO
from tfmmrec.config.cold_start import ColdStartConfig
from tfmmrec.config.train_config import TrainConfig
from tfmmrec.data.fixed_sample import fixed_sample
from tfmmrec.distribute.strategies import gather_from_processes
from tfmmrec.evaluation.metrics.expected_rank import expected_ranks
from tfmmrec.evaluation.metrics.ranking import target_metrics
from tfmmrec.evaluation.ranking.targets import Targets, targets_of
from tfmmrec.evaluation.segments import K
from tfmmrec.models.bundle import ModelBundle
from tfmmrec.models.closed_form.fit import landmarks_of, regression_targets
from tfmmrec.models.closed_form.terms import PARTS
from tfmmrec.models.scorer import Scorer
from tfmmrec.training.conditional_logit import fit_weights
from tfmmrec.training.term_weights import MAX_CANDIDATES, allowed_candidates, sample

# The candidates of `auto`.
WEIGHTS, RIDGE_ALPHAS = (0.0, 0.3, 0.5, 0.7, 1.0), (0.3, 1.0, 3.0)
_MAX_TARGETS = 5000


@dataclasses.dataclass(frozen=True)
class ColdStartChoice:
    """How embeddings of cold-start items are computed, and how well that ranks held-out items.

    Attributes:
        weight: `cold_start.weight`.
        ridge_alpha: `cold_start.ridge_alpha`.
        scales: see `ClosedFormTerms.cold_scales`.
        ndcg: NDCG@10 of each target, with the held-out items ranked among themselves, `[targets]`.
    """

    weight: float
    ridge_alpha: float
    scales: np.ndarray
    ndcg: np.ndarray

    def describe(self) -> dict[str, Any]:
        """The choice as JSON."""
        return {
            "weight": self.weight,
            "ridge_alpha": self.ridge_alpha,
            "ndcg@10": round(float(self.ndcg.mean()), 5),
        }

    def config(self, config: TrainConfig) -> TrainConfig:
        """The config with this weight and penalty."""
        cold_start = dataclasses.replace(
            config.cold_start, weight=self.weight, ridge_alpha=self.ridge_alpha
        )
        return dataclasses.replace(config, cold_start=cold_start)


def choose_cold_start(bundle: ModelBundle) -> list[ColdStartChoice]:
    """Measures a trained model on held-out items with each weight and penalty of its regression.

    For each of them, the scales of the parts of an embedding are fitted to the events of the
    held-out items, which are choices among these items. As in an evaluation, held-out items are
    ranked among themselves. A few dozen items cannot tell similar choices apart: of those that are
    behind the best by less than one standard error (Breiman et al. 1984, "Classification and
    regression trees", 3.4.3), the one with the largest weight of the regression is taken, and then
    that with the largest penalty.

    Args:
        bundle: the model, with the weights of its best epoch and fitted terms in closed form. Its
            regression is left with another penalty.

    Returns:
        The choices, the one that is taken first; none if the data holds out no items with content,
        the model has no regression, or its scores are no products.
    """
    held_out, tower = bundle.dataset.held_out_items, bundle.model.item_tower
    terms, regression = tower.closed_form, tower.regression
    if held_out is None or regression is None or not bundle.model.scores_by_product:
        return []
    weights, alphas = _candidates(bundle.config.cold_start)
    targets = targets_of(held_out, "valid", with_times=bundle.model.reads_times)
    # Nothing is known of an item without content.
    has_content = bundle.items.has_content(len(held_out.cold_items))
    items = np.flatnonzero(held_out.cold_items & ~held_out.whole.cold_items & has_content)
    items = fixed_sample(items, MAX_CANDIDATES)
    targets = targets.take(np.isin(targets.item, items))
    if not len(targets.user):
        return []
    targets = sample(targets, _MAX_TARGETS)
    landmarks = landmarks_of(bundle)
    fitted, counts = regression_targets(bundle, landmarks), bundle.statistics.counts[landmarks]
    slices = [slice(None)]
    if terms is not None:
        terms.cold_scales.assign(np.ones(len(PARTS), np.float32))
        slices = terms.part_slices(tower.width)
    scorer, allowed = Scorer(bundle.model), allowed_candidates(targets, items)
    queries = _queries(scorer, scorer.item_vectors(), targets)
    chosen, rows = np.searchsorted(items, targets.item), tf.constant(items, tf.int32)
    found = []
    for alpha in alphas:
        regression.ridge_alpha = alpha
        regression.fit_coefficients(fitted, counts)
        ends = []
        for end in (0.0, 1.0):
            regression.fitted_weight.assign(end)
            vectors = bundle.model.item_vectors(rows).numpy()
            ends.append(_part_scores(queries, vectors, slices, chosen))
        for weight in weights:
            scores = (1 - weight) * ends[0] + weight * ends[1]
            found.append(_choice(scores, allowed, weight, alpha))
    best = _select(bundle, found, targets.item)
    return [found.pop(best), *sorted(found, key=lambda each: -each.ndcg.mean())]


def _select(bundle: ModelBundle, found: list[ColdStartChoice], items: np.ndarray) -> int:
    """The index of the choice that is taken, see `choose_cold_start`."""
    top = max(found, key=lambda each: each.ndcg.mean())
    level = [
        index
        for index, each in enumerate(found)
        if (top.ndcg - each.ndcg).mean() <= _standard_error(top.ndcg - each.ndcg, items)
    ]
    best = max(level, key=lambda index: (found[index].weight, found[index].ridge_alpha))
    # Other processes may round differently, but all must take the same.
    strategy = bundle.model.distribute_strategy
    return int(gather_from_processes(strategy, np.array([best], np.int32))[0, 0])


def _standard_error(differences: np.ndarray, items: np.ndarray) -> float:
    """The standard error of the mean of differences, of which those of one item are correlated."""
    deviations = np.bincount(items, differences - differences.mean())
    return float(np.sqrt(np.square(deviations).sum()) / len(differences))


def _candidates(config: ColdStartConfig) -> tuple[tuple[float, ...], tuple[float, ...]]:
    """The weights and the penalties to compare; given ones are alone."""
    return (
        WEIGHTS if config.weight == AUTO else (config.fixed_weight,),
        RIDGE_ALPHAS if config.ridge_alpha == AUTO else (config.fixed_ridge_alpha,),
    )


def _queries(scorer: Scorer, vectors: np.ndarray, targets: Targets) -> np.ndarray:
    """The embedding of the user of each target, `[targets, width]`."""
    users, positions = np.unique(targets.user, return_inverse=True)
    batches = scorer.queries(vectors, targets.histories, users)
    return np.concatenate([queries for _, queries in batches])[positions]


def _part_scores(
    queries: np.ndarray, vectors: np.ndarray, slices: list[slice], chosen: np.ndarray
) -> np.ndarray:
    """The score of each part of the embeddings of the target, then of all held-out items.

    Args:
        queries: `[targets, width]`.
        vectors: of the held-out items, `[items, width]`.
        slices: the columns of each part.
        chosen: the row of `vectors` of each target, `[targets]`.

    Returns:
        float32 `[targets, 1 + items, parts]`.
    """
    parts = []
    for columns in slices:
        scores = queries[:, columns] @ vectors[:, columns].T  # [targets, items]
        target = np.take_along_axis(scores, chosen[:, np.newaxis], axis=1)
        parts.append(np.concatenate([target, scores], axis=1))
    return np.stack(parts, axis=2)


def _choice(
    scores: np.ndarray, allowed: np.ndarray, weight: float, alpha: float
) -> ColdStartChoice:
    scales = fit_weights(scores, allowed, np.ones(scores.shape[2]))
    total = scores @ scales.astype(np.float32)
    first = np.zeros(len(total), np.int64)
    ranks = expected_ranks(total, first, ~allowed)
    return ColdStartChoice(weight, alpha, scales, target_metrics(ranks, [K])[f"ndcg@{K}"])
