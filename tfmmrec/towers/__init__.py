"""The towers: encoded features -> projections -> fusion -> one vector."""

from tfmmrec.towers.features import Feature, FeatureProjections, drop_present
from tfmmrec.towers.item import ID, ItemTower, Projected
from tfmmrec.towers.query import QueryTower
from tfmmrec.towers.regression import ContentRegression
from tfmmrec.towers.relevance import item_factors

__all__ = [
    "ID",
    "ContentRegression",
    "Feature",
    "FeatureProjections",
    "ItemTower",
    "Projected",
    "QueryTower",
    "drop_present",
    "item_factors",
]
