"""Embeddings of the whole catalog, computed in one pass over the items."""

import contextlib
import dataclasses
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import tensorflow as tf

from tfmmrec.data.array_file import ArrayFile
from tfmmrec.encoders.cache.half_precision import MIN_WIDTH
from tfmmrec.layers.feature_projections import Feature, FeatureProjections
from tfmmrec.layers.unit_length import unit_length
from tfmmrec.models.embedding_model import EmbeddingModel


@dataclasses.dataclass(frozen=True)
class CatalogEmbeddings:
    """The embeddings of all items.

    Attributes:
        item: float32 `[items, width]`, of content and id, or of the cold-start regression; what
            queries are scored against.
        content: float32 `[items, width]`, the fused content without ids, scaled to length 1; zeros
            without content.
        contrastive: float32 `[items, dim]`, the mean of the text, image and audio embeddings of an
            item, scaled to length 1, in the space of the cross-modal contrastive loss; None if the
            items have no features.
        encodings: by feature, `[items, encoding width]`: standardized encodings, scaled to length
            1, of features with vectors; zeros if missing. float16, or float32 if they have fewer
            than 16 components.
        present: by feature, bool `[items]`, whether the item has the feature.
    """

    item: np.ndarray
    content: np.ndarray
    contrastive: np.ndarray | None
    encodings: Mapping[str, np.ndarray]
    present: Mapping[str, np.ndarray]

    def arrays(self) -> dict[str, np.ndarray]:
        """The arrays by file name; features are numbered, since names may be no file names."""
        arrays = {"item": self.item, "content": self.content}
        if self.contrastive is not None:
            arrays["contrastive"] = self.contrastive
        for number, values in enumerate(self.encodings.values()):
            arrays[f"encodings-{number}"] = values
        for number, values in enumerate(self.present.values()):
            arrays[f"present-{number}"] = values
        return arrays

    @classmethod
    def load(cls, folder: Path, names: Mapping[str, Sequence[str]]) -> "CatalogEmbeddings":
        """Opens what `write_embeddings` has written as memory maps; `names` is what it returned.

        Raises:
            OSError: a file is missing.
            ValueError: a file is truncated; the message has its name.
        """

        def read(name: str) -> np.ndarray:
            try:
                return np.load(folder / f"{name}.npy", mmap_mode="r")
            except (ValueError, EOFError) as error:
                raise ValueError(f"{name}.npy: {error}") from None

        def numbered(key: str) -> dict[str, np.ndarray]:
            return {name: read(f"{key}-{number}") for number, name in enumerate(names[key])}

        has_contrastive = (folder / "contrastive.npy").is_file()
        return cls(
            item=read("item"),
            content=read("content"),
            contrastive=read("contrastive") if has_contrastive else None,
            encodings=numbered("encodings"),
            present=numbered("present"),
        )


def catalog_embeddings(model: EmbeddingModel, *, batch_size: int = 512) -> CatalogEmbeddings:
    """Computes all embeddings of the catalog, with each item encoded and projected once.

    For `CatalogEmbeddings.item` alone, use `Scorer.item_vectors`.

    Args:
        model: the model with its current weights.
        batch_size: items per batch (default 512).
    """
    found = in_batches(_embedding_function(model), _all_rows(model), batch_size)
    return CatalogEmbeddings(**{**_NOTHING, **found})


def write_embeddings(
    model: EmbeddingModel, folder: Path, *, batch_size: int = 512
) -> dict[str, list[str]]:
    """Writes all embeddings of the catalog into a folder, as they are computed.

    Args:
        model: the model with its current weights.
        folder: exists.
        batch_size: items per batch (default 512).

    Returns:
        The names of the features, for `CatalogEmbeddings.load`.
    """
    rows, function = _all_rows(model), _embedding_function(model)
    files: dict[str, ArrayFile] = {}
    with contextlib.ExitStack() as stack:
        for start in range(0, len(rows), batch_size):
            batch = in_batches(function, rows[start : start + batch_size], batch_size)
            found = CatalogEmbeddings(**{**_NOTHING, **batch})
            for name, block in found.arrays().items():
                if name not in files:
                    files[name] = ArrayFile(folder / f"{name}.npy", len(rows))
                    stack.enter_context(files[name])
                files[name].write(block)
    return {"encodings": list(found.encodings), "present": list(found.present)}


_NOTHING: dict[str, Any] = {"encodings": {}, "present": {}}


def _all_rows(model: EmbeddingModel) -> np.ndarray:
    return np.arange(model.counts.shape[0], dtype=np.int32)


def _embedding_function(model: EmbeddingModel) -> Callable[[np.ndarray], dict[str, Any]]:
    """A function of int32 `[batch]` with the fields of `CatalogEmbeddings`."""

    def embed(rows: tf.Tensor) -> dict[str, Any]:
        tower, features = model.item_tower, model.items.gather(rows)
        projections = tower.projections
        if projections is None:
            item = model.fuse_items(rows, features, tower.project(features, rows))
            return {"item": item, "content": tf.zeros_like(item), "contrastive": None}
        embeddings, mask = projections.project(features)  # [batch, features, dim]
        projected = projections.pool(embeddings, mask)
        return {
            "item": model.fuse_items(rows, features, projected),
            "content": unit_length(tower.join(projected)),
            "contrastive": projections.contrastive_embedding(embeddings, mask),
            "encodings": unit_encodings(projections, features),
            "present": {name: feature.present for name, feature in features.items()},
        }

    signature = [tf.TensorSpec([None], tf.int32)]
    # As in `Scorer`.
    return tf.function(embed, input_signature=signature, autograph=False)


def unit_encodings(
    projections: FeatureProjections, features: Mapping[str, Feature]
) -> dict[str, tf.Tensor]:
    """Returns standardized encodings of length 1, `[batch, width]`, of features with vectors.

    They are float16, which takes half the space, or float32 if they have fewer than 16 components.
    Features with a vocabulary have no vectors, and are left out. The encoding of a missing feature
    is zeros.

    Args:
        projections: of the items, which standardize the encodings.
        features: the features of the items.
    """
    encodings = {}
    for name, projection in projections.by_feature.items():
        if not projection.vocabulary_size:
            encoding, present = features[name]
            unit = unit_length(projection.standardize(encoding))
            unit = tf.where(present[:, tf.newaxis], unit, 0.0)
            encodings[name] = tf.cast(unit, tf.float16) if unit.shape[1] >= MIN_WIDTH else unit
    return encodings


def in_batches(
    function: Callable[[np.ndarray], Any], rows: np.ndarray, batch_size: int = 512
) -> Any:
    """Applies a function to batches of rows and concatenates the results.

    Args:
        function: takes int32 `[batch]` and returns a tensor `[batch, …]`, or a nested structure of
            such tensors and None.
        rows: int32 `[rows]`, at least one.
        batch_size: rows per batch (default 512).

    Returns:
        NumPy arrays `[rows, …]` in the structure of the function's result.
    """
    found: Any = None
    for start in range(0, len(rows), batch_size):
        batch = function(rows[start : start + batch_size])
        if found is None:
            found = tf.nest.map_structure(lambda part: _empty_like(part, len(rows)), batch)
        for part, whole in zip(tf.nest.flatten(batch), tf.nest.flatten(found), strict=True):
            if whole is not None:
                whole[start : start + batch_size] = part.numpy()
    return found


def _empty_like(part: tf.Tensor | None, num_rows: int) -> np.ndarray | None:
    return (
        None if part is None else np.empty([num_rows, *part.shape[1:]], part.dtype.as_numpy_dtype)
    )
