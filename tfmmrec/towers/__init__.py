"""The towers: encoded features -> projections -> fusion -> one vector."""

from tfmmrec.towers.features import Feature, FeatureProjections, drop_present
from tfmmrec.towers.item import ID, ItemTower
from tfmmrec.towers.query import QueryTower

__all__ = ["ID", "Feature", "FeatureProjections", "ItemTower", "QueryTower", "drop_present"]
