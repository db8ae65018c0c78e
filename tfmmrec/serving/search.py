"""Search the catalogue by a text, a picture, a sound or an item."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import tensorflow as tf

from tfmmrec.data.dataset import Dataset
from tfmmrec.data.feature_values import parse_record, read_feature_values
from tfmmrec.data.schema import derived_names
from tfmmrec.data.tfrecords import encode_example
from tfmmrec.errors import BrokenValue, ConfigError, DataError
from tfmmrec.modalities import Modality, MultiValued
from tfmmrec.models.run_folder import load_run
from tfmmrec.serving.serving_model import Recommender


def search(
    run: str | Path,
    *,
    text: str | None = None,
    image: str | Path | None = None,
    audio: str | Path | None = None,
    item: str | None = None,
    k: int | None = None,
) -> list[dict[str, Any]]:
    """Finds the items whose content is most like what is given.

    Args:
        run: a run folder.
        text: words; they stand for every text feature of an item.
        image: a picture file.
        audio: a sound file.
        item: the id of an item; its own content is what is searched for.
        k: how many items, no more than there are (default 10, where there are so many).

    Returns:
        `{"item": id, "score": score}` and the item's texts, best first.
    """
    run = Path(run)
    image = None if image is None else Path(image)
    audio = None if audio is None else Path(audio)
    if sum(value is not None for value in (text, image, audio, item)) == 0:
        raise ConfigError("give what to search for: --text, --image, --audio or --item")
    bundle = load_run(run, quiet=True)
    dataset = bundle.dataset
    k = dataset.default_k(k)
    read = bundle.items.modalities
    if not read:
        raise DataError(f"{run}: the model reads no item features to search by")
    if item is not None:
        if item not in dataset.item_rows:
            raise DataError(f"item {item!r} is not in {dataset.folder}")
        row = dataset.item_rows[item]
        if not any(encoded.present[row] for encoded in bundle.items.encodings.values()):
            raise DataError(f"item {item!r} has no content to search by")
        values = read_feature_values(dataset, "items", np.array([row]))
    else:
        values = _given_values(dataset, read, {"text": text, "image": image, "audio": audio})
    values = {name: _servable(dataset, name, value) for name, value in values.items()}
    recommender = Recommender(bundle)
    items, scores = recommender.search(values, tf.constant([k]))
    found = [name.decode() for name in items.numpy()[0] if name]
    texts = item_texts(dataset, found)
    return [
        {"item": name, "score": float(score), **texts[name]}
        for name, score in zip(found, scores.numpy()[0], strict=False)
    ]


def _given_values(
    dataset: Dataset, read: Mapping[str, Modality], given: dict[str, Any]
) -> dict[str, tf.Tensor]:
    """Packs what is given as an item would be, with the steps of its features."""
    features = dataset.schema.items
    derived = derived_names(features)
    packed: dict[str, Any] = {}
    for kind, value in given.items():
        if value is None:
            continue
        asked = [name for name in read if features[name].kind == kind and name not in derived]
        if not asked:
            raise ConfigError(f"--{kind}: the model reads no {kind} of the items")
        for name in asked:
            found = _pack_query(features[name], kind, value)
            packed |= {f"{name}_{suffix}" if suffix else name: v for suffix, v in found.items()}
    return parse_record(dataset, "items", encode_example(packed))


def _pack_query(modality: Modality, kind: str, value: Any) -> dict[str, Any]:
    is_text = kind == "text"
    path = Path(value)
    if not is_text and not path.is_file():
        raise DataError(f"--{kind}: there is no file {path}")
    folder = Path() if is_text else path.resolve().parent
    given: Any = value if is_text else path.name
    if isinstance(modality, MultiValued):
        # In a list it is one value, whatever separator it may hold.
        given = [given]
    try:
        packed = modality.pack(given, folder)
    except BrokenValue as error:
        raise DataError(f"--{kind}: {error}") from None
    if not packed:
        raise ConfigError(f"--{kind}: nothing to search for")
    return packed


def _servable(dataset: Dataset, feature: str, values: tf.Tensor) -> tf.Tensor:
    """Brings stored strings into the form that a served model reads; absent ones stay."""
    modality = dataset.schema.items[feature]
    return modality.servable_values(values) if values.dtype == tf.string else values


def item_texts(dataset: Dataset, names: list[str]) -> dict[str, dict[str, str]]:
    """The texts of some items by id and feature, absent ones left out; several are joined."""
    rows = np.array([dataset.item_rows[name] for name in names], np.int64)
    texts: dict[str, dict[str, str]] = {name: {} for name in names}
    for feature, modality in dataset.schema.items.items():
        if modality.kind != "text" or not names:
            continue
        column = tf.concat(
            list(dataset.values("items", feature, dataset.rows_per_chunk("items"))), axis=0
        )
        found = tf.gather(column, rows)
        if isinstance(found, tf.RaggedTensor):
            found = tf.strings.reduce_join(found, axis=1, separator=" | ")
        for name, value in zip(names, found.numpy(), strict=True):
            if value:
                texts[name][feature] = value.decode("utf-8")
    return texts
