"""Hyperparameter importance."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from sklearn.compose import make_column_transformer
from sklearn.ensemble import RandomForestRegressor
from sklearn.inspection import permutation_importance
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import OneHotEncoder

from tfmmrec.tuning.axes import varying
from tfmmrec.tuning.best_trial import Trial, finished_trials, metric_values

# A forest learns nothing from fewer trials.
_MIN_TRIALS = 4
_TREES = 100
_SHUFFLES = 10


def importances(
    trials: Sequence[Trial], space: Sequence[Mapping[str, Any]], objective: Mapping[str, str]
) -> dict[str, float]:
    """The permutation importance of each hyperparameter for the objective.

    A random forest is fitted to the objective as a function of the hyperparameters. The importance
    of a hyperparameter is the increase of the forest's squared error when its values are permuted
    among the trials (Breiman 2001, "Random forests"; for the trials of a search, Hutter et al.
    2014, "An efficient approach for assessing hyperparameter importance"). With a few dozen trials
    it is only a hint.

    Categorical values are one-hot; numbers are scaled to their range, by the logarithm with
    `sampling: log`. A hyperparameter that is inactive in a trial has a value of its own, so that
    the options of a kind share the importance of that kind.

    Args:
        trials: the records; failed trials and reruns are ignored.
        space: the hyperparameters, from `describe`.
        objective: with its `name`; the direction does not matter.

    Returns:
        By hyperparameter that varies, in descending order, fractions with sum 1; all 0 if all
        metrics are equal, and empty with fewer than 4 trials.
    """
    kept = finished_trials(trials, objective["name"])
    axes = varying(space, kept)
    if len(kept) < _MIN_TRIALS or not axes:
        return {}
    values = np.array([[axis.position(trial["values"]) for axis in axes] for trial in kept])
    target = np.array(metric_values(kept, objective["name"]))
    categorical = [index for index, axis in enumerate(axes) if axis.is_categorical]
    added = _added_errors(values, target, categorical)
    fractions = added / added.sum() if added.any() else added
    order = np.argsort(-fractions, kind="stable")
    return {axes[index].name: float(fractions[index]) for index in order}


def _added_errors(values: np.ndarray, target: np.ndarray, categorical: list[int]) -> np.ndarray:
    """How much the permutation of each column of `values` increases a forest's error."""
    # With equal targets, the error would be the rounding of their mean.
    if np.ptp(target) == 0:
        return np.zeros(values.shape[1])
    # The permutation precedes the one-hot encoding, whose columns then stay together.
    model = make_pipeline(
        make_column_transformer((OneHotEncoder(), categorical), remainder="passthrough"),
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
