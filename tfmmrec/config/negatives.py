"""The key `negatives` of the training file: the negatives of the sampled softmax."""

import dataclasses
from typing import TYPE_CHECKING, Any

from tfmmrec.config.checks import check_choice, check_count
from tfmmrec.config.known_fields import known_fields
from tfmmrec.errors import ConfigError

if TYPE_CHECKING:
    import keras_tuner

SOURCES = ("in_batch", "full_catalog")
MASKED_POSITIVES = ("none", "history", "all")


@known_fields
@dataclasses.dataclass(frozen=True)
class NegativesConfig:
    """The candidates of the sampled softmax, and the false-negative mask.

    Attributes:
        source: `in_batch` takes the target items of the batch, on all replicas; `full_catalog`
            takes every item of the training events, which is exact and costs time in proportion to
            the catalog (up to some thousand items) (default in_batch).
        num_uniform: with `in_batch`, the number of further items per batch that are drawn uniformly
            from the catalog, so that rare items are negatives too (default 0).
        mask_positives: which of a user's other positives are masked out of the negatives:
            `history`, the earlier ones, which recommendations exclude as well; `all`; or `none`
            (default history).
        num_hard_negatives: the number of highest-scoring candidates per event that are kept as
            negatives; 0 keeps all (default 0).
        num_mined: with `in_batch`, the number of mined negatives per row of the batch: items that
            scored highest for the row's user at the last mining, among those that the user did not
            interact with (default 0).
        mining_top_k: the number of highest-scoring items per user that mined negatives are drawn
            from (default 100).
        mining_interval: steps between two minings (default 500).
        cross_batch_memory_size: with `in_batch`, the number of items of earlier batches that are
            kept, with their embeddings of then, as further candidates (XBM; default 0).
    """

    source: str = "in_batch"
    num_uniform: int = 0
    mask_positives: str = "history"
    num_hard_negatives: int = 0
    num_mined: int = 0
    mining_top_k: int = 100
    mining_interval: int = 500
    cross_batch_memory_size: int = 0

    @classmethod
    def search_space(
        cls, hp: "keras_tuner.HyperParameters", *, few_items: bool = True
    ) -> dict[str, Any]:
        """Draws the source of negatives for one trial of a search.

        Args:
            hp: the hyperparameters of the trial.
            few_items: whether the catalog is small enough for `full_catalog`.
        """
        source = hp.Choice("negatives.source", list(SOURCES) if few_items else ["in_batch"])
        with hp.conditional_scope("negatives.source", ["in_batch"]):
            num_uniform = hp.Choice("negatives.num_uniform", [0, 256, 1024])
        return {"source": source, "num_uniform": num_uniform or 0}

    def __post_init__(self) -> None:
        check_choice("source", self.source, SOURCES)
        check_choice("mask_positives", self.mask_positives, MASKED_POSITIVES)
        for name in ("num_uniform", "num_hard_negatives", "num_mined", "cross_batch_memory_size"):
            check_count(name, getattr(self, name), 0)
        check_count("mining_interval", self.mining_interval, 1)
        check_count("mining_top_k", self.mining_top_k, 1)
        if self.num_mined > self.mining_top_k:
            raise ConfigError(
                f"num_mined must be at most mining_top_k, {self.mining_top_k}. "
                f"Received: {self.num_mined}"
            )
        for name in ("num_uniform", "num_mined", "cross_batch_memory_size"):
            if getattr(self, name) and self.source == "full_catalog":
                raise ConfigError(
                    f"{name} adds no candidate to source: full_catalog; leave one of them out"
                )
