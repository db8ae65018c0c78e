"""Signs of a training that goes astray, and what to do about each."""

import sys
from collections.abc import Mapping

import numpy as np
import scipy.stats
import tqdm

from tfmmrec.models.two_tower import TwoTower
from tfmmrec.training.gradient_norms import GradientNorms

_MOST_ITEMS = 2048
# Below what share of an equal one a feature's gradient counts as dead.
_DEAD = 0.02
_AT_BOUND = 1.001


def vector_signs(vectors: np.ndarray, counts: np.ndarray) -> dict[str, float]:
    """What the vectors of known items look like.

    Args:
        vectors: of all items, float `[items, width]`; zeros where nothing is known of one.
        counts: how often training meets each, `[items]`.

    Returns:
        `effective_rank`, e to the entropy of the normalised singular values (Roy and Vetterli
        2007): the number of directions that are in use. `mean_cosine` between two items.
        `norm_popularity`, Spearman's correlation between the lengths of the vectors and the counts,
        0 where all are of one length. Nothing where fewer than two items are known.
    """
    rows = np.flatnonzero((counts > 0) & np.any(vectors != 0.0, axis=1))
    if len(rows) < 2:
        return {}
    # The same sample each time, so that what is drawn is no news.
    if len(rows) > _MOST_ITEMS:
        rows = np.random.default_rng(0).choice(rows, _MOST_ITEMS, replace=False)
    chosen = vectors[rows].astype(np.float64)
    lengths = np.linalg.norm(chosen, axis=1)
    unit = chosen / lengths[:, np.newaxis]
    number = len(rows)
    total = np.sum(np.square(unit.sum(axis=0)))
    signs = {
        "effective_rank": effective_rank(unit),
        "mean_cosine": float((total - number) / (number * (number - 1))),
        "norm_popularity": 0.0,
    }
    if np.ptp(lengths) > 1e-3 * lengths.mean() and np.ptp(counts[rows]):
        signs["norm_popularity"] = float(scipy.stats.spearmanr(lengths, counts[rows]).statistic)
    return signs


def effective_rank(vectors: np.ndarray) -> float:
    """e to the entropy of the singular values, which are made to sum to one."""
    values = np.linalg.svd(vectors, compute_uv=False)
    shares = values[values > 0] / values.sum()
    return float(np.exp(-np.sum(shares * np.log(shares))))


def alarms(
    signs: Mapping[str, float],
    *,
    width: int,
    temperatures: np.ndarray,
    gradients: Mapping[str, float],
) -> dict[str, str]:
    """What is wrong, by its name, each in one line that says what to do.

    Args:
        signs: as `vector_signs` gives them.
        width: of the vectors.
        temperatures: by which scores are divided, from 0.01 to 1.
        gradients: by feature, the mean norm of the gradient of what projects it.
    """
    found = {}
    if signs.get("mean_cosine", 0.0) > 0.9:
        found["collapse"] = (
            f"items are all alike (mean cosine {signs['mean_cosine']:.2f}); lower learning_rate, "
            "or give negatives.num_uniform some hundred items"
        )
    elif signs.get("effective_rank", width) < max(2.0, 0.05 * width):
        found["collapse"] = (
            f"{width} dimensions hold no more than {signs['effective_rank']:.1f}; lower "
            "learning_rate or dim, or raise hidden"
        )
    if signs.get("norm_popularity", 0.0) > 0.9:
        found["popularity"] = (
            f"the length of vectors follows popularity ({signs['norm_popularity']:.2f}), and all "
            "users get the same lists; give negatives.num_uniform some hundred items"
        )
    if np.min(temperatures) <= 0.01 * _AT_BOUND:
        found["temperature"] = (
            "the temperature is at its lower bound, 0.01, as where train is known by heart; raise "
            "dropout or id_embedding_dropout"
        )
    elif np.max(temperatures) >= 1.0 / _AT_BOUND:
        found["temperature"] = (
            "the temperature is at its upper bound, 1, as where nothing is learned; change "
            "learning_rate, or look at what the items have with tfmmrec check"
        )
    total = sum(gradients.values())
    for name, norm in gradients.items():
        if total > 0 and len(gradients) > 1 and norm < _DEAD * total / len(gradients):
            found[f"gradient of {name}"] = (
                f"{name} has {norm / total:.2%} of the gradient and is not learned from; raise "
                "modality_dropout, or leave it out with --features"
            )
    return found


class Alarms:
    """Looks at a model after each epoch, and says what goes astray, each thing once.

    Vectors of a first epoch may well be all alike; what is told was so in two epochs running.

    Args:
        model: what is trained.
        gradients: of the projections of the item features.
        quiet: whether nothing is said.
    """

    def __init__(self, model: TwoTower, gradients: GradientNorms, *, quiet: bool = False):
        self._model = model
        self._gradients = gradients
        self._quiet = quiet
        self._before: set[str] = set()
        self._told: set[str] = set()

    def look(self, vectors: np.ndarray) -> dict[str, float]:
        """Gives the signs of an epoch, for its logs, and warns in one line of each that is bad.

        Args:
            vectors: of all items, float `[items, width]`.
        """
        signs = vector_signs(vectors, self._model.counts.numpy())
        temperatures, norms = self._model.temperature.values.numpy(), self._gradients.take()
        found = alarms(signs, width=vectors.shape[1], temperatures=temperatures, gradients=norms)
        for name in found.keys() & self._before - self._told:
            self._told.add(name)
            if not self._quiet:
                tqdm.tqdm.write(f"tfmmrec: warning: {found[name]}", file=sys.stderr)
        self._before = set(found)
        total = sum(norms.values())
        shares = {f"gradient_share_{name}": n / total for name, n in norms.items() if total}
        return {**signs, "temperature": float(temperatures.min()), **shares}
