"""The notes below the verdict: which positives are targets, and which were left out."""

from tfmmrec.reports.evaluation.tables import evaluation_notes

METRICS = {
    "split": "test",
    "num_events": 1200,
    "num_repeats": 2,
    "num_both_cold": 0,
    "num_leaking": 0,
}


def test_repeats_are_left_out():
    assert evaluation_notes(METRICS) == [
        "test: 1,200 events, 2 repeats left out (the user chose the item before)"
    ]


def test_the_kinds_of_the_targets_are_named():
    assert evaluation_notes({**METRICS, "target_kinds": ["buy", "rent"]}) == [
        "test: 1,200 events, 2 repeats left out (the user chose or disliked the item before)",
        "Targets are events of kind buy and rent, which have the largest weight",
    ]
