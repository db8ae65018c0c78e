"""The step `pca`, which reduces the encodings of a feature, not its values."""

import dataclasses
from typing import ClassVar

from tfmmrec.config.checks import check_count
from tfmmrec.modalities.preprocessing.base import STEPS, Step


@STEPS.register("pca")
@dataclasses.dataclass(frozen=True)
class Pca(Step):
    """Reduces the encodings to their principal components.

    Packing does not change the value. `tfmmrec.encoders.pca` fits the components to the encodings
    of the data folder and applies them in training and in the served model.

    Attributes:
        dim: the maximum number of components (default 64).
    """

    modalities: ClassVar[tuple[str, ...]] = ("text", "image", "audio")
    dim: int = 64

    def __post_init__(self) -> None:
        check_count("dim", self.dim, 1)

    def run(self, value: bytes) -> tuple[bytes, dict]:
        return value, {}
