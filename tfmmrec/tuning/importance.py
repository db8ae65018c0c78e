"""How much each hyperparameter counts for what trials reach."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from sklearn.compose import make_column_transformer
from sklearn.ensemble import RandomForestRegressor
from sklearn.inspection import permutation_importance
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import OneHotEncoder

from tfmmrec.tuning.axes import varying
from tfmmrec.tuning.best_trial import Trial, figures, finished

# Of fewer trials a forest learns nothing.
_LEAST_TRIALS = 4
_TREES = 100
_SHUFFLES = 10


def importances(
    trials: Sequence[Trial], space: Sequence[Mapping[str, Any]], objective: Mapping[str, str]
) -> dict[str, float]:
    """How much each hyperparameter counts for the objective.

    A random forest learns the objective from the values; then those of one hyperparameter are
    shuffled among the trials, and what that adds to the forest's squared error is what the
    hyperparameter counts (Breiman 2001, Random Forests). That a forest over the trials of a search
    can tell which hyperparameters matter is of Hutter et al. 2014 (An Efficient Approach for
    Assessing Hyperparameter Importance). With a few dozen trials this is a hint and no more.

    Names are one-hot; numbers stand where they do in their range, by their logarithm where that is
    how they are drawn. A hyperparameter that a trial does not have counts as a value of its own,
    so that options of a kind share what it counts that this kind is drawn at all.

    Args:
        trials: as `write_page` takes them; those that failed and re-runs are left out.
        space: the hyperparameters, as `describe` tells them.
        objective: its `name`; which way is better makes no difference.

    Returns:
        By hyperparameter that varies, the greatest first, shares that sum to 1; all 0 where the
        trials reach the same, and nothing where there are fewer than 4.
    """
    kept = finished(trials, objective["name"])
    axes = varying(space, kept)
    if len(kept) < _LEAST_TRIALS or not axes:
        return {}
    values = np.array([[axis.place(trial["values"]) for axis in axes] for trial in kept])
    target = np.array(figures(kept, objective["name"]))
    named = [place for place, axis in enumerate(axes) if axis.is_named]
    added = _added_errors(values, target, named)
    shares = added / added.sum() if added.any() else added
    order = np.argsort(-shares, kind="stable")
    return {axes[place].name: float(shares[place]) for place in order}


def _added_errors(values: np.ndarray, target: np.ndarray, named: list[int]) -> np.ndarray:
    """What shuffling each column of `values`, `[trials, columns]`, adds to a forest's error."""
    # Their mean rounds, and an error that is nothing but that would become shares.
    if np.ptp(target) == 0:
        return np.zeros(values.shape[1])
    # Shuffling is before the one-hot, so that a name's columns move together.
    model = make_pipeline(
        make_column_transformer((OneHotEncoder(), named), remainder="passthrough"),
        RandomForestRegressor(_TREES, random_state=0),
    )
    model.fit(values, target)
    found = permutation_importance(
        model,
        values,
        target,
        n_repeats=_SHUFFLES,
        random_state=0,
        scoring="neg_mean_squared_error",
    )
    return found.importances_mean.clip(min=0.0)
