"""Configuration of the synthetic catalog."""

import dataclasses
import math
from collections.abc import Mapping

from tfmmrec.config.checks import check_at_least
from tfmmrec.errors import ConfigError

MODALITIES = ("text", "image", "audio")


@dataclasses.dataclass(frozen=True)
class SyntheticConfig:
    """Sizes and signal strengths of a synthetic world.

    Attributes:
        num_items: the number of items, at least 20.
        num_users: the number of users.
        events_per_user: the mean number of events per user, at least 4.
        seed: the seed; equal seeds give equal bytes.
        weights: the weights of text, image and audio in a user's score, scaled to sum to 1. Before
            weighting, the scores of a modality have a standard deviation of 1 over the catalog
            for each user.
        missing: the share of items without the modality; no item lacks all three.
        strength: the inverse temperature of the softmax from which events are drawn; 0 is uniform,
            with 10 the best item is drawn nearly always.
        popularity: the standard deviation of the item biases, in logits.
        genre_share: the share of items whose first genre depends on their text.
        picture_size: the width and height of pictures in pixels.
        sound_seconds: the duration of sounds.
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
            check_at_least(name, getattr(self, name), least)
        for name in ("weights", "missing"):
            values = getattr(self, name)
            if set(values) != set(MODALITIES):
                names = ", ".join(MODALITIES)
                raise ConfigError(f"{name} must have one number for each of {names}")
            if any(not 0 <= value < math.inf for value in values.values()):
                raise ConfigError(f"{name} must be at least 0. Received: {dict(values)}")
        if not any(self.weights.values()):
            raise ConfigError("weights: at least one must be above 0")
        if any(share >= 1 for share in self.missing.values()):
            raise ConfigError(f"missing: shares must be below 1. Received: {dict(self.missing)}")
        if self.picture_size < 16 or self.sound_seconds < 0.25:
            raise ConfigError("picture_size must be at least 16, and sound_seconds at least 0.25")

    def planted_weights(self) -> dict[str, float]:
        """Returns the weights of text, image and audio, scaled to sum to 1."""
        total = sum(self.weights.values())
        return {name: self.weights[name] / total for name in MODALITIES}
