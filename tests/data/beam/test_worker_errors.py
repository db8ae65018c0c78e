"""The messages of workers: one line each, and none into a folder that the launcher removed."""

import pytest

from tfmmrec.data.beam.worker_errors import WorkerErrors
from tfmmrec.errors import DataError


def test_the_message_of_an_error_is_kept_and_the_error_goes_on(tmp_path):
    errors = WorkerErrors(tmp_path / "errors")
    assert errors.message() is None
    with pytest.raises(DataError), errors.reporting():
        raise DataError("items.csv: no column 'year'")
    assert errors.message() == "items.csv: no column 'year'"


def test_an_error_that_is_not_ours_is_one_line_with_its_class(tmp_path):
    errors = WorkerErrors(tmp_path / "errors")
    with pytest.raises(ValueError, match="one"), errors.reporting():
        raise ValueError("one\ntwo")
    assert errors.message() == "a worker failed: ValueError: one two"


def test_a_folder_that_is_gone_is_not_created_again(tmp_path):
    errors = WorkerErrors(tmp_path / "job" / "errors")
    with pytest.raises(DataError), errors.reporting():
        raise DataError("late")
    assert not list(tmp_path.iterdir())
