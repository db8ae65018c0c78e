"""Chooses the weight of the cold-start regression on items that are held out of training."""

import dataclasses

import numpy as np

from tfmmrec.config.train_config import TrainConfig
from tfmmrec.data.dataset import Dataset
from tfmmrec.distribute.strategies import gather_from_processes
from tfmmrec.evaluation.metrics.ranking import ranking_metrics
from tfmmrec.evaluation.ranking.rankers import model_ranker
from tfmmrec.evaluation.ranking.targets import Targets, targets_of
from tfmmrec.evaluation.segments import K
from tfmmrec.models.bundle import ModelBundle
from tfmmrec.models.scorer import Scorer

# Without 0, which leaves the regression out of the model.
WEIGHTS = (0.1, 0.3, 0.5, 0.7, 1.0)
# More targets would not make the choice better, only slower.
MAX_TARGETS = 10_000


def measure_weights(bundle: ModelBundle) -> dict[float, float]:
    """Measures a trained model on held-out items with each weight of its regression.

    As in an evaluation, held-out items are ranked among themselves. Their embeddings are linear in
    the weight, so that two passes over the catalog are enough.

    Args:
        bundle: the model, with the weights of its best epoch and a fitted regression.

    Returns:
        NDCG@10 by weight; empty if the data holds out no items, or the model has no regression.
    """
    held_out, regression = bundle.dataset.held_out_items, bundle.model.item_tower.regression
    if held_out is None or regression is None:
        return {}
    scorer, fitted = Scorer(bundle.model), regression.fitted_weight.numpy()
    ends = []
    for weight in (0.0, 1.0):
        regression.fitted_weight.assign(weight)
        ends.append(scorer.item_vectors())
    regression.fitted_weight.assign(fitted)
    targets = _targets(held_out, with_times=bundle.model.reads_times)
    candidates = held_out.cold_items & ~held_out.whole.cold_items
    found = []
    for weight in WEIGHTS:
        vectors = (1 - weight) * ends[0] + weight * ends[1]
        ranks = model_ranker(scorer, vectors, targets.histories).ranks(targets, candidates)
        found.append(ranking_metrics(ranks, [K])[f"ndcg@{K}"])
    # Other processes may round differently, but all must choose the same weight.
    everywhere = gather_from_processes(bundle.model.distribute_strategy, np.array(found))
    return dict(zip(WEIGHTS, everywhere[0].tolist(), strict=True))


def with_weight(config: TrainConfig, weight: float) -> TrainConfig:
    """Returns the config with another `cold_start.weight`."""
    cold_start = dataclasses.replace(config.cold_start, weight=weight)
    return dataclasses.replace(config, cold_start=cold_start)


def _targets(held_out: Dataset, *, with_times: bool) -> Targets:
    """The positives of held-out items, or a sample of them that is always the same."""
    targets = targets_of(held_out, "valid", with_times=with_times)
    if len(targets.user) <= MAX_TARGETS:
        return targets
    rows = np.random.default_rng(0).choice(len(targets.user), MAX_TARGETS, replace=False)
    return targets.take(np.sort(rows))
