"""A data folder's schema as TensorFlow Metadata states one, for TFX and TensorFlow Transform.

That knows one kind of Example at a time, so that there is a file for the items, one for the users
and one for the interactions.
"""

import functools
from pathlib import Path
from typing import Any

import numpy as np
import tensorflow as tf
from google.protobuf import text_format
from tensorflow_metadata.proto.v0 import schema_pb2

from tfmmrec.data.dataset import EVENT_FEATURES, Dataset, EntityName
from tfmmrec.errors import DataError
from tfmmrec.modalities import Audio, Categorical, Image, Modality, Number, Text

_TYPES = {
    tf.string: schema_pb2.BYTES,
    tf.float32: schema_pb2.FLOAT,
    tf.int64: schema_pb2.INT,
}


def write_schemas(dataset: Dataset, folder: Path) -> None:
    """Writes items.pbtxt, users.pbtxt and interactions.pbtxt; those there are replaced.

    Raises:
        DataError: they cannot be written.
    """
    schemas = {
        "items": side_schema(dataset, "items"),
        "users": side_schema(dataset, "users"),
        "interactions": interaction_schema(dataset),
    }
    try:
        folder.mkdir(parents=True, exist_ok=True)
        for name, schema in schemas.items():
            text = text_format.MessageToString(schema, as_utf8=True)
            (folder / f"{name}.pbtxt").write_text(text, encoding="utf-8")
    except OSError as error:
        raise DataError(f"{folder}: cannot be written: {error.strerror}") from None


def side_schema(dataset: Dataset, side: EntityName) -> schema_pb2.Schema:
    """States the features of items or users."""
    schema = schema_pb2.Schema()
    count = dataset.count(side)
    _add(schema, "id", tf.io.FixedLenFeature([], tf.string), present=count, count=count)
    for name, modality in dataset.features(side).items():
        counted = dataset.statistics[side]["features"][name]
        feature = _add(schema, name, modality.parsing(), present=counted["present"], count=count)
        feature.annotation.tag.append(modality.kind)
        categories = dataset.categories(side, name)
        add_domain(modality, feature, {**counted, "vocabulary": categories})
    return schema


def interaction_schema(dataset: Dataset) -> schema_pb2.Schema:
    """States the columns of the interactions, of which a record holds those of one user."""
    schema = schema_pb2.Schema()
    for name, parsing in EVENT_FEATURES.items():
        _add(schema, name, parsing, present=1, count=1)
    features = {feature.name: feature for feature in schema.feature}
    bounds = {"user": dataset.count("users"), "item": dataset.count("items"), "positive": 2}
    for name, bound in bounds.items():
        features[name].int_domain.min, features[name].int_domain.max = 0, bound - 1
    features["order"].int_domain.min = 0
    if dataset.schema.has_time:
        features["time"].time_domain.integer_format = schema_pb2.TimeDomain.UNIX_MILLISECONDS
    return schema


def _add(
    schema: schema_pb2.Schema, name: str, parsing: Any, *, present: int, count: int
) -> schema_pb2.Feature:
    """Adds a feature: its type and shape as it is parsed, and how many records have it."""
    feature = schema.feature.add(name=name, type=_TYPES[parsing.dtype])
    feature.presence.min_fraction = present / max(1, count)
    feature.presence.min_count = min(1, present)
    fixed = isinstance(parsing, tf.io.FixedLenFeature)
    if fixed and present == count:
        feature.shape.SetInParent()
        for dimension in parsing.shape:
            feature.shape.dim.add(size=dimension)
    else:
        # A fixed shape says that every record has the feature.
        feature.value_count.min = 1
        if fixed:
            feature.value_count.min = feature.value_count.max = int(np.prod(parsing.shape))
    return feature


@functools.singledispatch
def add_domain(modality: Modality, feature: schema_pb2.Feature, counted: dict[str, Any]) -> None:
    """States what the values of one feature may be; other kinds of modality state nothing.

    Args:
        modality: of the feature.
        feature: gets the domain.
        counted: the feature's statistics, and its categories as `vocabulary`.
    """


@add_domain.register
def _(modality: Text, feature: schema_pb2.Feature, counted: dict[str, Any]) -> None:
    feature.natural_language_domain.SetInParent()


@add_domain.register
def _(modality: Image, feature: schema_pb2.Feature, counted: dict[str, Any]) -> None:
    feature.image_domain.SetInParent()


@add_domain.register
def _(modality: Audio, feature: schema_pb2.Feature, counted: dict[str, Any]) -> None:
    # Older releases of TensorFlow Metadata know no domain of sounds; the tag says it there.
    if "audio_domain" in feature.DESCRIPTOR.fields_by_name:
        feature.audio_domain.SetInParent()


@add_domain.register
def _(modality: Number, feature: schema_pb2.Feature, counted: dict[str, Any]) -> None:
    if counted["present"] and counted.get("quantiles"):
        feature.float_domain.min = counted["quantiles"][0]
        feature.float_domain.max = counted["quantiles"][-1]


@add_domain.register
def _(modality: Categorical, feature: schema_pb2.Feature, counted: dict[str, Any]) -> None:
    feature.value_count.max = max(1, counted.get("most_values", 1))
    feature.string_domain.name = feature.name
    feature.string_domain.value.extend(counted["vocabulary"])
