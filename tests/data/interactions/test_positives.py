"""The rule `positive` on events without a value: true, false or unknown."""

import numpy as np
import pytest

from tfmmrec.data.interactions.positives import apply_rule
from tfmmrec.data.positive import Condition, parse_positive

# All pairs of 1, 0 and an absent value.
TABLE = {"a": [1, 1, 1, 0, 0, 0, None, None, None], "b": [1, 0, None] * 3}


def evaluate(condition: Condition) -> tuple[np.ndarray, np.ndarray]:
    values = TABLE[condition.column]
    holds = [value is not None and condition.holds(value) for value in values]
    return np.array(holds), np.array([value is None for value in values])


# T: a positive; F: not; U: not because a value is absent.
@pytest.mark.parametrize(
    ("rule", "expected"),
    [
        ("a >= 1", "TTTFFFUUU"),
        ("b != 1", "FTUFTUFTU"),
        ("a >= 1 and b >= 1", "TFUFFFUFU"),
        ("a >= 1 or b >= 1", "TTTTFUTUU"),
        ("a >= 1 and b >= 1 or a < 1 and b < 1", "TFUFTUUUU"),
    ],
)
def test_the_rule_is_unknown_if_an_absent_value_could_fulfil_it(rule, expected):
    positive, unknown = apply_rule(parse_positive(rule), evaluate)
    marks = zip(positive.tolist(), unknown.tolist(), strict=True)
    assert "".join("T" if one else "U" if other else "F" for one, other in marks) == expected
    assert not (positive & unknown).any()
