"""Creates the tasks of a training file, for its training events."""

import dataclasses

import numpy as np

from tfmmrec.config.train_config import TrainConfig
from tfmmrec.data.histories import Histories
from tfmmrec.data.outcomes import LabeledEvents
from tfmmrec.distribute.strategies import needs_static_shapes
from tfmmrec.errors import DataError
from tfmmrec.models.item_tower import ItemTower
from tfmmrec.tasks.loss_weighting import LossWeighting
from tfmmrec.tasks.rating_click import RatingClickTask, create_outcome
from tfmmrec.tasks.rating_click_head import RatingClickHead
from tfmmrec.tasks.retrieval import RetrievalTask


def task_weights(config: TrainConfig, outcomes: LabeledEvents) -> dict[str, float]:
    """The weights of the losses of a training file, by name: retrieval, rating, click.

    Args:
        config: the training file.
        outcomes: all training events.

    Raises:
        DataError: the training events have no ratings, and the tasks need them.
    """
    if config.task != "joint":
        if config.task == "rating" and not outcomes.rated.any():
            raise DataError(
                "task rating: no event to train on has a rating; use retrieval or click"
            )
        return {config.task: 1.0}
    options = config.joint
    weights = {"retrieval": options.retrieval, "rating": options.rating, "click": options.click}
    if not outcomes.rated.any():
        del weights["rating"]
    weights = {name: weight for name, weight in weights.items() if weight}
    if len(weights) == 1:
        raise DataError("task joint: no event to train on has a rating; give joint.click a weight")
    return weights


@dataclasses.dataclass(frozen=True)
class Tasks:
    """The tasks of a model, as `TwoTower` takes them.

    Attributes:
        loss_weighting: weighs the losses of the tasks.
        retrieval: None without retrieval.
        rating_click: None without ratings and clicks.
    """

    loss_weighting: LossWeighting
    retrieval: RetrievalTask | None = None
    rating_click: RatingClickTask | None = None


def create_tasks(
    config: TrainConfig,
    weights: dict[str, float],
    *,
    tower: ItemTower,
    histories: Histories,
    outcomes: LabeledEvents,
    num_items: int,
) -> Tasks:
    """Creates the tasks of a model.

    Args:
        config: the training file.
        weights: from `task_weights`.
        tower: the item tower.
        histories: the training events by user.
        outcomes: the labeled events of training.
        num_items: number of items in the catalog.
    """
    retrieval, rating_click = None, None
    if "retrieval" in weights:
        retrieval = RetrievalTask(
            config.loss,
            config.negatives,
            histories=histories,
            num_items=num_items,
            width=tower.width,
            fusion=tower.fusion,
            static_shapes=needs_static_shapes(config.strategy, config.jit_compile),
        )
    names = [name for name in weights if name != "retrieval"]
    if names:
        num_users = len(histories.offsets) - 1
        heads = {
            name: RatingClickHead(
                width=tower.width,
                known_users=np.bincount(outcomes.user, minlength=num_users) > 0,
                known_items=np.bincount(outcomes.item, minlength=num_items) > 0,
                options=config.head,
            )
            for name in names
        }
        rating_click = RatingClickTask(
            {name: create_outcome(name, outcomes) for name in names}, heads
        )
    weighting = LossWeighting(weights, learned=config.joint.uncertainty_weighting)
    return Tasks(weighting, retrieval, rating_click)
