"""Whether a model was trained on the events of a split: a run that was updated to newer data."""

import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from tfmmrec.data.dataset import Dataset
from tfmmrec.data.storage import MANIFEST, checksum
from tfmmrec.errors import DataError
from tfmmrec.models.bundle import ModelBundle

_SPLITS = ("valid", "test")


def check_not_trained_on(bundle: ModelBundle, split: str) -> None:
    """Raises DataError if a model was trained on the split that it is to be evaluated on.

    An updated run is refused if the split has positives that were in its training. Where the data
    of the training no longer exists, that is not known, and a line on stderr says so.
    """
    updated = bundle.updated
    if updated is None:
        if bundle.config.refit and split == "valid":
            raise DataError(f"split {split}: the model was trained on it (refit); use test")
        return
    if updated["trained_events"] is None:
        print(
            f"tfmmrec: the run was updated, and the data of its training no longer exists; if it "
            f"was trained on events of {split}, the figures are too high",
            file=sys.stderr,
        )
        return
    number = updated["trained_events"][split]
    if number:
        raise DataError(
            f"split {split}: the model was trained on {number} of its positives before the update; "
            "train again to evaluate it"
        )


def count_trained_events(
    trained_on: Mapping[str, Any], splits: Sequence[str], dataset: Dataset
) -> dict[str, int] | None:
    """Counts the positives of valid and test that are among the positives of a training.

    Args:
        trained_on: `data`, the data folder of the training, and the checksum of its manifest.
        splits: of the training.
        dataset: the data folder whose valid and test splits are examined.

    Returns:
        The number by split; None if the data folder of the training no longer exists as it was.
    """
    folder = Path(trained_on["data"])
    manifest = folder / MANIFEST
    if not manifest.is_file() or checksum(manifest) != trained_on["manifest_sha256"]:
        return None
    trained = _pairs(Dataset(folder), splits)
    return {split: len(_pairs(dataset, [split]) & trained) for split in _SPLITS}


def _pairs(dataset: Dataset, splits: Sequence[str]) -> set[tuple[str, str]]:
    """The ids of user and item of each positive."""
    histories = dataset.histories(splits)
    users = np.repeat(np.arange(dataset.count("users")), np.diff(histories.offsets))
    return {
        (dataset.user_ids[user], dataset.item_ids[item])
        for user, item in zip(users.tolist(), histories.items.tolist(), strict=True)
    }
