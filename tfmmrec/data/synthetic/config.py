"""How large a synthetic world is and how plain its answer."""

import dataclasses
import math
from collections.abc import Mapping

from tfmmrec.errors import ConfigError

MODALITIES = ("text", "image", "audio")


@dataclasses.dataclass(frozen=True)
class SyntheticConfig:
    """How large the world is and how plain its answer.

    Attributes:
        num_items: items.
        num_users: users.
        events_per_user: the mean number of choices of a user, at least 4.
        seed: of everything; the same seed writes the same bytes.
        weights: how much of a user's score each of text, image and audio makes up. The scores of
            one modality have a standard deviation of 1 over the catalogue for each user before
            the weights, which are scaled to sum to 1.
        missing: the share of items without the modality; no item lacks all three.
        strength: what the weighted score is multiplied with before the softmax that chooses; 0 is
            random choice, 10 nearly always the best item.
        popularity: the standard deviation of what an item gains with all users alike, in units
            of the softmax's logits.
        genre_share: the share of items whose first genre follows their text; 0 is no relation.
        picture_size: width and height in pixels.
        sound_seconds: length of a sound.
    """

    num_items: int = 400
    num_users: int = 1500
    events_per_user: float = 20.0
    seed: int = 7
    weights: Mapping[str, float] = dataclasses.field(
        default_factory=lambda: {"text": 0.5, "image": 0.3, "audio": 0.2}
    )
    missing: Mapping[str, float] = dataclasses.field(
        default_factory=lambda: {"text": 0.15, "image": 0.15, "audio": 0.15}
    )
    strength: float = 8.0
    popularity: float = 0.3
    genre_share: float = 0.4
    picture_size: int = 64
    sound_seconds: float = 1.0

    def __post_init__(self) -> None:
        for name, least in (("num_items", 20), ("num_users", 1), ("events_per_user", 4)):
            if getattr(self, name) < least:
                raise ConfigError(f"{name}: at least {least}. Received: {getattr(self, name)}")
        for name in ("weights", "missing"):
            values = getattr(self, name)
            if set(values) != set(MODALITIES):
                raise ConfigError(f"{name}: one number each of {', '.join(MODALITIES)}")
            if any(not 0 <= value < math.inf for value in values.values()):
                raise ConfigError(f"{name}: no number below 0. Received: {dict(values)}")
        if not any(self.weights.values()):
            raise ConfigError("weights: at least one above 0")
        if any(share >= 1 for share in self.missing.values()):
            raise ConfigError(f"missing: shares below 1. Received: {dict(self.missing)}")
        if self.picture_size < 16 or self.sound_seconds < 0.25:
            raise ConfigError("picture_size is at least 16 and sound_seconds at least 0.25")

    def planted_weights(self) -> dict[str, float]:
        """The weights of text, image and audio, scaled to sum to 1."""
        total = sum(self.weights.values())
        return {name: self.weights[name] / total for name in MODALITIES}
