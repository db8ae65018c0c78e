"""Principal component analysis (PCA) of the encodings of another encoder."""

import base64
import dataclasses
import hashlib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import tensorflow as tf

from tfmmrec.data.dataset import Dataset, EntityName
from tfmmrec.data.storage import fingerprint, read_json, shared_folder, write_json
from tfmmrec.encoders.base import FeatureEncoder
from tfmmrec.encoders.cache.cached_encode import cache_key, encode_feature
from tfmmrec.encoders.cache.encoding_table import Encodings

# A PCA is fitted to a sample of this many rows: its axes change little with more of them.
_PCA_ROWS = 50_000


@dataclasses.dataclass(frozen=True)
class PcaProjection:
    """A fitted PCA: `(encodings - mean) @ axes`.

    Attributes:
        mean: float32 `[width]`, of the encodings.
        axes: float32 `[width, dim]`, orthonormal columns, the axes of largest variance.
        requested_dim: number of components that was requested; `dim` may be lower.
        explained: fraction of the variance that is retained, 0 to 1.
    """

    mean: np.ndarray
    axes: np.ndarray
    requested_dim: int
    explained: float


class PcaEncoder(FeatureEncoder):
    """Another encoder, followed by a PCA.

    Args:
        base: the encoder whose float encodings are projected.
        projection: fitted to encodings of `base`.

    Attributes:
        fitted_on: the encodings to which the projection has just been fitted, None if it was read
            from the cache.
    """

    base: FeatureEncoder
    fitted_on: Encodings | None = None

    def __init__(self, base: FeatureEncoder, projection: PcaProjection):
        super().__init__()
        self.base = base
        self.dim = projection.axes.shape[1]
        self.requested_dim = projection.requested_dim
        self.explained = projection.explained
        self.mean = tf.Variable(projection.mean, trainable=False, name="pca_mean")
        self.axes = tf.Variable(projection.axes, trainable=False, name="pca_axes")
        weights = hashlib.sha256(projection.mean.tobytes() + projection.axes.tobytes())
        self.fingerprint = fingerprint(["pca", base.fingerprint, weights.hexdigest()])

    def encode(self, values: Any) -> tf.Tensor:
        return self.encode_from_base(self.base.encode(values))

    def encode_from_base(self, encodings: tf.Tensor) -> tf.Tensor:
        reduced = tf.matmul(encodings - self.mean, self.axes)
        if len(encodings.shape) == 3:
            # In a list of vectors, zeros are padding and stay zeros.
            is_present = tf.reduce_any(tf.not_equal(encodings, 0.0), axis=-1, keepdims=True)
            reduced = tf.where(is_present, reduced, 0.0)
        return tf.ensure_shape(reduced, [*([None] * (len(encodings.shape) - 1)), self.dim])

    def resources(self) -> Any:
        return [self.base.resources(), self.mean, self.axes]

    def describe(self) -> dict[str, Any]:
        return {
            **super().describe(),
            "dim": self.dim,
            "requested_dim": self.requested_dim,
            "explained_variance": round(self.explained, 4),
            "base": self.base.describe(),
        }

    def fitted(self) -> dict[str, Any]:
        projection = {
            "mean": _to_text(self.mean.numpy()),
            "axes": _to_text(self.axes.numpy()),
            "requested_dim": self.requested_dim,
            "explained": self.explained,
        }
        return {"base": self.base.fitted(), "pca": projection}

    def summary(self) -> str:
        return f"{self.base.summary()}, reduced to {self.dim}"


def restore_pca_encoder(base: FeatureEncoder, fitted: Mapping[str, Any]) -> PcaEncoder:
    """Creates the PCA encoder of which a run has stored `fitted()["pca"]`."""
    mean = _from_text(fitted["mean"])
    axes = _from_text(fitted["axes"]).reshape([len(mean), -1])
    return PcaEncoder(base, PcaProjection(**{**fitted, "mean": mean, "axes": axes}))


def fit_pca_encoder(
    dataset: Dataset,
    entity: EntityName,
    feature: str,
    base: FeatureEncoder,
    dim: int,
    *,
    quiet: bool = False,
) -> PcaEncoder:
    """Fits a PCA to the encodings of a feature, or reads one that was fitted before.

    The cache holds it beside the encodings that it was fitted to, keyed by the encoder, the number
    of components and the packed values.

    Args:
        dataset: the data folder.
        entity: `items` or `users`.
        feature: the feature that the encoder reads.
        base: its encoder.
        dim: number of components; there are fewer if the rows span fewer dimensions.
        quiet: whether to show no progress bar.
    """
    key = cache_key(dataset, entity, feature, base.fingerprint)
    folder = dataset.cache / f"{key}.pca{dim}"
    fitted_on = None
    if not folder.is_dir():
        fitted_on = encode_feature(dataset, entity, feature, base, quiet=quiet)
        projection = fit_pca(fitted_on.sample(_PCA_ROWS), dim)
        with shared_folder(folder) as partial:
            _save(partial, projection)
    encoder = PcaEncoder(base, _load(folder))
    encoder.fitted_on = fitted_on
    return encoder


def fit_pca(encodings: np.ndarray, dim: int) -> PcaProjection:
    """Fits a PCA by scikit-learn.

    Args:
        encodings: float `[rows, width]`.
        dim: number of components. Rows that span fewer dimensions give fewer; if all rows are
            equal, or there are none, the projection selects the first `dim` columns.
    """
    # Imported here, since scikit-learn takes a second and a fitted PCA does not need it.
    from sklearn.decomposition import PCA

    rows, width = encodings.shape
    if rows < 2 or not np.ptp(encodings, axis=0).any():
        return PcaProjection(
            mean=np.zeros(width, np.float32),
            axes=np.eye(width, min(dim, width), dtype=np.float32),
            requested_dim=dim,
            explained=1.0,
        )
    # Exact and deterministic: the eigenvectors of the covariance, in double precision.
    pca = PCA(min(dim, rows - 1, width), svd_solver="covariance_eigh")
    pca.fit(encodings.astype(np.float64))
    # Variances this much smaller than the largest are rounding errors of float32.
    rank = int(np.sum(pca.explained_variance_ > 1e-10 * pca.explained_variance_[0]))
    return PcaProjection(
        mean=pca.mean_.astype(np.float32),
        axes=np.ascontiguousarray(pca.components_[:rank].T, np.float32),
        requested_dim=dim,
        explained=float(pca.explained_variance_ratio_[:rank].sum()),
    )


def _to_text(array: np.ndarray) -> str:
    """The numbers of a float32 array as a text for JSON, a quarter as long as a list of them."""
    return base64.b64encode(array.astype("<f4").tobytes()).decode()


def _from_text(text: str) -> np.ndarray:
    return np.frombuffer(base64.b64decode(text), "<f4")


def _save(folder: Path, projection: PcaProjection) -> None:
    np.save(folder / "mean.npy", projection.mean)
    np.save(folder / "axes.npy", projection.axes)
    sizes = {"requested_dim": projection.requested_dim, "explained": projection.explained}
    write_json(folder / "pca.json", sizes)


def _load(folder: Path) -> PcaProjection:
    return PcaProjection(
        mean=np.load(folder / "mean.npy"),
        axes=np.load(folder / "axes.npy"),
        **read_json(folder / "pca.json"),
    )
