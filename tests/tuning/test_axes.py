"""Positions of values on the axes of hyperparameters."""

import pytest

from tfmmrec.tuning.axes import OFF, axis_of, varying

RATE = {"name": "rate", "type": "float", "min": 0.001, "max": 0.1, "sampling": "log"}
UNITS = {"name": "units", "type": "int", "min": 10, "max": 50, "sampling": "linear"}
KIND = {"name": "kind", "type": "choice", "values": ["weighted", "gated", "late"]}
SIZE = {"name": "size", "type": "choice", "values": [128, 16]}
FLAG = {"name": "flag", "type": "boolean"}
FIXED = {"name": "dim", "type": "fixed", "values": [8]}


@pytest.mark.parametrize(
    ("described", "value", "place"),
    [
        # 0.01 is ten times the least, and a tenth of the greatest.
        (RATE, 0.01, 0.5),
        # (20 - 10) / (50 - 10)
        (UNITS, 20, 0.25),
        (KIND, "weighted", 0.0),
        (KIND, "gated", 0.5),
        # Numbers are in their order, whatever they are declared in.
        (SIZE, 16, 0.0),
        (FLAG, True, 1.0),
        (FLAG, None, OFF),
    ],
)
def test_positions_of_values(described, value, place):
    values = {} if value is None else {described["name"]: value}
    assert axis_of(described, []).position(values) == pytest.approx(place)


def test_only_texts_are_categorical():
    named = [axis_of(own, []).is_categorical for own in (RATE, UNITS, KIND, SIZE, FLAG)]
    assert named == [False, False, True, False, False]


def test_ticks_of_an_axis():
    assert [text for _, text in axis_of(RATE, []).ticks()] == ["0.001", "0.01", "0.1"]
    assert axis_of(FLAG, []).ticks() == [(0.0, "false"), (1.0, "true")]


def test_values_outside_of_a_range_widen_it():
    trials = [{"values": {"units": 90, "kind": "other"}}]
    # (50 - 10) / (90 - 10), and the second of four.
    assert axis_of(UNITS, trials).position({"units": 50}) == pytest.approx(0.5)
    assert axis_of(KIND, trials).position({"kind": "gated"}) == pytest.approx(1 / 3)


def test_an_axis_varies_if_only_some_trials_have_it():
    trials = [{"values": {"units": 20, "size": 16, "dim": 8}}, {"values": {"size": 16}}]
    space = [UNITS, SIZE, FLAG, FIXED]
    assert [axis.name for axis in varying(space, trials)] == ["units"]
