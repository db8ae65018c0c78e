"""The delete-a-group jackknife."""

import numpy as np


def jackknife_error(without: np.ndarray) -> float:
    """Computes the standard error of a metric from its values without one group each.

    sqrt((n - 1) / n · Σ (without_g - mean)²), which suits any smooth metric, including the
    difference between two models (Kott, "The Delete-a-Group Jackknife", Journal of Official
    Statistics 17(4), 2001).

    Args:
        without: the metric without each group, float `[n]`. The groups are of about equal size, and
            each user is in exactly one of them.
    """
    n = len(without)
    return float(np.sqrt((n - 1) / n * np.sum((without - np.mean(without)) ** 2)))
