"""A synthetic world with known ground truth: latent item factors and user preferences."""

import dataclasses

import numpy as np

from tfmmrec.data.synthetic.config import MODALITIES, SyntheticConfig

NUM_CLUSTERS = {"text": 12, "image": 10, "audio": 8}
NUM_DETAILS = 2

# The share of the variance of scores within clusters, so that encoders have to distinguish items,
# not only clusters.
_DETAIL_SHARE = 0.25


@dataclasses.dataclass(frozen=True)
class World:
    """A drawn world. Items and users are rows of arrays; `m` is text, image or audio.

    Attributes:
        config: its configuration.
        clusters: `m` -> int `[items]`, the cluster of each item.
        details: `m` -> float `[items, 2]` in [-1, 1], the position of each item in its cluster.
        present: `m` -> bool `[items]`.
        tastes: `m` -> float `[users, clusters + 2]`.
        popularity: float `[items]`, the item biases in logits.
        genres: the genres of each item, in order.
        years: int `[items]`, independent of preferences.
        segments: int `[users]`, on which preferences depend weakly.
        ages: int `[users]`, independent of preferences.
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
        """Returns the ids of items, which carry no information."""
        return [f"i{row:05d}" for row in range(self.config.num_items)]

    def user_ids(self) -> list[str]:
        """Returns the ids of users."""
        return [f"u{row:05d}" for row in range(self.config.num_users)]

    def modality_scores(self, modality: str) -> np.ndarray:
        """Returns the scores by text, picture or sound alone, float `[users, items]`.

        They are standardized over the items that have the modality, for each user, and 0 where it
        is absent. They remain a dot product of a user vector and an item vector.
        """
        one_hot = np.eye(NUM_CLUSTERS[modality])[self.clusters[modality]]
        # A detail is uniform in [-1, 1] with variance 1/3; the scale gives details their share.
        scale = np.sqrt(3.0 * _DETAIL_SHARE / (1.0 - _DETAIL_SHARE) / NUM_DETAILS)
        factors = np.concatenate([one_hot, scale * self.details[modality]], axis=1)
        scores = self.tastes[modality] @ factors.T
        present = self.present[modality]
        scores -= scores[:, present].mean(axis=1, keepdims=True)
        scores /= scores[:, present].std(axis=1, keepdims=True)
        return scores * present

    def oracle(self, modalities: tuple[str, ...] = MODALITIES) -> np.ndarray:
        """Returns the true logits of the events, float `[users, items]`.

        Args:
            modalities: the modalities to include; a subset gives the upper bound of a recommender
                that uses these only.
        """
        weights = self.config.planted_weights()
        total = np.zeros([self.config.num_users, self.config.num_items])
        for name in modalities:
            total += weights[name] * self.modality_scores(name)
        return self.config.strength * total + self.popularity
