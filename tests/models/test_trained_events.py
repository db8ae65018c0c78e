"""Splits that a model was trained on are refused."""

from types import SimpleNamespace
from typing import Any

import pytest

from tfmmrec.errors import DataError
from tfmmrec.models.trained_events import check_not_trained_on


def bundle(refit: bool, updated: Any = None) -> Any:
    return SimpleNamespace(config=SimpleNamespace(refit=refit), updated=updated)


def test_a_split_of_the_training_is_refused():
    check_not_trained_on(bundle(True), "test")
    check_not_trained_on(bundle(False), "valid")
    with pytest.raises(DataError, match=r"split valid: the model was trained on it \(refit\)"):
        check_not_trained_on(bundle(True), "valid")


def test_an_updated_run_is_refused_where_it_was_trained_on_events_of_the_split(capsys):
    numbers = {"trained_events": {"valid": 3, "test": 0}}
    check_not_trained_on(bundle(True, numbers), "test")
    with pytest.raises(DataError, match="split valid: the model was trained on 3 of its positives"):
        check_not_trained_on(bundle(True, numbers), "valid")
    assert capsys.readouterr().err == ""
    check_not_trained_on(bundle(True, {"trained_events": None}), "valid")
    assert "if it was trained on events of valid, the figures are too high" in (
        capsys.readouterr().err
    )
