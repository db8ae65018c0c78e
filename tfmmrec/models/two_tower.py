"""The two-tower model: joins the towers, the tasks and the contrastive losses."""

from collections.abc import Mapping
from typing import Any

import numpy as np
import tensorflow as tf

from tfmmrec.config.contrastive import ContrastiveConfig
from tfmmrec.data.pipelines.sampled_dislikes import DISLIKED
from tfmmrec.encoders.finetuning import TrainableFeature
from tfmmrec.models.closed_form.repeat_term import RepeatTerm
from tfmmrec.models.contrastive_alignment import ContrastiveAlignment
from tfmmrec.models.embedding_model import EmbeddingModel
from tfmmrec.models.feature_table import FeatureTable
from tfmmrec.models.item_tower import ItemTower
from tfmmrec.models.query_tower import QueryTower
from tfmmrec.tasks import (
    LossWeighting,
    RatingClickHead,
    RatingClickTask,
    RetrievalTask,
    flatten_targets,
)

# Keys of a batch, of `BatchEncodings`.
ITEM_ENCODINGS, USER_ENCODINGS = "item_encodings", "user_encodings"


class TwoTower(EmbeddingModel):
    """Two towers that are trained on retrieval, on ratings and clicks, or on both.

    Args:
        item_tower: embeds items.
        query_tower: embeds users.
        items: the encoded features of the catalog.
        users: the encoded features of all users.
        counts: number of training events per item, int `[items]`.
        known_users: bool `[users]`, users with training events.
        never_chosen: bool `[items]`, items whose embeddings are scaled down (default none).
        repeat_term: adds to the scores of the items of a history (default: nothing is added).
        loss_weighting: weighs the losses of the tasks.
        retrieval: the retrieval task, to train it (default none).
        rating_click: the rating and click task (default none).
        temperature: initial value of the learned temperature (default 0.1).
        contrastive: the key `contrastive` of the training file (default: no contrastive loss).
        withheld: bool `[items]`, items that contrastive losses must not read (default none).
        static_shapes: whether shapes must not depend on the contents of a batch, as XLA requires
            (default False).
        trainable_features: item features whose encoders are fine-tuned, by name (default none).
    """

    def __init__(
        self,
        item_tower: ItemTower,
        query_tower: QueryTower,
        *,
        items: FeatureTable,
        users: FeatureTable,
        counts: np.ndarray,
        known_users: np.ndarray,
        never_chosen: np.ndarray | None = None,
        repeat_term: RepeatTerm | None = None,
        loss_weighting: LossWeighting,
        retrieval: RetrievalTask | None = None,
        rating_click: RatingClickTask | None = None,
        temperature: float = 0.1,
        contrastive: ContrastiveConfig | None = None,
        withheld: np.ndarray | None = None,
        static_shapes: bool = False,
        trainable_features: Mapping[str, TrainableFeature] | None = None,
    ):
        super().__init__(
            item_tower,
            query_tower,
            items=items,
            users=users,
            counts=counts,
            known_users=known_users,
            never_chosen=never_chosen,
            repeat_term=repeat_term,
            temperature=temperature,
            static_shapes=static_shapes,
            trainable_features=trainable_features,
        )
        self.retrieval = retrieval
        self.rating_click = rating_click
        self.loss_weighting = loss_weighting
        self.contrastive = ContrastiveAlignment(
            contrastive or ContrastiveConfig(),
            item_tower,
            items,
            np.zeros(len(counts), bool) if withheld is None else withheld,
            static_shapes=static_shapes,
        )

    def compute_loss(self, inputs: Mapping[str, Any], training: bool = False) -> tf.Tensor:
        """Computes the loss of a batch, a scalar; with several replicas, this replica's part.

        Args:
            inputs: a batch, with rows of the data folder's vocabularies:

                * `history`: int32 `[batch, n]`, rows of items, oldest first; -1 is padding.
                * `history_time`: int64 `[batch, n]`, in Unix seconds, for a model that
                  `reads_times`.
                * `user`: int32 `[batch]`.
                * `item`: int32 `[batch]`, the target item of each history, or `[batch, n]`, the
                  target item at each position of a window; -1 is none.
                * `num_earlier`: shaped as `item`, number of earlier training events of the user.
                * `weight`: shaped as `item`, factors of the losses, if events differ in it.
                * DISLIKED and DISLIKED_WEIGHT: `[batch]`, an item that the user disliked, from
                  `DislikeSampler`, if there are dislikes.
                * `rating` and `clicked`, the labels of `RatingClickTask`, which takes the batch
                  under the key `outcomes` where there is one (joint training).
                * the raw inputs of fine-tuned encoders, from `finetuning.add_inputs`.
                * ITEM_ENCODINGS and USER_ENCODINGS, what is read ahead from files, see
                  `read_ahead`.
            training: whether dropout is applied.
        """
        with (
            self.items.use_batch(inputs.get(ITEM_ENCODINGS)),
            self.users.use_batch(inputs.get(USER_ENCODINGS)),
        ):
            return self._compute_loss(inputs, training)

    @property
    def reads_files(self) -> bool:
        """Whether encodings are read from files, so that `read_ahead` has something to add."""
        return self.items.reads_files or self.users.reads_files

    def read_ahead(self, batch: Mapping[str, Any]) -> dict[str, Any]:
        """Adds to a batch the encodings that are read from files; runs in the input pipeline."""
        parts = [batch, *([batch["outcomes"]] if "outcomes" in batch else [])]
        keys = ("history", "item", DISLIKED)
        items = self.items.read_ahead([part[key] for part in parts for key in keys if key in part])
        users = self.users.read_ahead([part["user"] for part in parts])
        found = {ITEM_ENCODINGS: items, USER_ENCODINGS: users}
        return {**batch, **{key: each for key, each in found.items() if each is not None}}

    def _compute_loss(self, inputs: Mapping[str, Any], training: bool) -> tf.Tensor:
        targets = flatten_targets(inputs, static_shapes=self.static_shapes)
        losses: dict[str, tf.Tensor] = {}
        if self.retrieval is not None:
            candidates = self.retrieval.sample_candidates(targets)
            embeddings = self.embed(
                inputs,
                candidates.all_rows_to_embed,
                positions=targets.positions,
                training=training,
            )
            losses["retrieval"] = self.retrieval(
                embeddings.queries, embeddings.items, candidates, targets, training=training
            )
        if self.rating_click is not None:
            labeled = inputs.get("outcomes", inputs)
            users, items = self.embed_pairs(labeled, training=training)
            losses |= self.rating_click(users, items, labeled, training=training)
        contrastive = self.contrastive(targets.previous_item, targets.item, training=training)
        return self.loss_weighting(losses) + contrastive

    @property
    def tower_weights(self) -> list[tf.Variable]:
        """Trainable weights of the towers and tasks, without the encoders."""
        weights = [
            *self.item_tower.trainable_variables,
            *self.query_tower.trainable_variables,
            *self.loss_weighting.trainable_variables,
        ]
        if self.ranks_by == "retrieval":
            weights += self.temperature.trainable_variables
        for head in self.heads:
            weights += head.trainable_variables
        return weights

    @property
    def tables(self) -> list[tf.Variable]:
        """Weights of which a batch reads some rows: of ids and of large vocabularies."""
        tables = [*self.item_tower.tables, *self.query_tower.tables]
        tables += [table for head in self.heads for table in head.tables if table is not None]
        # Parameter servers hold a large table in shards, each a variable.
        return [shard for table in tables for shard in getattr(table, "variables", [table])]

    @property
    def heads(self) -> list[RatingClickHead]:
        """The heads that predict ratings and clicks."""
        return [] if self.rating_click is None else list(self.rating_click.heads.values())

    @property
    def ranks_by(self) -> str:
        """The value that the catalog is ranked by: `retrieval`, `rating` or `click`."""
        names = self.loss_weighting.names
        return "retrieval" if "retrieval" in names else names[0]

    @property
    def scores_by_product(self) -> bool:
        """Whether the catalog is ranked by the product of user and item embeddings.

        A `repeat_term` adds to the products of the items of a history.
        """
        return self.ranks_by == "retrieval" and self.item_tower.fusion.scores_by_product

    @property
    def reads_user(self) -> bool:
        """Whether known users have embeddings or biases of their own, so that ids are required."""
        return self.query_tower.reads_user or any(head.reads_ids for head in self.heads)
