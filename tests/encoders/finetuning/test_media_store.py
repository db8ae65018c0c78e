"""The raw values of a feature by row: complete, in any order, written atomically."""

from pathlib import Path

import numpy as np
import pytest

from tests.encoders.finetuning.worlds import TITLES, pack_titles, row_of
from tfmmrec.data.dataset import Dataset
from tfmmrec.encoders.finetuning import MediaStore


@pytest.fixture
def dataset(tmp_path: Path) -> Dataset:
    return pack_titles(tmp_path)


def raw_folders(dataset: Dataset) -> list[Path]:
    return list((dataset.folder / "cache").glob("*"))


def test_any_rows_in_any_order(dataset: Dataset) -> None:
    raw = MediaStore(dataset, "items", "title")
    rows = np.array([row_of(dataset, n) for n in (3, 2, 0, 3)], np.int32)
    assert raw.take(rows).tolist() == [b"ccc", b"", b"ab", b"ccc"]
    assert raw.take(rows[:0]).tolist() == []
    here = [bool(title) for title in TITLES]
    assert raw.present[[row_of(dataset, n) for n in range(len(TITLES))]].tolist() == here
    # Files are larger than 2 GB.
    assert raw.offsets.dtype == np.int64
    assert raw.offsets[-1] == sum(len(title) for title in TITLES)


def test_it_is_written_once_and_anew_for_other_data(dataset: Dataset, tmp_path: Path) -> None:
    MediaStore(dataset, "items", "title")
    (folder,) = raw_folders(dataset)
    written = (folder / "values.bin").stat().st_mtime_ns
    MediaStore(dataset, "items", "title")
    assert (folder / "values.bin").stat().st_mtime_ns == written
    (tmp_path / "other").mkdir()
    other = pack_titles(tmp_path / "other", ["z", *TITLES[1:]])
    (dataset.folder / "cache").rename(other.folder / "cache")
    row = np.array([row_of(other, 0)])
    assert MediaStore(other, "items", "title").take(row).tolist() == [b"z"]
    assert len(raw_folders(other)) == 2


def test_nothing_stays_of_a_writing_that_was_stopped(dataset: Dataset, monkeypatch) -> None:
    def stop(*_: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr("tfmmrec.encoders.finetuning.media_store.np.save", stop)
    with pytest.raises(KeyboardInterrupt):
        MediaStore(dataset, "items", "title")
    assert raw_folders(dataset) == []
    monkeypatch.undo()
    assert MediaStore(dataset, "items", "title").present.sum() == sum(map(bool, TITLES))


def test_nothing_at_all(tmp_path: Path) -> None:
    raw = MediaStore(pack_titles(tmp_path, [""] * 6), "items", "title")
    assert not raw.present.any()
    assert raw.take(np.array([0, 5])).tolist() == [b"", b""]
