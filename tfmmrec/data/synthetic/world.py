"""A world whose right answer is known: items with hidden factors, users who choose by them."""

import dataclasses

import numpy as np

from tfmmrec.data.synthetic.config import MODALITIES, SyntheticConfig

NUM_CLUSTERS = {"text": 12, "image": 10, "audio": 8}
NUM_DETAILS = 2

# The share of what a user sees in an item that is its place inside its cluster and not the
# cluster: encoders have to tell items apart, not only groups of items.
_DETAIL_SHARE = 0.25


@dataclasses.dataclass(frozen=True)
class World:
    """What was drawn. Items and users are rows of arrays; `m` is text, image or audio.

    Attributes:
        config: what it was drawn by.
        clusters: `m` -> int `[items]`, the hidden group of each item.
        details: `m` -> float `[items, 2]` in [-1, 1], its place inside the group.
        present: `m` -> bool `[items]`.
        tastes: `m` -> float `[users, clusters + 2]`.
        popularity: float `[items]`, what an item gains with all users, in logits.
        genres: the names of each item's genres, in order.
        years: int `[items]`, which nobody cares for.
        segments: int `[users]`, which tastes lean on weakly.
        ages: int `[users]`, which say nothing.
        events: int `[events, 3]`: user, item, Unix seconds; sorted by user, then time.
    """

    config: SyntheticConfig
    clusters: dict[str, np.ndarray]
    details: dict[str, np.ndarray]
    present: dict[str, np.ndarray]
    tastes: dict[str, np.ndarray]
    popularity: np.ndarray
    genres: list[list[str]]
    years: np.ndarray
    segments: np.ndarray
    ages: np.ndarray
    events: np.ndarray

    def item_ids(self) -> list[str]:
        """The ids of items as written; they say nothing of the item."""
        return [f"i{row:05d}" for row in range(self.config.num_items)]

    def user_ids(self) -> list[str]:
        """The ids of users as written."""
        return [f"u{row:05d}" for row in range(self.config.num_users)]

    def modality_scores(self, modality: str) -> np.ndarray:
        """How each user likes each item's text, picture or sound, float `[users, items]`.

        Standardised over the items that have the modality, for each user; 0 where it is absent.
        It is still a dot product of something of the user and something of the item.
        """
        one_hot = np.eye(NUM_CLUSTERS[modality])[self.clusters[modality]]
        # A detail is uniform in [-1, 1], with a variance of 1/3; together they are their share.
        scale = np.sqrt(3.0 * _DETAIL_SHARE / (1.0 - _DETAIL_SHARE) / NUM_DETAILS)
        factors = np.concatenate([one_hot, scale * self.details[modality]], axis=1)
        scores = self.tastes[modality] @ factors.T
        present = self.present[modality]
        scores -= scores[:, present].mean(axis=1, keepdims=True)
        scores /= scores[:, present].std(axis=1, keepdims=True)
        return scores * present

    def oracle(self, modalities: tuple[str, ...] = MODALITIES) -> np.ndarray:
        """The true logits by which users choose, float `[users, items]`.

        Args:
            modalities: those that count; with fewer than all it is the best that a recommender
                can do which sees these alone.
        """
        weights = self.config.planted_weights()
        total = np.zeros([self.config.num_users, self.config.num_items])
        for name in modalities:
            total += weights[name] * self.modality_scores(name)
        return self.config.strength * total + self.popularity
