"""What the workers of one encoder need to know, and the values that pass between them."""

import dataclasses
import functools
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from tfmmrec.data.beam.worker_errors import WorkerErrors
from tfmmrec.data.dataset import Dataset, EntityName
from tfmmrec.data.tfrecords import shards
from tfmmrec.encoders.base import FeatureEncoder
from tfmmrec.encoders.factory import create_unreduced_encoder
from tfmmrec.errors import DataError
from tfmmrec.modalities import Modality

# The namespace of the pipeline's metrics.
METRICS = "tfmmrec_encode"


@dataclasses.dataclass(frozen=True)
class EncodeJob:
    """The features of items and users that one encoder encodes into one value store.

    Attributes:
        data: the data folder, which all workers see under this path.
        cache: the folder of the encoding cache, likewise.
        store: the folder of the value store.
        sources: entity and feature, in the order in which values are looked for.
        declaration: of the encoder, in the training file.
        trainable: whether the encoder is fine-tuned.
        fingerprint: of the encoder of the launcher.
        errors: where workers report errors.
    """

    data: Path
    cache: Path
    store: Path
    sources: tuple[tuple[EntityName, str], ...]
    declaration: Any
    trainable: bool
    fingerprint: str
    errors: WorkerErrors

    @functools.cached_property
    def dataset(self) -> Dataset:
        """The data folder, opened when it is first used."""
        return Dataset(self.data, cache=self.cache)

    def __getstate__(self) -> dict[str, Any]:
        # Each worker opens the data folder itself.
        return {name: value for name, value in self.__dict__.items() if name != "dataset"}

    @property
    def name(self) -> str:
        """The features as a text."""
        return ", ".join(f"{entity}.{feature}" for entity, feature in self.sources)

    def modality(self, source: int) -> Modality:
        """Returns the modality of a source."""
        entity, feature = self.sources[source]
        return self.dataset.features(entity)[feature]

    def shards(self, source: int) -> list[Path]:
        """Returns the shards of a source in order."""
        return shards(self.data / self.sources[source][0])

    def create_encoder(self) -> FeatureEncoder:
        """Creates the encoder.

        Raises:
            DataError: it is not that of the launcher.
        """
        entity, feature = self.sources[0]
        encoder = create_unreduced_encoder(
            self.dataset, entity, feature, self.declaration, trainable=self.trainable
        )
        if encoder.fingerprint != self.fingerprint:
            raise DataError(
                f"encoder {self.declaration} of {self.name}: a worker has other files of it than "
                "the launcher; name them by a path that is the same for all"
            )
        return encoder


@dataclasses.dataclass(frozen=True, order=True)
class Position:
    """Where a value is stored; the order is that of `tfmmrec encode`.

    Attributes:
        source: number of the source in the job.
        shard: number of the shard.
        row: number of the record in the shard.
        offset: of the record in the uncompressed shard.
        size: of the value, by which batches are formed.
    """

    source: int
    shard: int
    row: int
    offset: int
    size: int


@dataclasses.dataclass(frozen=True)
class StoredValue:
    """A value to encode.

    Attributes:
        key: its hash.
        source: number of the source in the job.
        row: the row of the item or user.
        record: the record that holds it.
    """

    key: bytes
    source: int
    row: int
    record: bytes


@dataclasses.dataclass(frozen=True)
class EncodedValues:
    """A batch of encodings.

    Attributes:
        source: number of the source in the job.
        keys: the hash of each value.
        encodings: as `FeatureEncoder.encode` returns them.
    """

    source: int
    keys: Sequence[bytes]
    encodings: Any
