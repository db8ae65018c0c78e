"""Moves the weights of a model to a model for other items and users."""

from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import tensorflow as tf

from tfmmrec.models.run_folder import read_weights
from tfmmrec.models.two_tower import TwoTower

# Given values of all old rows, the values of the new rows.
Take = Callable[[np.ndarray], np.ndarray]


def move_weights(source: TwoTower, target: TwoTower, items: Take, users: Take) -> None:
    """Assigns the weights of a model to one that differs in its items and users only.

    Args:
        source: the trained model.
        target: gets its weights; fine-tuned encoders are not moved, see `restore_finetuned`.
        items: moves values by item.
        users: moves values by user.
    """
    by_row = {id(variable): take for variable, take in _by_row(target, items, users)}
    for old, new in zip(_variables(source), _variables(target), strict=True):
        values = old.numpy()
        new.assign(by_row[id(new)](values) if id(new) in by_row else values)


def _variables(model: TwoTower) -> list[tf.Variable]:
    layers: list[tf.Module] = [model.item_tower, model.query_tower, model.temperature, *model.heads]
    if model.repeat_term is not None:
        layers.append(model.repeat_term)
    return [v for part in (*layers, model.loss_weighting) for v in part.variables]


def _by_row(model: TwoTower, items: Take, users: Take) -> Iterator[tuple[tf.Variable, Take]]:
    """The variables that have a row for each item or user, and what moves their rows."""
    ids = model.item_tower.id_embedding
    if ids is not None:
        # Row 0 stands for unknown items.
        yield (
            ids.table.embeddings,
            lambda values: np.concatenate([values[:1], items(values[1:])]),
        )
    if model.item_tower.closed_form is not None:
        yield model.item_tower.closed_form.factors, items
    if model.repeat_term is not None:
        yield model.repeat_term.log_odds, items
    if model.query_tower.user_embeddings is not None:
        yield model.query_tower.user_embeddings, users
    for head in model.heads:
        if head.reads_ids:
            of_users, of_items = head.tables
            yield of_users, users
            yield of_items, items


def restore_finetuned(run: Path, model: TwoTower) -> None:
    """Restores the fine-tuned encoders of a run, and encodes the catalog of a model with them."""
    if not model.trainable_features:
        return
    part = tf.Module()
    part.trainable_features = model.trainable_features
    read_weights(run, part)
    for name, feature in model.trainable_features.items():
        feature.refresh(model.items.encodings[name])
