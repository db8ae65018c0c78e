"""A step that reduces what an encoder makes of a feature, not the feature itself."""

import dataclasses
from typing import ClassVar

from tfmmrec.config.checks import check_count
from tfmmrec.modalities.preprocessing.base import STEPS, Step


@STEPS.register("pca")
@dataclasses.dataclass(frozen=True)
class Pca(Step):
    """Reduces the encoder's outputs to their principal components.

    Packing leaves the value as it is; `tfmmrec.encoders.pca` fits the components on the data
    folder's encoded rows and goes on from there, in training and in the served model.

    Attributes:
        dim: how many components are kept at most (default 64).
    """

    modalities: ClassVar[tuple[str, ...]] = ("text", "image", "audio")
    dim: int = 64

    def __post_init__(self) -> None:
        check_count("dim", self.dim, 1)

    def run(self, value: bytes) -> tuple[bytes, dict]:
        return value, {}
