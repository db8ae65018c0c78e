"""Late (decision-level) fusion: one recommender per modality, whose scores are combined."""

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import tensorflow as tf

from tfmmrec.config.checks import check_at_least, check_choice
from tfmmrec.layers.build_layer import build_layer
from tfmmrec.layers.fusion.base import FUSIONS, Fusion
from tfmmrec.layers.fusion.convex_weights import ConvexWeights, check_weights, draw_weights

if TYPE_CHECKING:
    import keras_tuner

DECISIONS = ("weighted", "voting")
VOTES = ("max", "borda", "reciprocal_rank")
# Cormack et al. 2009, "Reciprocal rank fusion outperforms Condorcet".
_RANK_CONSTANT = 60.0


@FUSIONS.register("late")
@tf.keras.utils.register_keras_serializable("tfmmrec")
class LateFusion(Fusion):
    """Combines the scores of one recommender per modality; the id embedding is one of them.

    Each modality m has an item embedding vₘ, a user embedding uₘ, encoded from the vₘ of the user's
    history, and a loss of its own.

    * `decision: weighted`: the score is Σₘ wₘ uₘ·vₘ, with weights that sum to 1 over the modalities
      of an item. This is the dot product of [u₁ … u_M] and [w₁v₁ … w_M v_M], which one vector index
      serves.
    * `decision: voting` with `vote: max` (CombMAX): the maximum of the log-probabilities
      log softmax(uₘ·vₘ / τₘ) over the catalog, where τₘ is the learned temperature of m. (The raw
      products are not comparable: a modality with little information often has the highest ones,
      since its embeddings are close to each other.)
    * `vote: borda`: each modality ranks the catalog; the score is the weighted mean, over
      modalities, of the fraction of items with a lower rank (Borda count).
    * `vote: reciprocal_rank`: Σₘ wₘ / (60 + rank) (Cormack et al. 2009).

    A modality that is missing for an item does not vote.

    Args:
        names: the features, in the order of the second axis of `vectors`.
        decision: `weighted` or `voting` (default weighted).
        vote: how votes are combined: `max`, `borda` or `reciprocal_rank` (default max).
        weights: fixed weights of at least 0 by feature; features that are not listed get 0
            (default: learned for `weighted`, equal for `voting`).
        modality_loss_weight: the weight of the mean of the modalities' losses relative to the joint
            loss (default 1). Voting has no joint loss.

    Example:
        >>> fusion = LateFusion(["text", "image"], weights={"text": 3, "image": 1})
        >>> vectors = tf.constant([[[1.0, 0.0], [0.0, 1.0]]])
        >>> fusion(vectors, mask=tf.constant([[True, True]])).numpy().tolist()
        [[0.75, 0.0, 0.0, 0.25]]
    """

    takes_id = True

    def __init__(
        self,
        names: Sequence[str],
        *,
        decision: str = "weighted",
        vote: str = "max",
        weights: Mapping[str, float] | None = None,
        modality_loss_weight: float = 1.0,
        **kwargs: Any,
    ):
        super().__init__(names, **kwargs)
        self.check_options(
            names=self.names,
            decision=decision,
            vote=vote,
            weights=weights,
            modality_loss_weight=modality_loss_weight,
        )
        self.decision = decision
        self.vote = vote
        self.votes = decision == "voting"
        self.joint_loss_weight = 0.0 if self.votes else 1.0
        self.modality_loss_weight = 1.0 if self.votes else modality_loss_weight
        self.fixed_weights = None if weights is None else dict(weights)
        self.weighing = ConvexWeights(self.names, weights=weights, learned=not self.votes)

    @classmethod
    def check_options(cls, **options: Any) -> None:
        check_choice("decision", options["decision"], DECISIONS)
        check_choice("vote", options["vote"], VOTES)
        check_weights(options["weights"], options["names"])
        check_at_least("modality_loss_weight", options["modality_loss_weight"], 0)

    @property
    def num_blocks(self) -> int:
        return len(self.names)

    @property
    def num_temperatures(self) -> int:
        return len(self.names) if self.votes else 1

    def current_weights(self) -> tf.Tensor:
        """The weights of an item with all modalities, `[features]`; they sum to 1."""
        return self.weighing.current()

    def build(self, input_shape: Any) -> None:
        build_layer(self.weighing, input_shape)
        super().build(input_shape)

    def call(self, vectors: tf.Tensor, mask: tf.Tensor) -> tf.Tensor:
        vectors = self.fill_missing(vectors, mask)
        if not self.votes:
            vectors *= tf.cast(self.weighing(mask), vectors.dtype)[..., tf.newaxis]
        return tf.reshape(vectors, [-1, len(self.names) * vectors.shape[-1]])

    def normalize(self, fused: tf.Tensor) -> tf.Tensor:
        # The length of a block is its weight.
        return fused

    @property
    def scores_by_product(self) -> bool:
        return not self.votes

    def score(self, queries: tf.Tensor, items: tf.Tensor) -> tf.Tensor:
        if not self.votes:
            return super().score(queries, items)
        users, candidates = self.split(queries), self.split(items)
        scores = tf.einsum("qmd,imd->mqi", users, candidates)
        votes = tf.transpose(self.block_mask(items))[:, tf.newaxis]  # [modalities, 1, items]
        scores = tf.where(votes, scores, scores.dtype.min)  # [modalities, queries, items]
        if self.vote == "max":
            log_probabilities = tf.nn.log_softmax(scores, axis=-1)
            return tf.reduce_max(tf.where(votes, log_probabilities, scores.dtype.min), axis=0)
        return self._combine_ranks(_ranks(scores), votes)

    def _combine_ranks(self, ranks: tf.Tensor, votes: tf.Tensor) -> tf.Tensor:
        weights = tf.reshape(self.current_weights(), [-1, 1, 1])
        vote_weights = tf.cast(votes, ranks.dtype) * weights  # [modalities, 1, items]
        if self.vote == "reciprocal_rank":
            return tf.reduce_sum(vote_weights / (_RANK_CONSTANT + ranks), axis=0)
        num_ranked = tf.reduce_sum(tf.cast(votes, ranks.dtype), axis=2, keepdims=True)
        fraction_below = (num_ranked - ranks) / tf.maximum(num_ranked - 1.0, 1.0)
        total = tf.reduce_sum(vote_weights, axis=0)
        return tf.math.divide_no_nan(tf.reduce_sum(vote_weights * fraction_below, axis=0), total)

    @classmethod
    def search_space(
        cls, hp: "keras_tuner.HyperParameters", names: Sequence[str]
    ) -> dict[str, Any]:
        """Draws the decision; then the vote, or the weights and `modality_loss_weight`."""
        decision = hp.Choice("fusion.late.decision", list(DECISIONS))
        with hp.conditional_scope("fusion.late.decision", ["voting"]):
            vote = hp.Choice("fusion.late.vote", list(VOTES))
        with hp.conditional_scope("fusion.late.decision", ["weighted"]):
            weights = draw_weights(hp, "fusion.late.weights", names)
            loss = hp.Choice("fusion.late.modality_loss_weight", [0.0, 0.3, 1.0], default=1.0)
        if decision == "voting":
            return {"decision": decision, "vote": vote, "weights": None}
        return {"decision": decision, "weights": weights, "modality_loss_weight": loss}

    def get_config(self) -> dict[str, Any]:
        return {
            **super().get_config(),
            "decision": self.decision,
            "vote": self.vote,
            "weights": self.fixed_weights,
            "modality_loss_weight": self.modality_loss_weight,
        }


def _ranks(scores: tf.Tensor) -> tf.Tensor:
    """Ranks along the last axis, from 1 for the highest score; ties in the order of items."""
    order = tf.argsort(scores, axis=-1, direction="DESCENDING", stable=True)
    return tf.cast(tf.argsort(order, axis=-1, stable=True) + 1, tf.float32)
