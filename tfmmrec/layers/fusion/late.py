"""Late fusion: each modality is a recommender of its own, and their verdicts become one."""

from collections.abc import Mapping, Sequence
from typing import Any

import keras_tuner
import tensorflow as tf

from tfmmrec.config.checks import check_at_least, check_choice
from tfmmrec.layers.build_layer import build_layer
from tfmmrec.layers.fusion.base import FUSIONS, Fusion
from tfmmrec.layers.fusion.convex_weights import ConvexWeights, check_weights, draw_weights

DECISIONS = ("weighted", "voting")
VOTES = ("max", "borda", "reciprocal_rank")
# Cormack et al. 2009, "Reciprocal rank fusion outperforms Condorcet".
_RANK_CONSTANT = 60.0


@FUSIONS.register("late")
@tf.keras.utils.register_keras_serializable("tfmmrec")
class LateFusion(Fusion):
    """Decision-level fusion over one recommender a modality, the id being one of them.

    Each modality m has an item vector vₘ and a user vector uₘ, read from the vₘ of the user's
    history, and is trained with a loss of its own.

    * `decision: weighted` scores by Σₘ wₘ uₘ·vₘ, the weights of what an item has made to sum to
      one. That is one product of [u₁ … u_M] and [w₁v₁ … w_M v_M], so that one index serves it.
    * `decision: voting` with `vote: max` takes the highest of the log-probabilities of a choice
      among all items, the softmax of uₘ·vₘ / τₘ, where τₘ is the temperature that m was trained
      with. (Of the products themselves the modality with the least to say is often the highest:
      its vectors have fallen together.) With `borda`, each modality ranks the catalogue and an
      item gets the weighted mean share of the items that stand behind it; with `reciprocal_rank`,
      Σₘ wₘ / (60 + rank) (Cormack et al. 2009). A modality that an item lacks does not vote.

    Args:
        names: the features, in the order of the vectors' second axis.
        decision: `weighted` (default) or `voting`.
        vote: how votes are counted: `max` (default), `borda` or `reciprocal_rank`.
        weights: a weight of at least 0 by feature; what is left out gets 0. Default: learned where
            the decision is weighted, and equal in votes.
        modality_loss_weight: the weight of the modalities' own losses beside the joint loss
            (default 1.0). Votes have no joint loss.
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
        """The weights of an item that has every modality, `[features]`, which sum to one."""
        return self.weighing.current()

    def build(self, input_shape: Any) -> None:
        build_layer(self.weighing, input_shape)
        super().build(input_shape)

    def call(self, vectors: tf.Tensor, mask: tf.Tensor) -> tf.Tensor:
        vectors = self.fill(vectors, mask)
        if not self.votes:
            vectors *= tf.cast(self.weighing(mask), vectors.dtype)[..., tf.newaxis]
        return tf.reshape(vectors, [-1, len(self.names) * vectors.shape[-1]])

    def finish(self, fused: tf.Tensor) -> tf.Tensor:
        return fused

    @property
    def scores_by_product(self) -> bool:
        return not self.votes

    def score(self, queries: tf.Tensor, items: tf.Tensor) -> tf.Tensor:
        if not self.votes:
            return super().score(queries, items)
        users, candidates = self.split(queries), self.split(items)
        scores = tf.einsum("qmd,imd->mqi", users, candidates)
        votes = tf.transpose(self.told(items))[:, tf.newaxis]  # [members, 1, items]
        scores = tf.where(votes, scores, scores.dtype.min)
        if self.vote == "max":
            told = tf.where(votes, tf.nn.log_softmax(scores, axis=-1), scores.dtype.min)
            return tf.reduce_max(told, axis=0)
        return self._count(_ranks(scores), votes)

    def _count(self, ranks: tf.Tensor, votes: tf.Tensor) -> tf.Tensor:
        weights = tf.reshape(self.current_weights(), [-1, 1, 1])
        voting = tf.cast(votes, ranks.dtype) * weights
        if self.vote == "reciprocal_rank":
            return tf.reduce_sum(voting / (_RANK_CONSTANT + ranks), axis=0)
        lists = tf.reduce_sum(tf.cast(votes, ranks.dtype), axis=2, keepdims=True)
        behind = (lists - ranks) / tf.maximum(lists - 1.0, 1.0)
        total = tf.reduce_sum(voting, axis=0)
        return tf.math.divide_no_nan(tf.reduce_sum(voting * behind, axis=0), total)

    @classmethod
    def search_space(cls, hp: keras_tuner.HyperParameters, names: Sequence[str]) -> dict[str, Any]:
        """Draws the decision, with how votes are counted, or weights and the members' losses."""
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
    """Ranks from 1 along the last axis, the highest score first; ties in the order of items."""
    order = tf.argsort(scores, axis=-1, direction="DESCENDING", stable=True)
    return tf.cast(tf.argsort(order, axis=-1, stable=True) + 1, tf.float32)
