"""The ranks of a run's targets, kept in its folder to be compared with those of other runs."""

import zipfile
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from tfmmrec.evaluation.ranked import MODEL, Ranked
from tfmmrec.folders import checksum
from tfmmrec.runs import RUN

# By part: rows of users and of items, and the model's ranks, each `[targets]`.
KeptRanks = dict[str, tuple[np.ndarray, np.ndarray, np.ndarray]]


def save_ranks(run: Path, split: str, ranked: Sequence[Ranked]) -> None:
    """Writes `ranks.SPLIT.npz` whole or not at all."""
    columns = {"run": np.array(checksum(run / RUN))}
    for own in ranked:
        columns[f"{own.part}.user"] = own.targets.user
        columns[f"{own.part}.item"] = own.targets.item
        columns[f"{own.part}.rank"] = own.ranks[MODEL]
    partial = run / f".ranks.{split}.partial.npz"
    np.savez_compressed(partial, **columns)
    partial.replace(_path(run, split))


def load_ranks(run: Path, split: str) -> KeptRanks | None:
    """Reads them; None where there are none, or those of another training or of half a file."""
    try:
        with np.load(_path(run, split)) as file:
            if str(file["run"]) != checksum(run / RUN):
                return None
            parts = [name.removesuffix(".rank") for name in file.files if name.endswith(".rank")]
            return {
                part: (file[f"{part}.user"], file[f"{part}.item"], file[f"{part}.rank"])
                for part in parts
            }
    except (OSError, ValueError, KeyError, zipfile.BadZipFile):
        return None


def _path(run: Path, split: str) -> Path:
    return run / f"ranks.{split}.npz"
