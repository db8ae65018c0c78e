"""Tests of what differs between the options of trainings."""

from tfmmrec.config.differences import changed_options, differing_options

BASE = {
    "dim": 64,
    "fusion": {"kind": "weighted"},
    "negatives": {"source": "in_batch", "num_uniform": 0},
    "encoders": {},
}


def test_only_changes_are_returned_and_a_kind_keeps_its_options():
    assert changed_options(BASE, BASE) == {}
    options = {
        "dim": 32,
        "fusion": {"kind": "weighted", "weights": "searched"},
        "negatives": {"source": "in_batch", "num_uniform": 8},
        "encoders": {"title": "builtin"},
    }
    assert changed_options(options, BASE) == {
        "dim": 32,
        # Without its kind, the weights would have no meaning.
        "fusion": {"kind": "weighted", "weights": "searched"},
        "negatives": {"num_uniform": 8},
        "encoders": {"title": "builtin"},
    }
    # An emptied mapping is a change as well.
    assert changed_options({"encoders": {}}, {"encoders": {"title": "builtin"}}) == {"encoders": {}}


def test_rows_hold_the_options_that_are_not_the_same_in_all():
    other = {**BASE, "dim": 32, "fusion": {"kind": "concat", "units": 8}}
    assert differing_options([BASE, other, BASE]) == {
        "dim": [64, 32, 64],
        "fusion.kind": ["weighted", "concat", "weighted"],
        "fusion.units": ["-", 8, "-"],
    }
    assert differing_options([BASE, BASE]) == {}
