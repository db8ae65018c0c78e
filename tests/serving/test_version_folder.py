"""The version to serve, and what a folder without one is instead."""

from pathlib import Path

import pytest

from tfmmrec.errors import DataError
from tfmmrec.serving.version_folder import newest_version


def write(folder: Path, *names: str) -> Path:
    """Creates empty files, with their folders."""
    for name in names:
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).touch()
    return folder


def test_the_highest_number_is_served(tmp_path):
    # The next version is being written, and 9 is a copy that is not complete.
    names = ("2/saved_model.pb", "0010/saved_model.pb", ".11.x7k2/saved_model.pb", "9/variables/a")
    assert newest_version(write(tmp_path, *names)) == tmp_path / "0010"


@pytest.mark.parametrize(
    ("names", "reason"),
    [
        ([".1.x7k2/saved_model.pb"], "no complete version; an export is writing .1.x7k2, or was"),
        (["1/variables/a"], "version 1 has no saved_model.pb, so it is not complete"),
        (["saved_model.pb"], "is a version of a model; give the folder that it is in"),
        (["run.json"], "is a run; tfmmrec export"),
        (["films/1/saved_model.pb"], "is a folder of models; give one of them, such as .*films$"),
        (["readme.txt"], "no version here, such as 1/; give MODELS/NAME"),
        ([".git/config"], "no version here"),
    ],
)
def test_a_folder_without_a_version_says_what_it_is(names, reason, tmp_path):
    with pytest.raises(DataError, match=reason):
        newest_version(write(tmp_path, *names))


def test_a_folder_that_does_not_exist_is_refused(tmp_path):
    with pytest.raises(DataError, match="no such folder; give MODELS/NAME, which tfmmrec export"):
        newest_version(tmp_path / "none")
