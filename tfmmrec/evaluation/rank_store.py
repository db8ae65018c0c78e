"""Stores the ranks and lists of a run in the run folder, for comparisons with other runs."""

import zipfile
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np

from tfmmrec.data.storage import checksum
from tfmmrec.errors import DataError
from tfmmrec.evaluation.metrics.beyond_accuracy import TopItems
from tfmmrec.evaluation.ranking.segment_result import SegmentResult
from tfmmrec.evaluation.results_cache import ResultsCache
from tfmmrec.evaluation.segments import MODEL
from tfmmrec.models.run_file import RUN


class SegmentRanks(NamedTuple):
    """The model's ranks and lists in one segment.

    Attributes:
        user: rows of users, int32 `[targets]`.
        item: rows of the target items, int32 `[targets]`.
        rank: float64 `[targets]`.
        list_user: rows of the users, each once, `[users]`.
        list_items: rows of their top items, int32 `[users, k]`, see `TopItems`.
    """

    user: np.ndarray
    item: np.ndarray
    rank: np.ndarray
    list_user: np.ndarray
    list_items: np.ndarray

    @property
    def lists(self) -> TopItems:
        """The top items of each user."""
        return TopItems(self.list_user, self.list_items)


# By the name of the segment.
StoredRanks = dict[str, SegmentRanks]


def save_ranks(run: Path, split: str, segments: Sequence[SegmentResult]) -> None:
    """Writes `ranks.SPLIT.npz` atomically."""
    columns: dict[str, np.ndarray] = {}
    for segment in segments:
        targets, lists = segment.targets, segment.lists[MODEL]
        ranks = SegmentRanks(
            targets.user, targets.item, segment.ranks[MODEL], lists.users, lists.items
        )
        columns |= {f"{segment.name}.{column}": own for column, own in ranks._asdict().items()}
    _store(run).save(f"ranks.{split}", columns)


def load_ranks(run: Path, split: str) -> StoredRanks | None:
    """Reads the stored ranks; None if there are none, or if they are damaged or of another model.

    Args:
        run: a run folder.
        split: `valid` or `test`.
    """
    try:
        columns = _store(run).load(f"ranks.{split}") or {}
    except (DataError, OSError, ValueError, zipfile.BadZipFile):
        return None
    segments = [name.removesuffix(".rank") for name in columns if name.endswith(".rank")]
    ranks = {
        name: SegmentRanks(*(columns[f"{name}.{column}"] for column in SegmentRanks._fields))
        for name in segments
    }
    return ranks or None


def _store(run: Path) -> ResultsCache:
    return ResultsCache(run, checksum(run / RUN))
