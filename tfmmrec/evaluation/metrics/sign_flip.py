"""The exact sign-flip test, which needs no minimum number of users."""

import itertools

import numpy as np


def sign_flip_p(differences: np.ndarray) -> float:
    """Computes the exact two-sided p-value of the null hypothesis that the mean is 0.

    If the null hypothesis holds, the difference of each user is as likely to be negative as
    positive. The p-value is the share of all 2^n combinations of signs with a sum at least as far
    from 0 as the observed one, so that it is at least 2^(1 - n) (Fisher 1935, "The Design of
    Experiments"; Smucker et al. 2007, "A comparison of statistical significance tests for
    information retrieval evaluation").

    Args:
        differences: one per user, float `[users]`; at most 20.

    Raises:
        ValueError: there are more than 20 users, or none.
    """
    if not 1 <= len(differences) <= 20:
        raise ValueError(f"The exact test takes 1 to 20 users. Received: {len(differences)}")
    # The signs of the first user are fixed: the other half of the combinations mirrors this one.
    others = itertools.product((-1.0, 1.0), repeat=len(differences) - 1)
    sums = differences[0] + np.array(list(others)) @ differences[1:]
    observed = abs(differences.sum())
    return float(np.mean(np.abs(sums) >= observed - 1e-12 * max(1.0, observed)))


def least_p(differences: np.ndarray) -> float:
    """The least p-value that the exact test can give, 2^(1 - n) for n users who differ."""
    return min(1.0, 2.0 ** (1 - np.count_nonzero(differences)))
