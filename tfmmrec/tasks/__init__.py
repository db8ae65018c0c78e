"""Tasks of a model: retrieval, and the prediction of ratings and clicks."""

from tfmmrec.tasks.loss_weighting import LossWeighting
from tfmmrec.tasks.rating_click import RatingClickTask
from tfmmrec.tasks.rating_click_head import RatingClickHead
from tfmmrec.tasks.retrieval import RetrievalTask
from tfmmrec.tasks.targets import Targets, flatten_targets

__all__ = [
    "LossWeighting",
    "RatingClickHead",
    "RatingClickTask",
    "RetrievalTask",
    "Targets",
    "flatten_targets",
]
