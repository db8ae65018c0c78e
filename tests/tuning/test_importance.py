"""Hyperparameter importance with planted effects."""

import numpy as np
import pytest

from tfmmrec.tuning.importance import importances

OBJECTIVE = {"name": "ndcg@10", "direction": "max"}
SPACE = [
    {"name": "kind", "type": "choice", "values": ["weighted", "gated", "concat"]},
    {"name": "rate", "type": "float", "min": 0.001, "max": 0.1, "sampling": "log"},
    {"name": "flag", "type": "boolean"},
]


def trial(number, values, value, **changes):
    return {
        "trial": number,
        "stage": "search",
        "values": values,
        "metrics": {"ndcg@10": value},
        **changes,
    }


def sampled(count=30):
    """Random values from the space."""
    draw = np.random.default_rng(0)
    return [
        {
            "kind": str(draw.choice(["weighted", "gated", "concat"])),
            "rate": float(10 ** draw.uniform(-3, -1)),
            "flag": bool(draw.integers(2)),
        }
        for _ in range(count)
    ]


@pytest.mark.parametrize(
    ("planted", "what"),
    [
        ("rate", lambda own: np.log10(own["rate"])),
        # The middle of three names, which no single step on a line would part.
        ("kind", lambda own: float(own["kind"] == "gated")),
        ("flag", lambda own: float(own["flag"])),
    ],
)
def test_a_single_effect_has_nearly_all_importance(planted, what):
    trials = [trial(n, own, what(own)) for n, own in enumerate(sampled())]
    found = importances(trials, SPACE, OBJECTIVE)
    assert next(iter(found)) == planted and found[planted] > 0.8
    assert set(found) == {"kind", "rate", "flag"}
    assert sum(found.values()) == pytest.approx(1.0)
    assert found == importances(trials, SPACE, {**OBJECTIVE, "direction": "min"})


def test_an_inactive_hyperparameter_has_a_value_of_its_own():
    values = [{**own, "flag": True} for own in sampled()]
    for own in values[::2]:
        del own["flag"]
    trials = [trial(n, own, float("flag" in own)) for n, own in enumerate(values)]
    assert importances(trials, SPACE, OBJECTIVE)["flag"] > 0.8


def test_equal_metrics_have_no_importance():
    trials = [trial(n, own, 0.1) for n, own in enumerate(sampled())]
    assert importances(trials, SPACE, OBJECTIVE) == {"kind": 0.0, "rate": 0.0, "flag": 0.0}


def test_without_variation_or_with_few_trials_it_is_empty():
    same = [trial(n, {"kind": "gated", "rate": 0.01}, n / 10) for n in range(6)]
    assert importances(same, SPACE, OBJECTIVE) == {}
    values = sampled(4)
    assert importances([trial(n, values[n], n / 10) for n in range(3)], SPACE, OBJECTIVE) == {}
    assert importances([trial(n, values[n], n / 10) for n in range(4)], SPACE, OBJECTIVE) != {}


def test_failed_trials_and_reruns_are_ignored():
    trials = [trial(n, own, own["rate"]) for n, own in enumerate(sampled())]
    failed = {"trial": 30, "stage": "search", "values": {"kind": "concat"}, "error": "no memory"}
    others = [
        failed,
        trial(31, {"kind": "gated"}, float("nan")),
        trial(32, {"kind": "gated"}, 9.0, stage="rerun", rerun_of=0, seed=1),
    ]
    assert importances(trials + others, SPACE, OBJECTIVE) == importances(trials, SPACE, OBJECTIVE)
