"""The ranks of a run's targets, kept in its folder to be compared with those of other runs."""

import zipfile
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from tfmmrec.data.storage import checksum
from tfmmrec.errors import DataError
from tfmmrec.evaluation.ranking.segment_result import MODEL, SegmentResult
from tfmmrec.evaluation.results_cache import ResultsCache
from tfmmrec.models.run_folder import RUN

# By part: rows of users and of items, and the model's ranks, each `[targets]`.
StoredRanks = dict[str, tuple[np.ndarray, np.ndarray, np.ndarray]]


def save_ranks(run: Path, split: str, ranked: Sequence[SegmentResult]) -> None:
    """Writes `ranks.SPLIT.npz` whole or not at all."""
    columns = {}
    for own in ranked:
        columns[f"{own.part}.user"] = own.targets.user
        columns[f"{own.part}.item"] = own.targets.item
        columns[f"{own.part}.rank"] = own.ranks[MODEL]
    _kept(run).save(f"ranks.{split}", columns)


def load_ranks(run: Path, split: str) -> StoredRanks | None:
    """Reads them; None where there are none, or those of another training or of half a file."""
    try:
        held = _kept(run).load(f"ranks.{split}") or {}
    except (DataError, OSError, ValueError, zipfile.BadZipFile):
        return None
    parts = [name.removesuffix(".rank") for name in held if name.endswith(".rank")]
    ranks = {p: (held[f"{p}.user"], held[f"{p}.item"], held[f"{p}.rank"]) for p in parts}
    return ranks or None


def _kept(run: Path) -> ResultsCache:
    return ResultsCache(run, checksum(run / RUN))
