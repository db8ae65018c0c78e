"""Exports a data folder's schema as TensorFlow Metadata, for TFX and TensorFlow Transform.

A TensorFlow Metadata schema describes one kind of Example, so items, users and interactions each
have a file of their own.
"""

from pathlib import Path
from typing import Any

import numpy as np
import tensorflow as tf
from google.protobuf import text_format
from tensorflow_metadata.proto.v0 import schema_pb2

from tfmmrec.data.dataset import Dataset, EntityName
from tfmmrec.data.interactions.records import event_features
from tfmmrec.errors import DataError

_TYPES = {
    tf.string: schema_pb2.BYTES,
    tf.float32: schema_pb2.FLOAT,
    tf.int64: schema_pb2.INT,
}


def write_schemas(dataset: Dataset, folder: Path) -> None:
    """Writes items.pbtxt, users.pbtxt and interactions.pbtxt, replacing existing files.

    Raises:
        DataError: a file cannot be written.
    """
    schemas = {
        "items": entity_schema(dataset, "items"),
        "users": entity_schema(dataset, "users"),
        "interactions": interaction_schema(dataset),
    }
    try:
        folder.mkdir(parents=True, exist_ok=True)
        for name, schema in schemas.items():
            text = text_format.MessageToString(schema, as_utf8=True)
            (folder / f"{name}.pbtxt").write_text(text, encoding="utf-8")
    except OSError as error:
        raise DataError(f"{folder}: cannot be written: {error.strerror}") from None


def entity_schema(dataset: Dataset, entity: EntityName) -> schema_pb2.Schema:
    """Returns the schema of the features of items or users."""
    schema = schema_pb2.Schema()
    count = dataset.count(entity)
    _add(schema, "id", tf.io.FixedLenFeature([], tf.string), present=count, count=count)
    for name, modality in dataset.features(entity).items():
        counted = dataset.statistics[entity]["features"][name]
        feature = _add(schema, name, modality.parsing(), present=counted["present"], count=count)
        feature.annotation.tag.append(modality.kind)
        categories = dataset.categories(entity, name)
        modality.add_domain(feature, counted, categories)
    return schema


def interaction_schema(dataset: Dataset) -> schema_pb2.Schema:
    """Returns the schema of the interactions; a record contains the interactions of one user."""
    schema = schema_pb2.Schema()
    kinds = dataset.schema.kinds
    for name, parsing in event_features(kinds).items():
        _add(schema, name, parsing, present=1, count=1)
    features = {feature.name: feature for feature in schema.feature}
    bounds = {"user": dataset.count("users"), "item": dataset.count("items"), "positive": 2}
    if kinds:
        bounds["kind"] = len(kinds.names)
    for name, bound in bounds.items():
        features[name].int_domain.min, features[name].int_domain.max = 0, bound - 1
    features["order"].int_domain.min = 0
    if dataset.schema.has_time:
        features["time"].time_domain.integer_format = schema_pb2.TimeDomain.UNIX_MILLISECONDS
    return schema


def _add(
    schema: schema_pb2.Schema, name: str, parsing: Any, *, present: int, count: int
) -> schema_pb2.Feature:
    """Adds a feature: type and shape as parsed, and the share of records that have it."""
    feature = schema.feature.add(name=name, type=_TYPES[parsing.dtype])
    feature.presence.min_fraction = present / max(1, count)
    feature.presence.min_count = min(1, present)
    fixed = isinstance(parsing, tf.io.FixedLenFeature)
    if fixed and present == count:
        feature.shape.SetInParent()
        for dimension in parsing.shape:
            feature.shape.dim.add(size=dimension)
    else:
        # A fixed shape would state that every record has the feature.
        feature.value_count.min = 1
        if fixed:
            feature.value_count.min = feature.value_count.max = int(np.prod(parsing.shape))
    return feature
