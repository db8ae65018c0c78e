"""The retrieval task: a loss over the scores of target items and sampled negatives."""

import tensorflow as tf

from tfmmrec.config.negatives import NegativesConfig
from tfmmrec.data.histories import Histories
from tfmmrec.layers.fusion import Fusion
from tfmmrec.layers.unit_length import unit_length
from tfmmrec.tasks.losses import RETRIEVAL_LOSS_FUNCTIONS, disliked_loss
from tfmmrec.tasks.negatives.sampler import Candidates, NegativeSampler
from tfmmrec.tasks.targets import Targets


class RetrievalTask(tf.Module):
    """Samples candidates, and computes the loss of predicting the target items among them.

    `tfrs.tasks.Retrieval` takes one candidate per query and keeps all logits for the gradient.
    This task shares the negatives of all replicas, corrects for their sampling probability, and is
    8 to 14 times as fast at batch 8,192 (docs/TRAINING.md).

    Args:
        loss: a name in `RETRIEVAL_LOSS_FUNCTIONS`: `softmax` or `bpr`.
        negatives: the key `negatives` of the training file.
        histories: the training events by user.
        num_items: number of items in the catalog.
        width: length of the item embeddings.
        fusion: has the weights of the joint loss and of the losses of its blocks.
        static_shapes: see `NegativeSampler`.
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
        static_shapes: bool = False,
    ):
        super().__init__()
        self.sampler = NegativeSampler(negatives, histories, num_items, static_shapes=static_shapes)
        self._loss = RETRIEVAL_LOSS_FUNCTIONS[loss]
        self._width = width
        self._fusion = fusion

    def begin_training(self) -> None:
        """Creates the state that training keeps between steps: memory and mined negatives."""
        self.sampler.begin_training(self._width)

    def end_training(self) -> None:
        """Deletes that state, which a run folder does not keep."""
        self.sampler.end_training()

    def sample_candidates(self, targets: Targets) -> Candidates:
        """Samples the candidates of a batch, before anything is embedded."""
        candidates = self.sampler.sample(targets.item, targets.users)
        if targets.disliked is None or targets.disliked_weight is None:
            return candidates
        return self.sampler.with_disliked(candidates, targets.disliked, targets.disliked_weight)

    def __call__(
        self,
        query_embeddings: tf.Tensor,
        item_embeddings: tf.Tensor,
        candidates: Candidates,
        targets: Targets,
        training: bool = False,
    ) -> tf.Tensor:
        """Computes the loss of a batch, a scalar; with several replicas, this replica's part.

        Args:
            query_embeddings: the user embedding of each event, divided by the temperature,
                `[events, width]`.
            item_embeddings: embeddings of `candidates.all_rows_to_embed`, `[to embed, width]`.
            candidates: from `sample_candidates`.
            targets: the events of the batch.
            training: whether to add the batch to cross-batch memory.
        """
        masked = self.sampler.false_negatives(
            candidates,
            targets.users,
            num_earlier=targets.num_earlier,
            batch_row=None if targets.positions is None else targets.batch_row,
        )
        num_to_embed = tf.size(candidates.rows_to_embed)
        candidate_embeddings = item_embeddings[:num_to_embed]
        embeddings, memory = candidate_embeddings, self.sampler.memory
        if memory is not None:
            # [candidates, width]
            embeddings = tf.concat([tf.cast(embeddings, tf.float32), memory.embeddings], axis=0)
        options = {
            "labels": candidates.labels,
            "log_sampling_probability": candidates.log_sampling_probability,
            "false_negatives": masked,
            "num_hard_negatives": self.sampler.options.num_hard_negatives,
            "valid": targets.valid,
            "weight": targets.weight,
        }

        def loss_of(queries: tf.Tensor, items: tf.Tensor, disliked: tf.Tensor) -> tf.Tensor:
            found = self._loss(queries, items, **options)
            if candidates.disliked is not None:
                found += disliked_loss(queries, items, disliked, candidates, targets)
            return found

        fusion, loss = self._fusion, tf.constant(0.0)
        given = (query_embeddings, embeddings, item_embeddings[num_to_embed:])
        if fusion.joint_loss_weight:
            loss += fusion.joint_loss_weight * loss_of(*given)
        if fusion.modality_loss_weight:
            blocks = [
                loss_of(queries, unit_length(items), unit_length(disliked))
                for queries, items, disliked in zip(
                    *(tf.split(each, fusion.num_blocks, axis=1) for each in given), strict=True
                )
            ]
            loss += fusion.modality_loss_weight * tf.add_n(blocks) / len(blocks)
        if memory is not None and training:
            memory.update(candidates.rows_to_embed, candidate_embeddings, candidates.in_batch)
        return loss
