"""Encode once: outputs of frozen encoders, kept under a key of all that they depend on."""

import dataclasses
import hashlib
import json
from typing import Any

import numpy as np
import tensorflow as tf
import tqdm

from tfmmrec.dataset import Dataset, SideName
from tfmmrec.encoders.base import FeatureEncoder
from tfmmrec.folders import whole_folder, write_json

_CHUNK = 2048
_BATCH = 32


@dataclasses.dataclass(frozen=True)
class Encoded:
    """One feature of every item or user, encoded.

    Attributes:
        outputs: float32 `[rows, dim]` or `[rows, n, dim]`, or int32 `[rows, n]`; zeros where
            absent.
        present: bool `[rows]`.
    """

    outputs: np.ndarray
    present: np.ndarray

    def vectors(self) -> np.ndarray:
        """The vectors that are there, float32 `[vectors, dim]`, each of several by itself."""
        vectors = np.asarray(self.outputs)[self.present]
        if vectors.ndim < 3:
            return vectors
        return vectors[vectors.any(axis=-1)]


def encode_feature(
    dataset: Dataset,
    side: SideName,
    feature: str,
    encoder: FeatureEncoder,
    *,
    quiet: bool = False,
) -> Encoded:
    """Encodes one feature of one side, or reads what an equal encoder gave before."""
    folder = dataset.folder / "cache" / cache_key(dataset, side, feature, encoder)
    if not folder.is_dir():
        if encoder.base is not None:
            below = encode_feature(dataset, side, feature, encoder.base, quiet=quiet)
            encoded = _go_on(encoder, below)
        else:
            encoded = _encode(dataset, side, feature, encoder, quiet)
        with whole_folder(folder, replace=True) as partial:
            np.save(partial / "outputs.npy", encoded.outputs)
            np.save(partial / "present.npy", encoded.present)
            write_json(partial / "encoder.json", {"feature": feature, **encoder.describe()})
    return Encoded(
        outputs=np.load(folder / "outputs.npy", mmap_mode="r"),
        present=np.load(folder / "present.npy"),
    )


def cache_key(dataset: Dataset, side: SideName, feature: str, encoder: FeatureEncoder) -> str:
    """Names a cached output by the encoder, the feature's declaration and the packed values."""
    content = [
        encoder.fingerprint,
        feature,
        dataset.features(side)[feature].options(),
        dataset.side_checksum(side),
    ]
    return f"{side}.{feature}.{hashlib.sha256(json.dumps(content).encode()).hexdigest()[:24]}"


def _go_on(encoder: FeatureEncoder, below: Encoded) -> Encoded:
    """Encodes what another encoder gave."""
    starts = range(0, len(below.present), _CHUNK)
    parts = [encoder.encode_outputs(below.outputs[s : s + _CHUNK]).numpy() for s in starts]
    outputs = np.concatenate(parts)
    outputs[~below.present] = 0.0
    return Encoded(outputs=outputs, present=below.present)


def _encode(
    dataset: Dataset, side: SideName, feature: str, encoder: FeatureEncoder, quiet: bool
) -> Encoded:
    modality = dataset.features(side)[feature]
    encode = encoder.encode
    parsing = modality.parsing()
    if parsing.dtype == tf.string:
        # Text and media go through a whole network, which is worth a graph.
        spec: Any = tf.TensorSpec([None], tf.string)
        if isinstance(parsing, tf.io.RaggedFeature):
            spec = tf.RaggedTensorSpec([None, None], tf.string, 1, parsing.row_splits_dtype)
        encode = tf.function(encode, input_signature=[spec])
    outputs: np.ndarray | None = None
    present = np.zeros(dataset.count(side), bool)
    progress = tqdm.tqdm(
        total=len(present), desc=f"encode {feature}", unit="row", disable=True if quiet else None
    )
    start = 0
    for values in dataset.values(side, feature, dataset.rows_at_a_time(side, _CHUNK)):
        here = modality.present(values).numpy()
        present[start : start + len(here)] = here
        rows = _by_size(values, np.flatnonzero(here))
        for first in range(0, len(rows), _BATCH):
            chosen = rows[first : first + _BATCH]
            batch = tf.gather(values, chosen)
            if batch.dtype == tf.string:
                batch = modality.servable_values(batch)
            encoded = encode(batch).numpy()
            if outputs is None:
                outputs = np.zeros([len(present), *encoded.shape[1:]], encoded.dtype)
            outputs[start + chosen] = encoded
            progress.update(len(chosen))
        progress.update(len(here) - len(rows))
        start += len(here)
    progress.close()
    if outputs is None:
        # Nothing is present: the shape is learnt from what the encoder makes of an absent value.
        encoded = encode(values[:1]).numpy()
        outputs = np.zeros([len(present), *encoded.shape[1:]], encoded.dtype)
    return Encoded(outputs=outputs, present=present)


def _by_size(values: tf.Tensor | tf.RaggedTensor, rows: np.ndarray) -> np.ndarray:
    """Sorts rows by the bytes of their values: texts of like length share a batch's padding."""
    if isinstance(values, tf.Tensor) and values.dtype == tf.string:
        sizes = tf.strings.length(values).numpy()[rows]
        return rows[np.argsort(sizes, kind="stable")]
    return rows
