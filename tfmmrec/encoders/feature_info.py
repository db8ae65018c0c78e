"""The sizes of an encoded feature, from which a tower is built."""

import dataclasses

from tfmmrec.encoders.base import FeatureEncoder
from tfmmrec.encoders.cache.output_table import Encoded
from tfmmrec.modalities import Modality


@dataclasses.dataclass(frozen=True)
class FeatureInfo:
    """What a tower must know of a feature to be built, stored with the run.

    Attributes:
        name: the feature.
        width: the last axis of the encoder's output.
        vocabulary_size: entries to embed where the output is int32, else 0.
        kind: the modality, that of a single value where a feature holds several.
        num_values: how many vectors of this width a row has, to be pooled by the tower; 0 where
            it has one.
        pca_dim: how many principal components of it the tower reads; 0 is all.
    """

    name: str
    width: int
    vocabulary_size: int = 0
    kind: str = ""
    num_values: int = 0
    pca_dim: int = 0

    @classmethod
    def of(
        cls,
        name: str,
        modality: Modality,
        encoder: FeatureEncoder,
        encoded: Encoded,
        *,
        pca_dim: int = 0,
    ) -> "FeatureInfo":
        """Reads the sizes off an encoder and its output."""
        _, *several, width = encoded.outputs.shape
        kind = modality.element or modality.kind
        size = getattr(encoder, "size", 0)
        num_values = int(several[0]) if several else 0
        return cls(name, int(width), size, kind, num_values, pca_dim)
