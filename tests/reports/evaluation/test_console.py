"""Tests of an evaluation on the console."""

from tfmmrec.reports.evaluation.console import _slice_lines
from tfmmrec.reports.evaluation.tables import options_table


def slice_of(name, targets, worse=True):
    own = {"group": "genre", "name": name, "targets": targets, "worse": worse}
    return {**own, "mean": 0.1, "low": 0.05, "high": 0.15}


def test_only_the_largest_of_many_worse_slices_are_printed():
    slices = [slice_of("a", 20), slice_of("b", 50), slice_of("c", 900, worse=False)]
    assert [line.split(":")[2] for line in _slice_lines(slices)] == [" b", " a"]
    *lines, rest = _slice_lines([*slices, slice_of("d", 30), slice_of("e", 40)])
    assert [line.split(":")[2] for line in lines] == [" b", " e", " d"]
    assert rest == "  and 1 smaller ones; model_card.md and --report have all"


def test_options_without_effect_on_a_model_are_not_compared():
    configs = {"a": {"quiet": True, "cache": None, "dim": 4}, "b": {"quiet": False, "dim": 8}}
    assert options_table(configs).rows == [["dim", "4", "8"]]
