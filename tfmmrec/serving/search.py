"""Search of the catalog by a text, an image, an audio file or an item."""

import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import tensorflow as tf

from tfmmrec.data.dataset import Dataset
from tfmmrec.data.feature_values import parse_record, values_by_row
from tfmmrec.data.schema import derived_names
from tfmmrec.data.tfrecords import encode_example
from tfmmrec.errors import BrokenValue, ConfigError, DataError, did_you_mean
from tfmmrec.modalities import Modality, search_options
from tfmmrec.models.feature_table import encode_given
from tfmmrec.models.run_folder import load_run
from tfmmrec.serving.id_lists import unknown_id
from tfmmrec.serving.serving_model import ServingModel


def search(
    run: str | Path,
    *,
    item: str | None = None,
    k: int | None = None,
    **query: str | Path | None,
) -> list[dict[str, Any]]:
    """Finds the items whose content is most similar to a query.

    Args:
        run: a run folder.
        item: the id of an item whose content is the query. It is not among the results.
        k: the number of results, at most the number of items (default 10, or all items if fewer).
        **query: the query by modality, such as `text="a red bicycle"`, or the path of a file,
            `image=Path("bicycle.jpg")`. A text is compared with all text features of the items, of
            which any may fit; `text="title=a red bicycle"` is compared with the feature title only.

    Returns:
        `{"item": id, "score": score, "texts": {feature: text}}` of each item, highest score first.
        The score 1 means the same content; `ContentSearch` says how it is computed.

    Raises:
        ConfigError: the query is empty, or the model reads no feature of its modality.
        DataError: a file or an item does not exist or cannot be used, or the model has no item
            features.
    """
    run = Path(run)
    options = search_options()
    for kind in query:
        if kind not in options:
            raise ConfigError(f"unknown query {kind!r}; the queries are {', '.join(options)}")
    if item is None and all(value is None for value in query.values()):
        names = ", ".join(f"--{kind}" for kind in options)
        raise ConfigError(f"a query is required: {names} or --item")
    bundle = load_run(run, quiet=True)
    dataset = bundle.dataset
    k = dataset.default_k(k)
    modalities = bundle.items.modalities
    if not modalities:
        raise DataError(f"{run}: the model reads no item features to search by")
    left_out = -1
    if item is not None:
        if item not in dataset.item_rows:
            raise unknown_id("item", item, "item", dataset)
        left_out = dataset.item_rows[item]
        if not any(present[left_out] for present in bundle.catalog().present.values()):
            raise DataError(f"item {item!r} has no content to search by")
        serving_model = ServingModel(bundle)
        encoded = serving_model.content_search.item_query(left_out)
    else:
        values = _query_values(dataset, modalities, query)
        serving_model = ServingModel(bundle)
        encoded = serving_model.content_search.query(encode_given(bundle.items, values), values)
    items, scores = serving_model.search_encoded(
        encoded, tf.constant([k]), excluded=tf.constant([[left_out]])
    )
    found = [name.decode() for name in items.numpy()[0] if name]
    texts = item_texts(dataset, found)
    return [
        {"item": name, "score": float(score), "texts": texts[name]}
        for name, score in zip(found, scores.numpy()[0], strict=False)
    ]


def _query_values(
    dataset: Dataset, modalities: Mapping[str, Modality], query: dict[str, Any]
) -> dict[str, tf.Tensor]:
    """Packs a query like an item, with the preprocessing steps of the features.

    Only the features of the query have values, so that no other encoder is loaded.
    """
    features = dataset.schema.items
    derived = derived_names(features)
    packed: dict[str, Any] = {}
    for kind, value in query.items():
        if value is None:
            continue
        names = [name for name in modalities if features[name].kind == kind and name not in derived]
        if not names:
            raise ConfigError(f"--{kind}: the model reads no {kind} of the items")
        if not search_options()[kind].is_file:
            names, value = _one_feature(names, value)
        found: dict[str, Any] = {}
        for name in names:
            parts = _pack_query(features[name], kind, value)
            found |= {f"{name}_{suffix}" if suffix else name: v for suffix, v in parts.items()}
        if not found:
            raise ConfigError(f"--{kind}: nothing to search for")
        packed |= found
    values = parse_record(dataset, "items", encode_example(packed))
    return {name: _servable(dataset, name, values[name]) for name in packed}


def _one_feature(names: list[str], value: str) -> tuple[list[str], str]:
    """Splits FEATURE=VALUE; any other value, which may contain "=", is for all features."""
    named = [name for name in names if value.startswith(f"{name}=")]
    if not named:
        start, equals, _ = value.partition("=")
        if equals:
            known = ", ".join(names)
            print(
                f"tfmmrec: no text feature is named {start!r}, so {value!r} is searched for in "
                f"{known}{did_you_mean(start, names)}",
                file=sys.stderr,
            )
        return names, value
    name = max(named, key=len)
    return [name], value[len(name) + 1 :]


def _pack_query(modality: Modality, kind: str, value: Any) -> dict[str, Any]:
    raw, folder = value, Path()
    if search_options()[kind].is_file:
        path = Path(value)
        if not path.is_file():
            raise DataError(f"--{kind}: there is no file {path}")
        raw, folder = path.name, path.resolve().parent
    if modality.element is not None:
        # A list is not split, even if the query contains the separator.
        raw = [raw]
    try:
        return modality.pack(raw, folder)
    except BrokenValue as error:
        raise DataError(f"--{kind}: {error}") from None


def _servable(dataset: Dataset, feature: str, values: tf.Tensor) -> tf.Tensor:
    """Converts packed strings to the form of a request; missing values are kept."""
    modality = dataset.schema.items[feature]
    return modality.servable_values(values) if values.dtype == tf.string else values


def item_texts(dataset: Dataset, names: list[str]) -> dict[str, dict[str, str]]:
    """The texts of some items by id and feature, absent ones left out; several are joined."""
    rows = {dataset.item_rows[name]: name for name in names}
    texts: dict[str, dict[str, str]] = {name: {} for name in names}
    for feature, modality in dataset.schema.items.items():
        if (modality.element or modality).display != "text":
            continue
        for row, value in values_by_row(dataset, "items", feature, rows).items():
            several = value if isinstance(value, list) else [value]
            texts[rows[row]][feature] = b" | ".join(several).decode("utf-8")
    return texts
