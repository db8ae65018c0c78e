"""The data folder: its format is checked before anything else of it is read."""

import json

import numpy as np
import pytest

from tfmmrec.data.dataset import Dataset
from tfmmrec.errors import DataError


def test_a_packed_folder_has_the_current_format(small):
    assert small.manifest["format"] == 3


@pytest.mark.parametrize(("content", "found"), [({}, 1), ({"format": 1}, 1), ({"format": 4}, 4)])
def test_a_folder_with_another_format_is_refused(tmp_path, content, found):
    manifest = {**content, "counts": {}, "files": {}}
    (tmp_path / "MANIFEST.json").write_text(json.dumps(manifest))
    with pytest.raises(DataError) as caught:
        Dataset(tmp_path)
    assert str(caught.value) == (
        f"{tmp_path}: has data format {found}, this version reads 3; pack it again"
    )


def test_a_folder_without_a_manifest_is_no_data_folder(tmp_path):
    with pytest.raises(DataError, match=r"not a data folder \(it has no MANIFEST\.json\)"):
        Dataset(tmp_path)


def test_it_is_shown_as_one_line(small):
    # Twenty users with six events each.
    assert repr(small) == (
        f"Dataset({str(small.folder)!r}: 10 items with title, plot, genre, year; 20 users, "
        "120 interactions)"
    )


def test_a_view_has_the_events_of_some_users(small):
    mask = np.arange(small.count("users")) < 3
    view = small.of_users(mask)
    for split in ("train", "valid", "test"):
        events = small.events(split)
        np.testing.assert_array_equal(view.events(split).item, events.item[events.user < 3])
        assert (view.events(split).user < 3).all()
    assert view.count("users") == small.count("users") and view.whole is view
