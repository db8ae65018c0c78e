"""When a candidate of a race is so far behind on valid that it is no longer trained.

Racing (Maron and Moore 1994, "Hoeffding races: accelerating model selection search for
classification and function approximation") stops a candidate once its metric is significantly worse
than that of the best. Blocking races (Moore and Lee 1994, "Efficient algorithms for minimizing
cross validation error") test paired differences on the same examples; here these are the users of
the valid split. Unlike successive halving (Jamieson and Talwalkar 2016, arXiv:1502.07943), no
candidate is stopped because of a difference that may be chance.
"""

import math
from typing import Any

import numpy as np

from tfmmrec.evaluation.metrics.jackknife import jackknife_error
from tfmmrec.training.history import TrainingHistory

# In standard errors of the paired difference.
MIN_LEAD = 2.0
# Learning curves cross in the first epochs: a transformer warms up more slowly than a mean.
MIN_EPOCHS, MIN_STEPS = 3, 250


def find_rungs(num_epochs: int) -> list[int]:
    """The numbers of epochs after which candidates are compared: 1, 2, 3, 4, 6, 9, 13, … .

    Args:
        num_epochs: the last of them.
    """
    rungs = [1]
    while rungs[-1] < num_epochs:
        rungs.append(min(num_epochs, max(rungs[-1] + 1, rungs[-1] * 3 // 2)))
    return rungs


def min_epochs(steps_per_epoch: int, warmup_epochs: float = 0.0) -> int:
    """The least number of epochs after which a candidate may be stopped.

    Args:
        steps_per_epoch: of the candidate.
        warmup_epochs: of its learning rate (default 0).
    """
    return math.ceil(warmup_epochs + max(MIN_EPOCHS, MIN_STEPS / steps_per_epoch))


def is_clearly_behind(
    behind: TrainingHistory, ahead: TrainingHistory, rung: int, previous: int
) -> bool:
    """Whether a candidate can be stopped because another is clearly better.

    At this rung and at the previous one, the best epoch of `ahead` must be better than that of
    `behind` by more than MIN_LEAD standard errors of the paired difference (`jackknife_error`, with
    users left out in groups). And `behind` must not be catching up: if it gained as much again as
    in the second half of its epochs, it would not reach what `ahead` has now.

    Args:
        behind: of the candidate that may be stopped.
        ahead: of the other candidate; both have their metrics without groups of users.
        rung: number of epochs after which they are compared. Of a training that is over after
            fewer, all epochs count.
        previous: the previous rung, at least 1.
    """
    now, at_half = (_best(behind, epoch)[0] for epoch in (rung, (rung + 1) // 2))
    return now + (now - at_half) < _best(ahead, rung)[0] and all(
        lead_in_errors(ahead, behind, epoch) > MIN_LEAD for epoch in (previous, rung)
    )


def lead_in_errors(ahead: TrainingHistory, behind: TrainingHistory, rung: int) -> float:
    """The difference of the best of the first epochs, in standard errors of it.

    Args:
        ahead: of the candidate that is better if the result is above 0.
        behind: of the other candidate.
        rung: number of epochs.
    """
    (first, first_without), (second, second_without) = _best(ahead, rung), _best(behind, rung)
    error = jackknife_error(first_without - second_without)
    # Without an estimate of the error, nothing is clear.
    return (first - second) / error if error > 0 else 0.0


def best_entry(history: TrainingHistory, rung: int) -> dict[str, Any]:
    """The entry of the best of the first epochs.

    Args:
        history: of a candidate.
        rung: number of epochs.
    """
    return max(history.epochs[:rung], key=history.objective.worth)


def _best(history: TrainingHistory, rung: int) -> tuple[float, np.ndarray]:
    """The best objective in the first epochs, and the same without groups; more is better."""
    entry = best_entry(history, rung)
    sign = 1.0 if history.objective.direction == "max" else -1.0
    without = sign * np.array(history.without_groups[entry["epoch"] - 1])
    return history.objective.worth(entry), without
