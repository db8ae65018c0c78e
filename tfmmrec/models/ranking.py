"""Scores that a model ranks the catalog by, and its predictions of ratings and clicks."""

import numpy as np
import tensorflow as tf

from tfmmrec.models.closed_form.repeat_term import add_to_scores
from tfmmrec.models.embedding_model import ItemIndex, UserInputs
from tfmmrec.models.two_tower import TwoTower


def ranking_scores(model: TwoTower, items: ItemIndex, inputs: UserInputs) -> tf.Tensor:
    """Computes the scores that the catalog is ranked by, `[batch, items]`.

    The retrieval scores; in a model without the retrieval task, the rating or the click probability
    of each user and item. Items with neither content nor a known id get −inf.

    Args:
        model: the model.
        items: the embeddings of the catalog.
        inputs: the users; `users` is required where the model `reads_user`.
    """
    head, rating_click = model.ranks_by, model.rating_click
    if rating_click is None or head == "retrieval":
        scores = model.score(model.query_vectors(items, inputs), items)
        if model.repeat_term is None:
            return scores
        return add_to_scores(scores, inputs.history, model.repeat_term.added(inputs.history))
    user_vectors = model.user_vectors(items, inputs)
    item_rows = tf.range(tf.shape(items.embeddings)[0])

    def scores_of(user: tuple[tf.Tensor, tf.Tensor]) -> tf.Tensor:
        vector, row = (tf.repeat(part[tf.newaxis], tf.size(item_rows), axis=0) for part in user)
        return rating_click.values(vector, items.embeddings, row, item_rows)[head]

    scores = tf.map_fn(scores_of, (user_vectors, inputs.users), fn_output_signature=tf.float32)
    return tf.where(items.scorable, scores, -np.inf)


def outcome_values(
    model: TwoTower, items: ItemIndex, inputs: UserInputs, rows: tf.Tensor
) -> dict[str, tf.Tensor]:
    """Predicts the rating or click of each user and one item, float32 `[batch]` by name.

    Args:
        model: the model.
        items: the embeddings of the catalog.
        inputs: the users; `users` is required.
        rows: int32 `[batch]`, rows of items, -1 for unknown ones.

    Raises:
        ValueError: the model has no rating or click task.
    """
    if model.rating_click is None:
        raise ValueError("The model has no rating or click task; train it with one")
    vectors = model.user_vectors(items, inputs)
    pair_items = tf.gather(items.embeddings, tf.maximum(rows, 0))[:, : model.item_tower.width]
    pair_items = tf.where((rows >= 0)[:, tf.newaxis], pair_items, 0.0)
    return model.rating_click.values(vectors, pair_items, inputs.users, rows)
