"""Other weights for a trained late fusion, folded into the vectors of its items."""

import contextlib
import dataclasses
from collections.abc import Iterator, Mapping

from tfmmrec.layers.fusion import FUSIONS, LateFusion
from tfmmrec.models.bundle import ModelBundle
from tfmmrec.models.item_tower import ItemTower


def fold(bundle: ModelBundle, weights: Mapping[str, float]) -> ModelBundle:
    """Gives the model of an assembly fixed weights, in place, and all that follows from them.

    Nothing else of the model depends on weights: users are read from blocks of length 1. The
    regression behind new items does, which is fitted to the vectors of known ones.

    Args:
        assembly: a model with a weighted late fusion.
        weights: by member, at least 0.

    Returns:
        The same model, with a config that builds it.
    """
    fusion = {**bundle.config.fusion, "weights": dict(weights)}
    config = dataclasses.replace(bundle.config, fusion=fusion)
    bundle.model.item_tower.fusion = _fusion(bundle.model.item_tower, weights)
    bundle.fit_new_items()
    return dataclasses.replace(bundle, config=config)


@contextlib.contextmanager
def equal_weights(tower: ItemTower) -> Iterator[None]:
    """While it lasts, all members of the tower's fusion have the same weight."""
    own = tower.fusion
    tower.fusion = _fusion(tower, dict.fromkeys(own.names, 1.0))
    try:
        yield
    finally:
        tower.fusion = own


def _fusion(tower: ItemTower, weights: Mapping[str, float]) -> LateFusion:
    given = tower.fusion.get_config()
    kept = {name: given[name] for name in ("decision", "vote", "modality_loss_weight")}
    fusion = FUSIONS.create(
        {"kind": "late", **kept, "weights": dict(weights)}, names=given["names"]
    )
    assert isinstance(fusion, LateFusion)
    return fusion
