"""Replaces the weights of a trained late fusion, and what depends on them."""

import contextlib
import dataclasses
from collections.abc import Iterator, Mapping

from tfmmrec.layers.fusion import LateFusion
from tfmmrec.models.bundle import ModelBundle
from tfmmrec.models.closed_form.fit import fit_closed_form
from tfmmrec.models.item_tower import ItemTower


def fold(bundle: ModelBundle, weights: Mapping[str, float]) -> ModelBundle:
    """Gives a model fixed late-fusion weights, in place, and fits the cold-start regression again.

    The query tower does not depend on the weights: it reads blocks of length 1. The cold-start
    regression does, since it is fitted to the embeddings of trained items.

    Args:
        bundle: a model with a weighted late fusion.
        weights: by member, at least 0.

    Returns:
        The same model, with a config that builds it.
    """
    fusion = {**bundle.config.fusion, "weights": dict(weights)}
    config = dataclasses.replace(bundle.config, fusion=fusion)
    bundle.model.item_tower.fusion = _fusion(bundle.model.item_tower, weights)
    fit_closed_form(bundle)
    return dataclasses.replace(bundle, config=config, saved_catalog=None)


@contextlib.contextmanager
def equal_weights(tower: ItemTower) -> Iterator[None]:
    """Gives all members of the tower's fusion the same weight within the context."""
    trained = tower.fusion
    tower.fusion = _fusion(tower, dict.fromkeys(trained.names, 1.0))
    try:
        yield
    finally:
        tower.fusion = trained


def _fusion(tower: ItemTower, weights: Mapping[str, float]) -> LateFusion:
    config = tower.fusion.get_config()
    options = {name: config[name] for name in ("decision", "vote", "modality_loss_weight")}
    return LateFusion(config["names"], **options, weights=dict(weights))
