"""The raw values of one feature in one file with random access."""

from pathlib import Path

import numpy as np
import tensorflow as tf

from tfmmrec.data.dataset import Dataset, EntityName
from tfmmrec.data.plain_names import plain_name
from tfmmrec.data.storage import fingerprint
from tfmmrec.data.whole_folder import whole_folder

_CHUNK = 1024


class MediaStore:
    """Raw values of a feature by row: texts, or the bytes of image and audio files.

    TFRecords can only be read sequentially, but training needs the media of some hundred random
    items per step. So they are copied once into one file of the cache, which is memory-mapped: the
    operating system caches what is read often, and the catalog may be larger than memory.

    Args:
        dataset: the data folder.
        entity: `items` or `users`.
        feature: a single-valued text, image or audio feature.

    Attributes:
        present: bool `[rows]`, whether the row has a value.
        offsets: int64 `[rows + 1]`; the value of row r is the bytes from `offsets[r]` to
            `offsets[r + 1]`.
    """

    def __init__(self, dataset: Dataset, entity: EntityName, feature: str):
        content = [
            feature,
            dataset.features(entity)[feature].options(),
            dataset.entity_checksums(entity),
        ]
        folder = dataset.cache / f"raw.{entity}.{plain_name(feature)}.{fingerprint(content)[:24]}"
        whole_folder(folder, lambda partial: _write(partial, dataset, entity, feature))
        self.offsets = np.load(folder / "offsets.npy")
        self.present = np.diff(self.offsets) > 0
        path = folder / "values.bin"
        # An empty file cannot be mapped.
        self._bytes = np.memmap(path, np.uint8, "r") if path.stat().st_size else np.zeros(0, "u1")

    def take(self, rows: np.ndarray) -> np.ndarray:
        """Reads the values of some rows, an array of bytes objects; "" where absent."""
        values = np.empty(len(rows), object)
        for position, row in enumerate(rows):
            values[position] = self._bytes[self.offsets[row] : self.offsets[row + 1]].tobytes()
        return values


def _write(folder: Path, dataset: Dataset, entity: EntityName, feature: str) -> None:
    modality = dataset.features(entity)[feature]
    lengths = [np.zeros(1, np.int64)]
    with (folder / "values.bin").open("wb") as file:
        for values in dataset.values(entity, feature, dataset.rows_per_chunk(entity, _CHUNK)):
            served = modality.servable_values(values)
            for value in served.numpy():
                file.write(value)
            lengths.append(tf.strings.length(served).numpy().astype(np.int64))
    np.save(folder / "offsets.npy", np.cumsum(np.concatenate(lengths)))
