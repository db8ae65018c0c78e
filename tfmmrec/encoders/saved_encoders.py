"""The encoders of a run, created again from what the run has stored of them."""

import dataclasses
import functools
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from tfmmrec.data.dataset import Dataset, EntityName
from tfmmrec.data.storage import read_json, write_json
from tfmmrec.encoders.base import FeatureEncoder
from tfmmrec.encoders.factory import create_encoder
from tfmmrec.encoders.feature_info import FeatureInfo
from tfmmrec.errors import DataError

# What the encoders of a run were fitted to: vocabularies, edges and axes by entity and feature.
FITTED = "encoders.json"


@dataclasses.dataclass(frozen=True)
class SavedEncoders:
    """The stored encoders of the items or of the users of a run.

    Attributes:
        run: the run folder.
        entity: `items` or `users`.
        descriptions: `FeatureEncoder.describe()` by feature.
        features: the sizes of the features, from which a tower is built.
    """

    run: Path
    entity: EntityName
    descriptions: Mapping[str, Mapping[str, Any]]
    features: Sequence[FeatureInfo]

    def fingerprint(self, feature: str) -> str:
        """The fingerprint of the encoder of a feature."""
        return self.descriptions[feature]["fingerprint"]

    @functools.cached_property
    def fitted(self) -> Mapping[str, Any]:
        """`FeatureEncoder.fitted()` by feature."""
        return read_json(self.run / FITTED)[self.entity]

    def create(
        self, dataset: Dataset, feature: str, declaration: Any, *, trainable: bool = False
    ) -> FeatureEncoder:
        """Creates the encoder of a feature, as it was in training.

        Args:
            dataset: a data folder with the feature; nothing is fitted to it.
            feature: the feature.
            declaration: of its encoder, in the training file.
            trainable: whether it is fine-tuned.

        Raises:
            DataError: the module of the encoder has changed since.
        """
        encoder = create_encoder(
            dataset,
            self.entity,
            feature,
            declaration,
            trainable=trainable,
            fitted=self.fitted[feature],
        )
        if encoder.fingerprint != self.fingerprint(feature):
            raise DataError(f"{self.run}: the encoder of {feature} changed since; train again")
        return encoder


def write_fitted(folder: Path, fitted: Mapping[str, Mapping[str, Any]]) -> None:
    """Writes what encoders were fitted to, by entity and feature."""
    write_json(folder / FITTED, fitted)
