"""A trained model from raw values to item ids: what is served, and what commands use as well."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np
import tensorflow as tf

from tfmmrec.data.dataset import EntityName
from tfmmrec.encoders.encoded_features import EncodedEntities
from tfmmrec.layers.feature_projections import Feature
from tfmmrec.layers.unit_length import unit_length
from tfmmrec.models.bundle import ModelBundle
from tfmmrec.models.embedding_model import UserInputs
from tfmmrec.models.ranking import outcome_values, ranking_scores
from tfmmrec.models.scorer import Scorer
from tfmmrec.serving.top_k import LOWEST, top_items

# What a request calls the id of a user, their features, and the times of what they chose.
USER = "user"
USER_PREFIX = "user_"
HISTORY_TIME = "history_time"


class Recommender(tf.Module):
    """Histories, user features and raw item content in; item ids, scores and vectors out.

    All of it is core ops, so that the same functions run here and in a stock TensorFlow Serving.

    Args:
        assembly: a trained model and what it was built from.
    """

    def __init__(self, bundle: ModelBundle):
        super().__init__()
        dataset = bundle.dataset
        self.model = bundle.model
        self.items = bundle.items
        self.users = bundle.users
        self.max_history = bundle.model.query_tower.max_history
        # Variables, since a graph with large constants in it cannot be saved.
        self.item_vectors = _frozen(Scorer(bundle.model).item_vectors())
        tower = bundle.model.item_tower
        self.content_vectors = _frozen(
            np.zeros([dataset.count("items"), tower.width], np.float32)
            if tower.projections is None
            else _of_all_items(bundle, lambda features: unit_length(tower.content(features)))
        )
        self.aligned_vectors = None
        if bundle.config.contrastive.cross_modal and tower.projections is not None:
            self.aligned_vectors = _frozen(_of_all_items(bundle, tower.projections.aligned))
        self.encoder_vectors = {
            name: _frozen(vectors) for name, vectors in _encoder_vectors(bundle).items()
        }
        self.item_ids = tf.constant(dataset.item_ids)
        self.item_rows = _rows_by_id(dataset.item_ids)
        self.user_rows = None
        if bundle.model.reads_user:
            self.user_rows = _rows_by_id(dataset.user_ids)

    def recommend(
        self,
        history: tf.Tensor,
        exclude: tf.Tensor,
        k: tf.Tensor,
        user_features: Mapping[str, tf.Tensor],
        users: tf.Tensor | None = None,
        candidates: tf.Tensor | None = None,
        times: tf.Tensor | None = None,
    ) -> tuple[tf.Tensor, tf.Tensor]:
        """Answers the best items for a batch of users; what they chose before is left out.

        Args:
            history: string `[batch, n]`, ids of what each user chose, oldest first, filled with
                "". Ids that are not in the catalogue are passed over.
            exclude: string `[batch, m]`, ids that are not to be answered, filled with "".
            k: int32 `[batch]`, how many items each user gets.
            user_features: raw values by feature, as `Modality.signature` says.
            users: string `[batch]`, ids of users; needed where the model `reads_user`.
            candidates: bool `[items]`, the items that may be answered; default all.
            times: int64 `[batch, n]`, when the items of `history` were chosen, in Unix seconds, 0
                or below where that is not known; needed where the model `reads_times`.

        Returns:
            ids, string `[batch, max k]`, and scores, float32 `[batch, max k]`, best first.
        """
        known = self.item_rows.lookup(history)
        inputs = UserInputs(
            self._past(known, known, -1),
            self._features("users", user_features),
            None if self.user_rows is None else self.user_rows.lookup(users),
            None if times is None else self._past_times(known, times),
        )
        scores = ranking_scores(self.model, self.item_vectors, inputs)
        if candidates is not None:
            scores = tf.where(candidates, scores, LOWEST)
        left_out = tf.concat([known, self.item_rows.lookup(exclude)], axis=1)
        return top_items(scores, k, left_out, self.item_ids)

    def predict(
        self,
        history: tf.Tensor,
        items: tf.Tensor,
        user_features: Mapping[str, tf.Tensor],
        users: tf.Tensor | None = None,
        times: tf.Tensor | None = None,
    ) -> dict[str, tf.Tensor]:
        """Predicts what comes of each user with one item: a rating, or the chance of a click.

        Args:
            history: as for `recommend`.
            items: string `[batch]`, ids; of one that is not in the catalogue nothing is known.
            user_features: as for `recommend`.
            users: as for `recommend`.
            times: as for `recommend`.

        Returns:
            float32 `[batch]`, by what the model was taught to predict.

        Raises:
            ValueError: it was taught nothing of the kind.
        """
        rows = self.item_rows.lookup(items)
        known = self.item_rows.lookup(history)
        nobody = tf.fill(tf.shape(rows), -1)
        inputs = UserInputs(
            self._past(known, known, -1),
            self._features("users", user_features),
            nobody if self.user_rows is None else self.user_rows.lookup(users),
            None if times is None else self._past_times(known, times),
        )
        return outcome_values(self.model, self.item_vectors, inputs, rows)

    def _past(self, known: tf.Tensor, values: tf.Tensor, nothing: int) -> tf.Tensor:
        """What is read of the values of histories with unknown items (-1) among them."""
        past = tf.ragged.boolean_mask(values, known >= 0)[:, -self.max_history :]
        read = past.to_tensor(default_value=nothing)
        # One place at least, so that readers need not know of histories without any.
        none = tf.cast(tf.equal(tf.shape(read)[1], 0), tf.int32)
        return tf.pad(read, [[0, 0], [0, none]], constant_values=nothing)

    def _past_times(self, known: tf.Tensor, times: tf.Tensor) -> tf.Tensor:
        """The times of what is read; refused by name where there are more or fewer than ids."""
        rule = f"{HISTORY_TIME} needs a time for each id of history, 0 where it is not known"
        same = tf.reduce_all(tf.shape(times) == tf.shape(known))
        with tf.control_dependencies([tf.debugging.Assert(same, [rule])]):
            return self._past(known, tf.identity(times), 0)

    def encode_items(self, features: Mapping[str, tf.Tensor]) -> tf.Tensor:
        """Gives the vectors that new items have, from their raw content.

        Args:
            features: raw values by feature, as `Modality.signature` says; text as UTF-8, pictures
                as the bytes of JPEG, PNG, GIF or BMP files, sounds as 16-bit PCM WAV files.

        Returns:
            float32 `[batch, width]`, such as stand in the index; 0 without content.
        """
        return self.model.item_tower.cold_embeddings(self._features("items", features))

    def search(
        self, features: Mapping[str, tf.Tensor], k: tf.Tensor
    ) -> tuple[tf.Tensor, tf.Tensor]:
        """Answers the items whose content is most like the content given.

        The similarity is the cosine of the content vectors that the item tower makes of whatever
        modalities are given, plus the cosine in the encoders' own spaces for the items that have
        the modality as well (both from -1 to 1, summed). A model whose modalities are aligned adds
        the cosine between the mean of what is given and that of what each item has, so that a text
        finds pictures.

        Args:
            features: raw values by feature, as for `encode_items`.
            k: int32 `[batch]`.

        Returns:
            As `recommend`.
        """
        encoded = self._features("items", features)
        vectors = self.model.item_tower.content(encoded)
        scores = tf.matmul(unit_length(vectors), self.content_vectors, transpose_b=True)
        scores += self._encoder_similarity(encoded)
        projections = self.model.item_tower.projections
        if self.aligned_vectors is not None and projections is not None:
            aligned = projections.aligned(encoded)
            scores += tf.matmul(aligned, self.aligned_vectors, transpose_b=True)
        nothing = tf.fill([tf.shape(k)[0], 1], -1)
        return top_items(scores, k, nothing, self.item_ids)

    def _encoder_similarity(self, encoded: Mapping[str, Feature]) -> tf.Tensor:
        """The mean cosine over the given features between standardised encoder outputs."""
        total: tf.Tensor = 0.0
        count: tf.Tensor = 0.0
        projections = self.model.item_tower.projections
        for projection in projections.projections if projections is not None else ():
            if projection.name not in self.encoder_vectors:
                continue
            output, given = encoded[projection.name]
            mine = unit_length(projection.standardize(output))
            given = tf.cast(given, tf.float32)[:, tf.newaxis]
            theirs = self.encoder_vectors[projection.name]
            total += given * tf.matmul(mine, theirs, transpose_b=True)
            count += given
        return tf.math.divide_no_nan(total, count)

    def resources(self) -> dict[str, Any]:
        """Every variable, table and file that the functions read, to be saved with them."""
        model = self.model
        encoders = [*self.items.encoders.values(), *self.users.encoders.values()]
        return {
            "weights": [
                *model.item_tower.variables,
                *model.query_tower.variables,
                model.temperature.variables,
                *(head.variables for head in model.heads),
            ],
            "index": [
                self.item_vectors,
                self.content_vectors,
                self.aligned_vectors,
                *self.encoder_vectors.values(),
            ],
            "item_rows": self.item_rows,
            "user_rows": self.user_rows,
            "encoders": [encoder.resources() for encoder in encoders],
        }

    def _features(self, side: EntityName, raw: Mapping[str, tf.Tensor]) -> dict[str, Feature]:
        encoded: EncodedEntities = self.items if side == "items" else self.users
        features = {}
        for name, modality in encoded.modalities.items():
            values = modality.from_request(raw[name])
            features[name] = (encoded.encoders[name].encode(values), modality.present(values))
        return features


def _rows_by_id(ids: Sequence[str]) -> tf.lookup.StaticHashTable:
    rows = tf.range(len(ids), dtype=tf.int32)
    pairs = tf.lookup.KeyValueTensorInitializer(tf.constant(ids), rows)
    return tf.lookup.StaticHashTable(pairs, default_value=-1)


def _frozen(vectors: np.ndarray) -> tf.Variable:
    return tf.Variable(vectors, trainable=False)


def _encoder_vectors(bundle: ModelBundle) -> dict[str, np.ndarray]:
    """The standardised encoder outputs of every item, of length 1; zeros where absent."""
    projections = bundle.model.item_tower.projections
    if projections is None:
        return {}
    vectors = {}
    for projection in projections.projections:
        if not projection.vocabulary_size:
            outputs = bundle.model.items.outputs[projection.name]
            standard = projection.standardize(tf.convert_to_tensor(outputs))
            present = bundle.items.encodings[projection.name].present[:, np.newaxis]
            vectors[projection.name] = unit_length(standard).numpy() * present
    return vectors


def _of_all_items(bundle: ModelBundle, make: Callable, batch_size: int = 512) -> np.ndarray:
    """What a function of item features, such as the tower's content, makes of every item."""
    table, num_items = bundle.model.items, bundle.dataset.count("items")
    function = tf.function(lambda rows: make(table.gather(rows)), reduce_retracing=True)
    batches = [
        function(tf.range(start, min(start + batch_size, num_items))).numpy()
        for start in range(0, num_items, batch_size)
    ]
    return np.concatenate(batches)
