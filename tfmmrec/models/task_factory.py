"""Creates the tasks of a training file, for its training events."""

import dataclasses
from typing import TYPE_CHECKING

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

if TYPE_CHECKING:
    from tfmmrec.models.training_events import TrainingStatistics


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
    statistics: "TrainingStatistics",
    *,
    tower: ItemTower,
    histories: Histories | None,
) -> Tasks:
    """Creates the tasks of a model.

    Args:
        config: the training file.
        statistics: of the training events.
        tower: the item tower.
        histories: the training events by user; None for a model that is not trained any more, which
            has no retrieval task.
    """
    retrieval, rating_click = None, None
    weights, num_items = statistics.task_weights, len(statistics.counts)
    if "retrieval" in weights and histories is not None:
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
        heads = {
            name: RatingClickHead(
                width=tower.width,
                known_users=statistics.labeled_users,
                known_items=statistics.labeled_items,
                options=config.head,
            )
            for name in names
        }
        rating_click = RatingClickTask(
            {name: create_outcome(name, statistics.rating_scale) for name in names}, heads
        )
    weighting = LossWeighting(weights, learned=config.joint.uncertainty_weighting)
    return Tasks(weighting, retrieval, rating_click)
