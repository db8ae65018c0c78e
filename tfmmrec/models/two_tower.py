"""The two-tower model: wires the towers and the tasks, nothing else."""

import functools
from collections.abc import Mapping, Sequence

import numpy as np
import tensorflow as tf
import tensorflow_recommenders as tfrs

from tfmmrec.config.contrastive import ContrastiveConfig
from tfmmrec.data.pipelines.sequence_windows import taught_places
from tfmmrec.distribute import replicas
from tfmmrec.encoders.finetuning import TrainableFeature, inputs_key, rows_key
from tfmmrec.layers.feature_projections import Feature
from tfmmrec.layers.fusion import Fusion
from tfmmrec.layers.padded_unique import padded_unique
from tfmmrec.layers.unit_length import unit_length
from tfmmrec.models.contrastive_alignment import Alignment
from tfmmrec.models.feature_table import FeatureTable
from tfmmrec.models.item_tower import ItemTower, Projected
from tfmmrec.models.query_tower import QueryTower
from tfmmrec.tasks import LossWeighting, OutcomeHead, OutcomeTask, Reading, Task


class TwoTower(tfrs.Model):
    """Scores an item for a user by the product of their vectors, divided by a temperature.

    Args:
        item_tower: items to vectors.
        query_tower: users to vectors.
        items: the encoded features of every item.
        users: the encoded features of every user.
        counts: how often training meets each item, int `[items]`.
        known_users: bool `[users]`, whom training meets.
        tasks: what is taught.
        balance: weighs the losses of the tasks.
        temperature: where the learned temperature starts; it stays within [0.01, 1].
        align: how contents are aligned.
        withheld: bool `[items]`, items that alignment must not see (default none).
        fixed_shapes: whether no tensor's shape may depend on what is in a batch, as XLA needs it.
        trainable_features: the item features whose encoders are fine-tuned (default none).
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
        tasks: Sequence[Task],
        balance: LossWeighting,
        temperature: float = 0.1,
        align: ContrastiveConfig | None = None,
        withheld: np.ndarray | None = None,
        fixed_shapes: bool = False,
        trainable_features: Mapping[str, TrainableFeature] | None = None,
    ):
        super().__init__()
        self.item_tower = item_tower
        self.fixed_shapes = fixed_shapes
        self.query_tower = query_tower
        self.items = items
        self.users = users
        self.known = tf.constant(counts > 0)
        self.known_users = tf.constant(known_users)
        self.counts = tf.constant(counts, tf.float32)
        self.tasks = list(tasks)
        self.balance = balance
        self.log_temperature = self.add_weight(
            name="log_temperature",
            shape=[item_tower.fusion.num_temperatures],
            initializer=tf.keras.initializers.Constant(np.log(temperature)),
        )
        self.trainable_features = dict(trainable_features or {})
        self.alignment = Alignment(
            align or ContrastiveConfig(),
            item_tower,
            items,
            np.zeros(len(counts), bool) if withheld is None else withheld,
            fixed_shapes=fixed_shapes,
        )

    @property
    def _rows_below(self) -> int | None:
        """The number of items where shapes are fixed, as `padded_unique` takes it."""
        return self.counts.shape[0] if self.fixed_shapes else None

    @property
    def temperatures(self) -> tf.Tensor:
        """What scores are divided by, `[1]` or, where each block has its own, `[blocks]`."""
        return tf.exp(tf.clip_by_value(self.log_temperature, np.log(0.01), 0.0))

    def item_vectors(
        self,
        rows: tf.Tensor,
        training: bool = False,
        *,
        shown: Mapping[str, tf.Tensor] | None = None,
        ids: bool | tf.Tensor = True,
    ) -> tf.Tensor:
        """The vectors of the catalogue's items by row, `[batch, width]`.

        Args:
            rows: int32 `[batch]`.
            training: whether units are dropped.
            shown: by feature, whether the items have it at all, bool scalars (default all).
            ids: whether known items have their learned vectors.
        """
        features = self._shown(rows, shown)
        projected = self.item_tower.project(features, rows, training=training)
        vectors = self._vectors_of(rows, projected, training=training, ids=ids)
        if self.item_tower.regression is None:
            return vectors
        places = tf.where(~tf.gather(self.known, rows))
        new = self._shown(tf.gather(rows, places[:, 0]), shown)
        return tf.tensor_scatter_nd_update(vectors, places, self.item_tower.cold_embeddings(new))

    def _shown(self, rows: tf.Tensor, shown: Mapping[str, tf.Tensor] | None) -> dict[str, Feature]:
        features = self.items.gather(rows)
        for name, here in (shown or {}).items():
            outputs, present = features[name]
            features[name] = (outputs, present & here)
        return features

    def _vectors_of(
        self,
        rows: tf.Tensor,
        projected: Projected,
        training: bool,
        *,
        drop_ids: bool = False,
        ids: bool | tf.Tensor = True,
    ) -> tf.Tensor:
        """The vectors of items by row, from what the tower made of their features."""
        known = tf.where(tf.gather(self.known, rows) & ids, rows + 1, 0)
        counts = tf.gather(self.counts, rows)
        return self.item_tower.join(projected, known, counts, training=training, drop_ids=drop_ids)

    def query_vectors(
        self,
        item_vectors: tf.Tensor,
        history: tf.Tensor,
        features: Mapping[str, Feature],
        users: tf.Tensor | None = None,
        times: tf.Tensor | None = None,
    ) -> tf.Tensor:
        """The vectors of users, `[batch, width]`, such that `score` gives the logits.

        Args as for `user_vectors`.
        """
        vectors = self.user_vectors(item_vectors, history, features, users, times=times)
        return self._tempered(vectors)

    def user_vectors(
        self,
        item_vectors: tf.Tensor,
        history: tf.Tensor,
        features: Mapping[str, Feature],
        users: tf.Tensor | None = None,
        training: bool = False,
        return_sequences: bool = False,
        times: tf.Tensor | None = None,
    ) -> tf.Tensor:
        """The vectors of users, each block of length 1, `[batch, width]`.

        Args:
            item_vectors: the vectors that histories point to, `[items, width]`.
            history: int32 `[batch, n]`, rows of item vectors, oldest first; -1 is padding.
            features: the user features of the batch.
            users: int32 `[batch]`, rows of users, -1 for unknown ones; needed where users have
                vectors of their own.
            training: whether units are dropped.
            every_place: whether the users of each beginning of the histories are asked for,
                `[batch, n, width]`.
            times: int64 `[batch, n]`, when the items were chosen, in Unix seconds, 0 or below where
                that is not known; needed where the model `reads_times`.
        """
        # Worked out an item, and not a place of a history, of which there are many more.
        unit, told = split_blocks(item_vectors, self.item_tower.fusion)
        places = tf.maximum(history, 0)
        return self.query_tower(
            tf.gather(unit, places),
            tf.gather(told, places) & (history >= 0)[..., tf.newaxis],
            features,
            users=None if users is None else tf.where(self._met(users), users, -1),
            training=training,
            return_sequences=return_sequences,
            times=times,
        )

    def _tempered(self, vectors: tf.Tensor) -> tf.Tensor:
        temperatures = tf.cast(self.temperatures, vectors.dtype)
        width = vectors.shape[-1] // temperatures.shape[0]
        return vectors / tf.repeat(temperatures, width)

    def _met(self, users: tf.Tensor) -> tf.Tensor:
        return (users >= 0) & tf.gather(self.known_users, tf.maximum(users, 0))

    def score(self, queries: tf.Tensor, items: tf.Tensor) -> tf.Tensor:
        """Scores items `[items, width]` for users `[queries, width]`, `[queries, items]`.

        An item that has neither content nor a known id has a vector of zeros and scores −inf.
        """
        scores = self.item_tower.fusion.score(queries, items)
        return tf.where(tf.reduce_any(items != 0.0, axis=1), scores, -np.inf)

    def rank(
        self,
        item_vectors: tf.Tensor,
        history: tf.Tensor,
        features: Mapping[str, Feature],
        users: tf.Tensor | None = None,
        times: tf.Tensor | None = None,
    ) -> tf.Tensor:
        """What the catalogue's items are ranked by for users, `[batch, items]`.

        These are the scores of retrieval or, in a model that was taught nothing of it, what is
        predicted of each user with each item. Items that nothing is known of get −inf.

        Args:
            item_vectors: the vectors of all items, `[items, width]`.
            history: as for `user_vectors`.
            features: the user features of the batch.
            users: as for `user_vectors`; needed where `reads_user`.
            times: as for `user_vectors`.
        """
        outcomes = self.outcomes
        if outcomes is None or self.ranks_by == "retrieval":
            queries = self.query_vectors(item_vectors, history, features, users, times)
            return self.score(queries, item_vectors)
        vectors = self.user_vectors(item_vectors, history, features, users, times=times)
        everything = tf.range(tf.shape(item_vectors)[0])

        def of_one(user: tuple[tf.Tensor, tf.Tensor]) -> tf.Tensor:
            vector, row = (
                tf.repeat(part[tf.newaxis], tf.size(everything), axis=0) for part in user
            )
            return outcomes.values(vector, item_vectors, row, everything)[self.ranks_by]

        values = tf.map_fn(of_one, (vectors, users), fn_output_signature=tf.float32)
        return tf.where(tf.reduce_any(item_vectors != 0.0, axis=1), values, -np.inf)

    def outcome_values(
        self,
        item_vectors: tf.Tensor,
        history: tf.Tensor,
        features: Mapping[str, Feature],
        users: tf.Tensor,
        items: tf.Tensor,
        times: tf.Tensor | None = None,
    ) -> dict[str, tf.Tensor]:
        """What is predicted of users with one item each, float32 `[batch]` by name.

        Args:
            item_vectors: the vectors of all items, `[items, width]`.
            history: as for `user_vectors`.
            features: the user features of the batch.
            users: int32 `[batch]`, rows of users, -1 for unknown ones.
            items: int32 `[batch]`, rows of items, -1 for unknown ones.
            times: as for `user_vectors`.

        Raises:
            ValueError: the model has no such task.
        """
        if self.outcomes is None:
            raise ValueError("The model was taught to predict neither ratings nor clicks")
        vectors = self.user_vectors(item_vectors, history, features, users, times=times)
        own = tf.gather(item_vectors, tf.maximum(items, 0))
        own = tf.where((items >= 0)[:, tf.newaxis], own, 0.0)
        return self.outcomes.values(vectors, own, users, items)

    def compute_loss(self, inputs: Mapping[str, tf.Tensor], training: bool = False) -> tf.Tensor:
        """The losses of the tasks, and of alignment; of several replicas, each its part of them.

        Args:
            inputs: `history` int32 `[batch, n]` (item rows, -1 where empty), `user` `[batch]`, and
                `item` `[batch]`, what was chosen behind a history, or `[batch, n]`, what was chosen
                behind each of its places, -1 for nothing; rows of the data folder's vocabularies;
                `place`, shaped as `item`, how many of its user's events in training stand before
                it; `history_time` int64 `[batch, n]` in a model that `reads_times`. And what
                `finetuning.add_inputs` added.
        """
        read = functools.partial(self._read, training=training)
        losses: dict[str, tf.Tensor] = {}
        for task in self.tasks:
            losses |= task.losses(inputs, read, training)
        return self.balance(losses) + self.alignment(*self._pairs(inputs), training=training)

    def _pairs(self, inputs: Mapping[str, tf.Tensor]) -> tuple[tf.Tensor, tf.Tensor]:
        """What was chosen before, and what then, each `[events]`; -1 for nothing."""
        history, item = inputs["history"], inputs["item"]
        if item.shape.rank == 1:
            return history[:, -1], item
        there, _ = taught_places(item, fixed_shapes=self.fixed_shapes)
        return tf.gather_nd(history, there), tf.gather_nd(item, there)

    def _read(
        self, inputs: Mapping[str, tf.Tensor], asked: tf.Tensor, *, training: bool
    ) -> Reading:
        """The vectors of a batch's users and of the items that are asked for."""
        history = inputs["history"]
        # Each item of the batch is projected once, however often it is mentioned.
        given = {
            name: replicas.once(inputs[rows_key(name)], feature(inputs[inputs_key(name)], training))
            for name, feature in self.trainable_features.items()
            if rows_key(name) in inputs
        }
        # Replicas ask for the same items, and work out a part of them each.
        num_asked, asked = tf.size(asked), replicas.share(asked)
        taught_rows = [rows for rows, _ in given.values()]
        mentioned = [tf.reshape(tf.maximum(history, 0), [-1]), asked, *taught_rows]
        rows, places, _ = padded_unique(tf.concat(mentioned, axis=0), self._rows_below)
        past, own, *train_splits = tf.split(places, [tf.size(part) for part in mentioned])
        features = self.items.gather(rows)
        for (name, (_, outputs)), encoded in zip(given.items(), train_splits, strict=True):
            held, present = features[name]
            held = tf.tensor_scatter_nd_update(held, encoded[:, tf.newaxis], outputs)
            features[name] = (held, present)
        projected = self.item_tower.project(features, rows, training=training)
        users = self.user_vectors(
            self._vectors_of(rows, projected, training),
            tf.where(history >= 0, tf.reshape(past, tf.shape(history)), -1),
            self.users.gather(inputs["user"]),
            inputs["user"],
            training=training,
            return_sequences=inputs["item"].shape.rank == 2,
            times=inputs.get("history_time"),
        )
        # Histories keep their ids: the user is known by them, and it is the item to come that may
        # have none.
        vectors, mask = projected
        to_come = (tf.gather(vectors, own), tf.gather(mask, own))
        items = self._vectors_of(asked, to_come, training, drop_ids=training)
        return Reading(users, self._tempered(users), replicas.gather(items)[:num_asked])

    @property
    def tower_weights(self) -> list[tf.Variable]:
        """What is trained of the towers and tasks, without the encoders."""
        weights = [
            *self.item_tower.trainable_variables,
            *self.query_tower.trainable_variables,
            *self.balance.trainable_variables,
        ]
        if self.ranks_by == "retrieval":
            weights.append(self.log_temperature)
        for head in self.heads:
            weights += head.trainable_variables
        return weights

    @property
    def heads(self) -> list[OutcomeHead]:
        """What predicts ratings and clicks."""
        return [] if self.outcomes is None else list(self.outcomes.heads.values())

    @property
    def outcomes(self) -> OutcomeTask | None:
        """The task of predicting ratings and clicks, where there is one."""
        return next((task for task in self.tasks if isinstance(task, OutcomeTask)), None)

    @property
    def ranks_by(self) -> str:
        """What best items are best by: the scores of `retrieval`, or an outcome."""
        if self.outcomes is None or len(self.tasks) > 1:
            return "retrieval"
        return next(iter(self.outcomes.heads))

    @property
    def scores_by_product(self) -> bool:
        """Whether the catalogue is ranked by the products of vectors, and by nothing else."""
        return self.ranks_by == "retrieval" and self.item_tower.fusion.scores_by_product

    @property
    def reads_user(self) -> bool:
        """Whether known users have something of their own, so that their ids are needed."""
        return self.query_tower.reads_user or any(head.reads_ids for head in self.heads)

    @property
    def reads_times(self) -> bool:
        """Whether it counts when the items of a history were chosen."""
        return self.query_tower.reads_times

    def refresh(self) -> None:
        """Writes the table of outputs anew with the trained encoders as they are."""
        for name, feature in self.trainable_features.items():
            table = self.items.outputs[name]
            for rows, outputs in feature.encode_catalog():
                self.distribute_strategy.extended.update(
                    table,
                    lambda held, places, values: held.scatter_nd_update(places, values),
                    args=(rows[:, np.newaxis], outputs),
                )


def split_blocks(vectors: tf.Tensor, fusion: Fusion) -> tuple[tf.Tensor, tf.Tensor]:
    """Brings each block of vectors `[items, width]` to length 1, and says where there is one.

    Returns:
        (`[items, width]`, bool `[items, blocks]`).
    """
    unit = unit_length(fusion.split(vectors))
    return tf.reshape(unit, [-1, vectors.shape[1]]), fusion.told(vectors)
