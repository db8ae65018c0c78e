"""The stored values of one feature in one file, to be read in any order."""

import hashlib
import json
from pathlib import Path

import numpy as np
import tensorflow as tf

from tfmmrec.data.dataset import Dataset, EntityName
from tfmmrec.data.storage import shared_folder

_CHUNK = 1024


class RawFile:
    """Values of a feature by row: texts, or the bytes of pictures and sounds.

    Records can only be read one after the other; training wants the media of some hundred items
    a step. So they are written once into one file of the cache, where the system keeps what is
    read often in memory, and a catalogue larger than memory trains too.

    Args:
        dataset: the data folder.
        side: `items` or `users`.
        feature: a text, image or audio feature that holds one value.
    """

    def __init__(self, dataset: Dataset, side: EntityName, feature: str):
        content = [feature, dataset.features(side)[feature].options(), dataset.side_checksum(side)]
        key = hashlib.sha256(json.dumps(content).encode()).hexdigest()[:24]
        folder = dataset.cache / f"raw.{side}.{feature}.{key}"
        if not folder.is_dir():
            with shared_folder(folder) as partial:
                _write(partial, dataset, side, feature)
        self.offsets = np.load(folder / "offsets.npy")
        self.present = np.diff(self.offsets) > 0
        path = folder / "values.bin"
        # A file without a byte cannot be mapped.
        self._bytes = np.memmap(path, np.uint8, "r") if path.stat().st_size else np.zeros(0, "u1")

    def take(self, rows: np.ndarray) -> np.ndarray:
        """Reads the values of some rows, an array of bytes objects; "" where absent."""
        values = np.empty(len(rows), object)
        for place, row in enumerate(rows):
            values[place] = self._bytes[self.offsets[row] : self.offsets[row + 1]].tobytes()
        return values


def _write(folder: Path, dataset: Dataset, side: EntityName, feature: str) -> None:
    modality = dataset.features(side)[feature]
    lengths = [np.zeros(1, np.int64)]
    with (folder / "values.bin").open("wb") as file:
        for values in dataset.values(side, feature, dataset.rows_at_a_time(side, _CHUNK)):
            served = modality.servable_values(values)
            for value in served.numpy():
                file.write(value)
            lengths.append(tf.strings.length(served).numpy().astype(np.int64))
    np.save(folder / "offsets.npy", np.cumsum(np.concatenate(lengths)))
