"""Updates a run to newer data: the same weights, with new items, users and events."""

import dataclasses
import os
import shutil
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from tfmmrec.data.dataset import Dataset, EntityName
from tfmmrec.data.storage import atomic_folder, refuse_existing
from tfmmrec.data.vocabulary import read_vocabulary
from tfmmrec.encoders.encoded_features import open_entities
from tfmmrec.errors import DataError
from tfmmrec.models.bundle import ModelBundle, build_model, open_bundle
from tfmmrec.models.model_spec import parse_model_spec
from tfmmrec.models.moved_weights import move_weights, restore_finetuned
from tfmmrec.models.output_path import check_output_path
from tfmmrec.models.run_file import read_run
from tfmmrec.models.run_folder import (
    CATALOG,
    ITEM_IDS,
    USER_IDS,
    read_config,
    read_weights,
    save_run,
    saved_encoders,
)
from tfmmrec.models.trained_events import count_trained_events
from tfmmrec.models.training_events import TrainingStatistics

_HISTORY = "history.json"
# How values are written in tables; the packed values, which the model reads, do not depend on it.
_OF_TABLES = ("separator", "optional")


def update(
    run: str | Path, data: str | Path, out: str | Path, *, quiet: bool = False
) -> dict[str, dict[str, int]]:
    """Writes a run with the weights of another run, for newer data. Nothing is trained.

    Items and users are matched by id. New items are embedded by their content, as cold-start items
    are, and new users by their history. What was fitted in training stays: vocabularies (a category
    that they lack is unknown), bin edges, PCA and normalization, and the number of training events
    of each item, which opens the gate of its id embedding. New events of a known item are not
    counted there, since its id embedding has not been trained on them; they are in histories.

    Args:
        run: a run folder.
        data: a data folder with the features that the model reads.
        out: the run folder to write.
        quiet: no progress bars while new values are encoded.

    Returns:
        The numbers of `kept`, `new` and `removed` rows, for `items` and `users`.

    Raises:
        DataError: `out` exists, or the data lacks a feature of the model, or declares it in
            another way.
    """
    run, out = Path(run), Path(out)
    refuse_existing(out)
    check_output_path("--out", out)
    content = read_run(run)
    config = read_config(run, content, quiet=quiet)
    dataset = Dataset(Path(data), cache=config.cache)
    _check_features(run, content, dataset)
    _check_repeats(run, content, dataset)
    _share_encodings(Path(content["data"]), dataset, config.cache)
    items = _OldRows(read_vocabulary(run / ITEM_IDS), dataset.item_ids)
    users = _OldRows(read_vocabulary(run / USER_IDS), dataset.user_ids)
    bundle = _moved_bundle(run, content, dataset, config, items, users)
    counts = {"items": items.numbers(), "users": users.numbers()}
    trained = content.get("updated", {}).get("trained_on") or {
        name: content[name] for name in ("data", "manifest_sha256")
    }
    updated = {
        "from": str(run.resolve()),
        "trained_on": trained,
        "trained_events": count_trained_events(trained, config.train_splits, dataset),
        **counts,
    }
    with atomic_folder(out) as folder:
        if (run / _HISTORY).is_file():
            shutil.copy(run / _HISTORY, folder / _HISTORY)
        # The config of the training, without the changes that `read_config` makes to serve.
        config = dataclasses.replace(config, precision=content["config"]["precision"], quiet=False)
        save_run(
            folder,
            dataclasses.replace(bundle, config=config),
            content["metrics"],
            updated=updated,
        )
    return counts


class _OldRows:
    """The rows that the rows of a new vocabulary had in an old one.

    Args:
        old: ids by old row.
        new: ids by new row.

    Attributes:
        rows: int64 `[new]`, old rows, -1 where the id is new.
    """

    def __init__(self, old: list[str], new: list[str]):
        by_id = {identity: row for row, identity in enumerate(old)}
        self.rows = np.array([by_id.get(identity, -1) for identity in new], np.int64)
        self._num_old = len(old)

    def take(self, values: np.ndarray) -> np.ndarray:
        """Moves the values of old rows `[old, …]` to new rows; zeros for new ids."""
        moved = np.zeros([len(self.rows), *values.shape[1:]], values.dtype)
        moved[self.rows >= 0] = values[self.rows[self.rows >= 0]]
        return moved

    def numbers(self) -> dict[str, int]:
        kept = int((self.rows >= 0).sum())
        return {"kept": kept, "new": len(self.rows) - kept, "removed": self._num_old - kept}


def _moved_bundle(
    run: Path,
    content: Mapping[str, Any],
    dataset: Dataset,
    config: Any,
    items: _OldRows,
    users: _OldRows,
) -> ModelBundle:
    """The model of a run with its rows moved to those of the new data."""
    num_landmarks = content["model"]["num_landmarks"]
    old = TrainingStatistics.load(run / CATALOG, content["model"]["statistics"])
    statistics = dataclasses.replace(
        old,
        counts=items.take(old.counts),
        known_users=users.take(old.known_users),
        labeled_items=items.take(old.labeled_items),
        never_chosen=items.take(old.never_chosen),
        labeled_users=users.take(old.labeled_users),
    )
    item_features = open_entities(dataset, "items", config, saved_encoders(run, content, "items"))
    user_features = open_entities(dataset, "users", config, saved_encoders(run, content, "users"))
    bundle = open_bundle(
        dataset, config, item_features, user_features, statistics, num_landmarks=num_landmarks
    )
    source = build_model(
        config,
        parse_model_spec(dataset, config, item_features.modalities),
        (item_features.features(), user_features.features()),
        old,
        num_landmarks=num_landmarks,
        ranks_histories=dataset.schema.ranks_histories,
    )
    read_weights(run, source)
    move_weights(source, bundle.model, items.take, users.take)
    restore_finetuned(run, bundle.model)
    return bundle


def _check_features(run: Path, content: Mapping[str, Any], dataset: Dataset) -> None:
    """Raises DataError if a feature of the model is missing, or is declared differently."""
    entities: tuple[EntityName, ...] = ("items", "users")
    for entity in entities:
        declared = dataset.features(entity)
        for feature in content["model"]["features"][entity]:
            name = feature["name"]
            if name not in declared:
                raise DataError(
                    f"{dataset.folder}: {entity} have no feature {name!r}, which the model of "
                    f"{run} reads"
                )
            new, old = declared[name].options(), feature["declared"]
            for key in sorted({*new, *old} - {*_OF_TABLES}):
                if new.get(key) != old.get(key):
                    raise DataError(
                        f"{dataset.folder}: {entity}.{name}: {key} is {new.get(key)!r}, but the "
                        f"model of {run} was trained with {old.get(key)!r}; pack it likewise, or "
                        "train again"
                    )


def _check_repeats(run: Path, content: Mapping[str, Any], dataset: Dataset) -> None:
    """Raises DataError if the model cannot rank histories and should, or the reverse."""
    new, old = dataset.schema.ranks_histories, content["model"]["ranks_histories"]
    if new != old:
        own_items = {False: "left out", True: "candidates"}
        raise DataError(
            f"{dataset.folder}: by interactions.repeats and interactions.kinds, items that a user "
            f"chose or viewed are {own_items[new]}, but the model of {run} was trained with them "
            f"{own_items[old]}; pack it likewise, or train again"
        )


def _share_encodings(old: Path, dataset: Dataset, cache: str | None) -> None:
    """Links the stored encodings of the old data folder, so that only new values are encoded."""
    stored = (Path(cache) if cache else old / "cache") / "values"
    for part in stored.glob("*/*.npz"):
        link = dataset.cache / "values" / part.parent.name / part.name
        if not link.exists():
            link.parent.mkdir(parents=True, exist_ok=True)
            try:
                os.link(part, link)
            except OSError:  # on another disk
                shutil.copy(part, link)
