"""Search the catalogue by a text, a picture, a sound or an item."""

from pathlib import Path
from typing import Any

import numpy as np
import tensorflow as tf

from tfmmrec.dataset import Dataset
from tfmmrec.errors import BrokenValue, ConfigError, DataError
from tfmmrec.modalities.media import read_media
from tfmmrec.raw_values import raw_values
from tfmmrec.recommender import Recommender
from tfmmrec.runs import load_run


def search(
    run: Path,
    *,
    text: str | None = None,
    image: Path | None = None,
    audio: Path | None = None,
    item: str | None = None,
    k: int = 10,
) -> list[dict[str, Any]]:
    """Finds the items whose content is most like what is given.

    Args:
        run: a run folder.
        text: words; they stand for every text feature of an item.
        image: a picture file.
        audio: a sound file.
        item: the id of an item; its own content is what is searched for.
        k: how many items.

    Returns:
        `{"item": id, "score": score}` and the item's texts, best first.
    """
    if k < 1:
        raise ConfigError(f"k must be at least 1. Received: {k}")
    if sum(value is not None for value in (text, image, audio, item)) == 0:
        raise ConfigError("give what to search for: --text, --image, --audio or --item")
    assembly = load_run(run, quiet=True)
    dataset = assembly.dataset
    if not dataset.schema.items:
        raise DataError(f"{run}: the items have no features to search by")
    if item is not None:
        if item not in dataset.item_rows:
            raise DataError(f"item {item!r} is not in {dataset.folder}")
        values = raw_values(dataset, "items", np.array([dataset.item_rows[item]]))
        values = {name: _servable(dataset, name, value) for name, value in values.items()}
    else:
        values = _given_values(dataset, {"text": text, "image": image, "audio": audio})
    recommender = Recommender(assembly)
    items, scores = recommender.search(values, tf.constant([k]))
    found = [name.decode() for name in items.numpy()[0] if name]
    texts = item_texts(dataset, found)
    return [
        {"item": name, "score": float(score), **texts[name]}
        for name, score in zip(found, scores.numpy()[0], strict=False)
    ]


def _given_values(dataset: Dataset, given: dict[str, Any]) -> dict[str, tf.Tensor]:
    values = raw_values(dataset, "items", np.array([-1]))
    for kind, value in given.items():
        if value is None:
            continue
        features = [name for name, m in dataset.schema.items.items() if m.kind == kind]
        if not features:
            raise ConfigError(f"--{kind}: the items of {dataset.folder} have no {kind}")
        for feature in features:
            modality = dataset.schema.items[feature]
            try:
                if kind == "text":
                    stored = modality.check(value, dataset.folder)
                else:
                    path = Path(value)
                    data = read_media(path.name, path.resolve().parent)
                    if data is None:
                        raise DataError(f"--{kind}: there is no file {path}")
                    stored = [modality.check_bytes(data)]  # type: ignore[attr-defined]
            except BrokenValue as error:
                raise DataError(f"--{kind}: {error}") from None
            if not stored:
                raise ConfigError(f"--{kind}: nothing to search for")
            values[feature] = tf.constant([modality.servable(stored[0])])  # type: ignore[arg-type]
    return values


def _servable(dataset: Dataset, feature: str, values: tf.Tensor) -> tf.Tensor:
    """Brings stored strings into the form that a served model reads; absent ones stay."""
    modality = dataset.schema.items[feature]
    if values.dtype != tf.string or values.shape.rank != 1:
        return values
    return tf.constant([modality.servable(value) if value else value for value in values.numpy()])


def item_texts(dataset: Dataset, names: list[str]) -> dict[str, dict[str, str]]:
    """The texts of some items by id and feature, absent ones left out."""
    rows = np.array([dataset.item_rows[name] for name in names], np.int64)
    texts: dict[str, dict[str, str]] = {name: {} for name in names}
    for feature, modality in dataset.schema.items.items():
        if modality.kind != "text" or not names:
            continue
        column = tf.concat(list(dataset.values("items", feature, batch_size=4096)), axis=0)
        for name, value in zip(names, tf.gather(column, rows).numpy(), strict=True):
            if value:
                texts[name][feature] = value.decode("utf-8")
    return texts
