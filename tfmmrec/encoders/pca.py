"""An encoder whose outputs are reduced to their principal components."""

import dataclasses
import hashlib
import json
from pathlib import Path
from typing import Any

import numpy as np
import tensorflow as tf
from sklearn.decomposition import PCA

from tfmmrec.data.dataset import Dataset, EntityName
from tfmmrec.data.storage import read_json, shared_folder, write_json
from tfmmrec.encoders.base import FeatureEncoder
from tfmmrec.encoders.cache.cached_encode import cache_key, encode_feature
from tfmmrec.encoders.cache.output_table import Encoded


@dataclasses.dataclass(frozen=True)
class Components:
    """Principal components, fitted.

    Attributes:
        mean: float32 `[width]`, of the outputs.
        axes: float32 `[width, dim]`, the axes of the largest variance, orthonormal columns.
        asked: how many components were asked for.
        explained: the share of the variance that is kept, 0 to 1.
    """

    mean: np.ndarray
    axes: np.ndarray
    asked: int
    explained: float


class ReducedEncoder(FeatureEncoder):
    """Another encoder, followed by `(outputs - mean) @ axes`.

    Args:
        base: the encoder whose float outputs are reduced.
        components: fitted on outputs of it.

    Attributes:
        fitting: what was encoded to fit the components, where that was done just now.
    """

    base: FeatureEncoder
    fitting: Encoded | None = None

    def __init__(self, base: FeatureEncoder, components: Components):
        super().__init__()
        self.base = base
        self.dim = components.axes.shape[1]
        self.asked = components.asked
        self.explained = components.explained
        self.mean = tf.Variable(components.mean, trainable=False, name="pca_mean")
        self.axes = tf.Variable(components.axes, trainable=False, name="pca_axes")
        digest = hashlib.sha256(json.dumps(["pca", base.fingerprint]).encode())
        digest.update(components.mean.tobytes() + components.axes.tobytes())
        self.fingerprint = digest.hexdigest()

    def encode(self, values: Any) -> tf.Tensor:
        return self.encode_outputs(self.base.encode(values))

    def encode_outputs(self, outputs: tf.Tensor) -> tf.Tensor:
        reduced = tf.matmul(outputs - self.mean, self.axes)
        if len(outputs.shape) == 3:
            # Zeros stand for a value that is not there, and stay.
            there = tf.reduce_any(tf.not_equal(outputs, 0.0), axis=-1, keepdims=True)
            reduced = tf.where(there, reduced, 0.0)
        return tf.ensure_shape(reduced, [*([None] * (len(outputs.shape) - 1)), self.dim])

    def resources(self) -> Any:
        return [self.base.resources(), self.mean, self.axes]

    def describe(self) -> dict[str, Any]:
        return {
            **super().describe(),
            "dim": self.dim,
            "asked_dim": self.asked,
            "explained_variance": round(self.explained, 4),
            "base": self.base.describe(),
        }

    def summary(self) -> str:
        return f"{self.base.summary()}, reduced to {self.dim}"


def reduce_encoder(
    dataset: Dataset,
    side: EntityName,
    feature: str,
    base: FeatureEncoder,
    dim: int,
    *,
    quiet: bool = False,
) -> ReducedEncoder:
    """Fits an encoder's principal components to a data folder, or reads what was fitted before.

    They stand in the cache under a key of the encoder, the number of components and the packed
    values, beside the outputs that they were fitted on.

    Args:
        dataset: the data folder.
        side: `items` or `users`.
        feature: the feature that the encoder reads.
        base: its encoder.
        dim: how many components are wanted; fewer are kept where the rows do not span so many.
        quiet: no progress bars.
    """
    key = cache_key(dataset, side, feature, base)
    folder = dataset.cache / f"{key}.pca{dim}"
    fitting = None
    if not folder.is_dir():
        fitting = encode_feature(dataset, side, feature, base, quiet=quiet)
        components = fit_components(fitting.vectors(), dim)
        with shared_folder(folder) as partial:
            _save(partial, components)
    reduced = ReducedEncoder(base, _load(folder))
    reduced.fitting = fitting
    return reduced


def fit_components(outputs: np.ndarray, dim: int) -> Components:
    """Fits principal components by scikit-learn.

    Args:
        outputs: float `[rows, width]`.
        dim: how many are wanted. Rows that span fewer dimensions give fewer; where all are equal,
            or there are none, the first outputs are kept as they are.
    """
    rows, width = outputs.shape
    if rows < 2 or not np.ptp(outputs, axis=0).any():
        return Components(
            mean=np.zeros(width, np.float32),
            axes=np.eye(width, min(dim, width), dtype=np.float32),
            asked=dim,
            explained=1.0,
        )
    # Exact and without chance: the eigenvectors of the covariance, in double precision.
    pca = PCA(min(dim, rows - 1, width), svd_solver="covariance_eigh")
    pca.fit(outputs.astype(np.float64))
    # What is this much smaller than the largest is the rounding of float32.
    kept = int(np.sum(pca.explained_variance_ > 1e-10 * pca.explained_variance_[0]))
    return Components(
        mean=pca.mean_.astype(np.float32),
        axes=np.ascontiguousarray(pca.components_[:kept].T, np.float32),
        asked=dim,
        explained=float(pca.explained_variance_ratio_[:kept].sum()),
    )


def _save(folder: Path, components: Components) -> None:
    np.save(folder / "mean.npy", components.mean)
    np.save(folder / "axes.npy", components.axes)
    about = {"asked": components.asked, "explained": components.explained}
    write_json(folder / "components.json", about)


def _load(folder: Path) -> Components:
    return Components(
        mean=np.load(folder / "mean.npy"),
        axes=np.load(folder / "axes.npy"),
        **read_json(folder / "components.json"),
    )
