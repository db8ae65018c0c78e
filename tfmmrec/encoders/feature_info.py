"""The sizes of an encoded feature, from which a tower is built."""

import dataclasses

import numpy as np

from tfmmrec.encoders.base import FeatureEncoder
from tfmmrec.encoders.cache.encoding_table import Encodings
from tfmmrec.modalities import Modality


@dataclasses.dataclass(frozen=True)
class FeatureInfo:
    """The sizes of a feature that a tower is built from, stored with the run.

    Attributes:
        name: the feature.
        width: last axis of the encoding.
        vocabulary_size: number of rows of the embedding table for an int32 encoding, else 0.
        kind: the modality, of a single value if the feature is multi-valued.
        num_values: number of vectors of a row, which the tower pools; 0 if it has one.
        is_half: whether the encodings of the catalog are stored in float16, to which those of a
            request are then rounded.
    """

    name: str
    width: int
    vocabulary_size: int = 0
    kind: str = ""
    num_values: int = 0
    is_half: bool = False

    @classmethod
    def of(
        cls,
        name: str,
        modality: Modality,
        encoder: FeatureEncoder,
        encodings: Encodings,
    ) -> "FeatureInfo":
        """Reads the sizes from an encoder and its encodings."""
        _, *values, width = encodings.values.shape
        kind = modality.value_kind
        size = getattr(encoder, "size", 0)
        num_values = int(values[0]) if values else 0
        is_half = encodings.values.dtype == np.float16
        return cls(name, int(width), size, kind, num_values, is_half)
