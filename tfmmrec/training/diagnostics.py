"""Diagnostics of a training: signs of collapse and other problems, each with a remedy."""

import sys
from collections.abc import Mapping

import numpy as np
import scipy.stats
import tqdm

from tfmmrec.models.two_tower import TwoTower
from tfmmrec.training.gradient_norms import GradientNorms

_MAX_ITEMS = 2048
# A feature is reported below this fraction of an equal share of the gradient norms.
_MIN_GRADIENT = 0.02
_AT_BOUND = 1.001


def embedding_statistics(embeddings: np.ndarray, counts: np.ndarray) -> dict[str, float]:
    """Statistics of the embeddings of items with training events.

    Args:
        embeddings: of all items, float `[items, dim]`; zeros for an item without content and id.
        counts: number of training events of each item, `[items]`.

    Returns:
        `effective_rank`, see there; `mean_cosine` of two items; `norm_popularity`, the Spearman
        correlation of the norms of the embeddings with the counts, 0 if all norms are equal. Empty
        with fewer than two such items. More than 2048 items are sampled.
    """
    rows = np.flatnonzero((counts > 0) & np.any(embeddings != 0.0, axis=1))
    if len(rows) < 2:
        return {}
    # The same sample in each epoch, so that its choice causes no change.
    if len(rows) > _MAX_ITEMS:
        rows = np.random.default_rng(0).choice(rows, _MAX_ITEMS, replace=False)
    sample = embeddings[rows].astype(np.float64)
    norms = np.linalg.norm(sample, axis=1)
    unit = sample / norms[:, np.newaxis]
    number = len(rows)
    total = np.sum(np.square(unit.sum(axis=0)))
    statistics = {
        "effective_rank": effective_rank(unit),
        "mean_cosine": float((total - number) / (number * (number - 1))),
        "norm_popularity": 0.0,
    }
    if np.ptp(norms) > 1e-3 * norms.mean() and np.ptp(counts[rows]):
        correlation = scipy.stats.spearmanr(norms, counts[rows]).statistic
        statistics["norm_popularity"] = float(correlation)
    return statistics


def effective_rank(matrix: np.ndarray) -> float:
    """e to the entropy of the normalized singular values: the number of directions in use.

    Roy and Vetterli 2007, "The effective rank: a measure of effective dimensionality".
    """
    values = np.linalg.svd(matrix, compute_uv=False)
    fractions = values[values > 0] / values.sum()
    return float(np.exp(-np.sum(fractions * np.log(fractions))))


def find_problems(
    statistics: Mapping[str, float],
    *,
    dim: int,
    temperatures: np.ndarray,
    gradients: Mapping[str, float],
) -> dict[str, str]:
    """Finds what is wrong with a training.

    Args:
        statistics: from `embedding_statistics`.
        dim: of the embeddings.
        temperatures: the softmax temperatures, from 0.01 to 1.
        gradients: by feature, the mean gradient norm of its projection.

    Returns:
        By problem, a line that ends with a remedy.
    """
    found = {}
    if statistics.get("mean_cosine", 0.0) > 0.9:
        found["collapse"] = (
            "the embeddings of items are nearly identical (mean cosine "
            f"{statistics['mean_cosine']:.2f}); lower learning_rate, or set negatives.num_uniform "
            "to a few hundred"
        )
    elif statistics.get("effective_rank", dim) < max(2.0, 0.05 * dim):
        found["collapse"] = (
            f"the embeddings use only {statistics['effective_rank']:.1f} of {dim} dimensions; "
            "lower learning_rate or dim, or raise projection_units"
        )
    if statistics.get("norm_popularity", 0.0) > 0.9:
        found["popularity"] = (
            "the norm of the embeddings follows popularity (rank correlation "
            f"{statistics['norm_popularity']:.2f}), so that all users get the same items; set "
            "negatives.num_uniform to a few hundred"
        )
    if np.min(temperatures) <= 0.01 * _AT_BOUND:
        found["temperature"] = (
            "the temperature is at its lower bound, 0.01, a sign of overfitting; raise dropout or "
            "id_embedding_dropout"
        )
    elif np.max(temperatures) >= 1.0 / _AT_BOUND:
        found["temperature"] = (
            "the temperature is at its upper bound, 1, a sign that nothing is learned; change "
            "learning_rate, or check the content of the items with tfmmrec check"
        )
    total = sum(gradients.values())
    for name, norm in gradients.items():
        if total > 0 and len(gradients) > 1 and norm < _MIN_GRADIENT * total / len(gradients):
            found[f"gradient of {name}"] = (
                f"{name} gets {norm / total:.2%} of the gradient and is not learned from; raise "
                "modality_dropout, or leave it out with --features"
            )
    return found


class TrainingDiagnostics:
    """Measures the diagnostics of each epoch, and warns once of a problem that lasts two epochs.

    A problem of a single epoch is not reported: in the first epoch, similar embeddings are normal.

    Args:
        model: the model in training.
        gradients: norms of the gradients of the item features' projections.
        quiet: no warnings.
    """

    def __init__(self, model: TwoTower, gradients: GradientNorms, *, quiet: bool = False):
        self._model = model
        self._gradients = gradients
        self._quiet = quiet
        self._previous: set[str] = set()
        self._reported: set[str] = set()

    def update(self, embeddings: np.ndarray) -> dict[str, float]:
        """Returns the diagnostics of an epoch by name, and warns in one line per problem.

        Args:
            embeddings: of all items, float `[items, dim]`.
        """
        statistics = embedding_statistics(embeddings, self._model.counts.numpy())
        temperatures, norms = self._model.temperature.values.numpy(), self._gradients.pop_means()
        problems = find_problems(
            statistics, dim=embeddings.shape[1], temperatures=temperatures, gradients=norms
        )
        for name in problems.keys() & self._previous - self._reported:
            self._reported.add(name)
            if not self._quiet:
                tqdm.tqdm.write(f"tfmmrec: warning: {problems[name]}", file=sys.stderr)
        self._previous = set(problems)
        total = sum(norms.values())
        shares = {f"gradient_share_{name}": norm / total for name, norm in norms.items() if total}
        return {**statistics, "temperature": float(temperatures.min()), **shares}
