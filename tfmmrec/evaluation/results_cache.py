"""Stores measured metrics by name, so that a benchmark measures only what is missing."""

import dataclasses
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from tfmmrec.config.train_config import TrainConfig
from tfmmrec.data.dataset import Dataset
from tfmmrec.data.storage import MANIFEST, atomic_write, checksum
from tfmmrec.errors import DataError

_KEY = "key"


class ResultsCache:
    """A folder with one file of arrays per name, all measured under the same conditions.

    Args:
        folder: created if it does not exist.
        key: identifies the conditions, see `results_key`.
    """

    def __init__(self, folder: Path, key: str):
        self.folder = Path(folder)
        self.key = key
        self.folder.mkdir(parents=True, exist_ok=True)

    def save(self, name: str, results: Mapping[str, np.ndarray]) -> None:
        """Writes the results of a name atomically."""
        with atomic_write(self.folder / f"{name}.npz") as file:
            np.savez(file, **{_KEY: np.array(self.key), **results})

    def load(self, name: str) -> dict[str, np.ndarray] | None:
        """Reads the results of a name; None if there are none.

        Raises:
            DataError: they were measured under other conditions.
        """
        path = self.folder / f"{name}.npz"
        if not path.is_file():
            return None
        with np.load(path) as file:
            results = dict(file)
        if str(results.pop(_KEY, "")) != self.key:
            raise DataError(
                f"{path}: was measured with another config, other data or other options; "
                "remove it or choose another --out"
            )
        return results


def results_key(dataset: Dataset, config: TrainConfig, **options: Any) -> str:
    """Identifies a data folder, a config and the options of a benchmark, for `ResultsCache`."""
    content = {
        "data": checksum(dataset.folder / MANIFEST),
        "config": {**dataclasses.asdict(config), "quiet": True},
        **options,
    }
    return json.dumps(content, sort_keys=True, default=str)
