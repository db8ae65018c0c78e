"""How contents are aligned, a key of the training file."""

import dataclasses


@dataclasses.dataclass(frozen=True)
class AlignOptions:
    """How strongly contents are pulled together, besides the loss of the task.

    Attributes:
        modalities: the weight of InfoNCE between the modalities of one item, which makes a text
            find pictures and sounds (default 0: off).
        chosen: the weight of InfoNCE between the contents of items that a user chose one after
            the other, which brings what is known of warm items to cold ones (default 0: off).
        temperature: what cosines are divided by (default 0.07).
        items: how many items of the catalogue a step draws for `modalities` (default 512).
    """

    modalities: float = 0.0
    chosen: float = 0.0
    temperature: float = 0.07
    items: int = 512

    def __post_init__(self) -> None:
        for name in ("modalities", "chosen"):
            if getattr(self, name) < 0:
                raise ValueError(f"{name} must be at least 0. Received: {getattr(self, name)}")
        if not self.temperature > 0:
            raise ValueError(f"temperature must be above 0. Received: {self.temperature}")
        if self.items < 2:
            raise ValueError(f"items must be at least 2. Received: {self.items}")
