"""Applies the rule `positive` to events, of which some lack a value that it needs."""

from collections.abc import Callable

import numpy as np

from tfmmrec.data.positive import Condition, PositiveRule


def apply_rule(
    rule: PositiveRule, evaluate: Callable[[Condition], tuple[np.ndarray, np.ndarray]]
) -> tuple[np.ndarray, np.ndarray]:
    """Returns which events are positives, and which are not because a value is absent.

    A condition on an absent value does not hold. As with NULL in SQL, the rule is unknown for an
    event if it does not hold, but might hold with the values that are absent: `a > 1 and b` is
    unknown without `b` if `a` is 2, and false if `a` is 0.

    Args:
        rule: the rule.
        evaluate: returns for a condition where it holds, and where its value is absent; both bool
            `[events]`.

    Returns:
        `positive` and `unknown`, bool `[events]`.
    """
    positive: np.ndarray | bool = False
    possible: np.ndarray | bool = False
    for conditions in rule.alternatives:
        results = [evaluate(condition) for condition in conditions]
        positive |= np.logical_and.reduce([holds for holds, _ in results])
        possible |= np.logical_and.reduce([holds | is_absent for holds, is_absent in results])
    return np.asarray(positive), np.asarray(possible & ~positive)
