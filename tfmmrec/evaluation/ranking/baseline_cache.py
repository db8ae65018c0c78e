"""The cache of baselines: of a run, their ranks depend on the encoded content at most."""

import dataclasses
import hashlib
import json
import zipfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from tfmmrec.data.dataset import Dataset
from tfmmrec.data.storage import MANIFEST, atomic_write, checksum, fingerprint
from tfmmrec.encoders.cache.encoding_table import Encodings
from tfmmrec.evaluation.metrics.beyond_accuracy import TopItems
from tfmmrec.evaluation.ranking.targets import Targets
from tfmmrec.version import __version__, installed_version

# Raised whenever a baseline, or the choice of its hyperparameter, changes.
_BASELINES_VERSION = 3


@dataclasses.dataclass(frozen=True)
class RankedBaselines:
    """The ranks and top items of the baselines in one segment.

    Attributes:
        ranks: by baseline, the rank of each target, float64 `[targets]`.
        lists: by baseline, the top items of each user.
        notes: by baseline, why it is missing or limited, see `Baselines`.
    """

    ranks: Mapping[str, np.ndarray]
    lists: Mapping[str, TopItems]
    notes: Mapping[str, str]


class BaselineCache:
    """The folder `baselines` in the cache of a data folder.

    It has a file per split and segment, and another one for baselines of warm items with content.
    A file is named after a hash of everything that the ranks depend on, so that outdated files are
    never used. Files are written atomically; of processes that write the same file the last one
    wins, with the same content.

    Args:
        dataset: the data folder.
        split: the evaluated split.
        options: other things that the ranks depend on, as JSON.
    """

    def __init__(self, dataset: Dataset, split: str, **options: Any):
        self._folder = dataset.cache / "baselines"
        self._split = split
        self._conditions = {
            "baselines": _BASELINES_VERSION,
            "version": __version__,
            "implicit": installed_version("implicit"),
            "data": checksum(dataset.folder / MANIFEST),
            "split": split,
            **options,
        }

    def load(self, segment: str, targets: Targets, **options: Any) -> RankedBaselines | None:
        """Reads the baselines of a segment; None if they are not there, or damaged.

        Args:
            segment: its name.
            targets: those of the segment.
            options: of this segment, besides those of the cache.
        """
        try:
            with np.load(self._path(segment, options)) as file:
                columns = dict(file)
            names, users = json.loads(str(columns["names"])), columns["users"]
            found = RankedBaselines(
                {name: columns[f"{n}.ranks"] for n, name in enumerate(names)},
                {name: TopItems(users, columns[f"{n}.lists"]) for n, name in enumerate(names)},
                json.loads(str(columns["notes"])),
            )
        except (OSError, ValueError, KeyError, EOFError, zipfile.BadZipFile):
            return None
        complete = all(len(own) == len(targets.user) for own in found.ranks.values())
        return found if names and complete else None

    def save(self, segment: str, found: RankedBaselines, **options: Any) -> None:
        """Writes the baselines of a segment; without effect if the folder cannot be written."""
        columns = {
            "names": np.array(json.dumps(list(found.ranks))),
            "notes": np.array(json.dumps(dict(found.notes))),
        }
        for n, name in enumerate(found.ranks):
            columns["users"] = found.lists[name].users
            columns |= {f"{n}.ranks": found.ranks[name], f"{n}.lists": found.lists[name].items}
        path = self._path(segment, options)
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            with atomic_write(path) as file:
                np.savez(file, **columns)
        except OSError:
            return  # a data folder may be read-only, or the disk full: the next run fits again

    def _path(self, segment: str, options: Mapping[str, Any]) -> Path:
        key = fingerprint({**self._conditions, "segment": segment, **options})
        return self._folder / f"{self._split}.{segment}.{key[:24]}.npz"


def content_fingerprint(encodings: Mapping[str, Encodings]) -> str:
    """Returns the SHA-256 of the encodings that content baselines read."""
    found = hashlib.sha256()
    for name, encoded in encodings.items():
        for part in (np.asarray(encoded.values), encoded.present):
            found.update(f"{name} {part.dtype} {part.shape} ".encode())
            found.update(np.ascontiguousarray(part).data)
    return found.hexdigest()
