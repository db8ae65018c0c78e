"""The task of retrieval: to tell what users chose from what they did not."""

from collections.abc import Mapping

import tensorflow as tf

from tfmmrec.config.negatives import NegativesConfig
from tfmmrec.data.histories import Histories
from tfmmrec.data.pipelines.sequence_windows import taught_places
from tfmmrec.layers.fusion import Fusion
from tfmmrec.layers.unit_length import unit_length
from tfmmrec.tasks.base import Read, Task
from tfmmrec.tasks.losses import RETRIEVAL_LOSS_FUNCTIONS
from tfmmrec.tasks.negatives.false_negative_mask import FalseNegativeMask
from tfmmrec.tasks.negatives.sampler import Candidates, Negatives


class RetrievalTask(Task):
    """A loss over the scores of chosen items and of their negatives.

    Args:
        loss: how chosen items are told from others, of `RETRIEVAL_LOSS_FUNCTIONS`.
        negatives: which others.
        histories: what each user chose in training.
        num_items: rows of the catalogue.
        width: of the vectors of items.
        fixed_shapes: see `Negatives`.
        fusion: says how much the loss of the joint score weighs, and those of its members.
    """

    def __init__(
        self,
        loss: str,
        negatives: NegativesConfig,
        *,
        histories: Histories,
        num_items: int,
        width: int,
        fusion: Fusion,
        fixed_shapes: bool = False,
    ):
        super().__init__()
        self.choice_loss = RETRIEVAL_LOSS_FUNCTIONS[loss]
        self.negatives = Negatives(negatives, histories, num_items, fixed_shapes=fixed_shapes)
        self._width = width
        self._fusion = fusion

    def begin(self) -> None:
        self.negatives.begin(self._width)

    def end(self) -> None:
        self.negatives.end()

    def losses(
        self, inputs: Mapping[str, tf.Tensor], read: Read, training: bool
    ) -> dict[str, tf.Tensor]:
        chosen, place = inputs["item"], inputs["place"]
        events = tf.range(tf.size(inputs["user"]))
        is_causal, counted = chosen.shape.rank == 2, None
        if is_causal:
            there, counted = taught_places(chosen, fixed_shapes=self.negatives.fixed_shapes)
            chosen, place = tf.gather_nd(chosen, there), tf.gather_nd(place, there)
            events = tf.cast(there[:, 0], tf.int32)
        candidates = self.negatives(chosen, inputs["user"])
        reading = read(inputs, candidates.asked)
        queries = tf.gather_nd(reading.queries, there) if is_causal else reading.queries
        spared = self.negatives.spared(candidates, inputs["user"], events=events, places=place)
        vectors, memory = reading.items, self.negatives.memory
        if memory is not None:
            vectors = tf.concat([tf.cast(vectors, tf.float32), memory.vectors], axis=0)
        loss = self._choice_loss(queries, vectors, candidates, spared, counted)
        if memory is not None and training:
            memory.remember(candidates.asked, reading.items, candidates.chosen)
        return {"retrieval": loss}

    def _choice_loss(
        self,
        queries: tf.Tensor,
        vectors: tf.Tensor,
        candidates: Candidates,
        spared: FalseNegativeMask | None,
        counted: tf.Tensor | None,
    ) -> tf.Tensor:
        fusion = self._fusion
        given = {
            "labels": candidates.labels,
            "log_sampling_probability": candidates.log_sampling_probability,
            "spared": spared,
            "hard": self.negatives.options.num_hard_negatives,
            "counted": counted,
        }
        loss = tf.constant(0.0)
        if fusion.joint_loss_weight:
            loss += fusion.joint_loss_weight * self.choice_loss(queries, vectors, **given)
        if fusion.modality_loss_weight:
            members = [
                self.choice_loss(query, unit_length(own), **given)
                for query, own in zip(
                    tf.split(queries, fusion.num_blocks, axis=1),
                    tf.split(vectors, fusion.num_blocks, axis=1),
                    strict=True,
                )
            ]
            loss += fusion.modality_loss_weight * tf.add_n(members) / len(members)
        return loss
