"""A random sample that is always the same."""

import numpy as np


def fixed_sample(rows: np.ndarray, num: int) -> np.ndarray:
    """Returns at most `num` rows, ascending, drawn without replacement from a fixed seed.

    Args:
        rows: ascending.
        num: the size of the sample; fewer rows are all returned.
    """
    if len(rows) <= num:
        return rows
    return np.sort(np.random.default_rng(0).choice(rows, num, replace=False))
