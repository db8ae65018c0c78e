"""The tasks that a training file asks for, on the events that it is trained on."""

import numpy as np

from tfmmrec.config.train_config import TrainConfig
from tfmmrec.data.histories import Histories
from tfmmrec.data.outcomes import LabeledEvents
from tfmmrec.distribute.strategies import needs_static_shapes
from tfmmrec.errors import DataError
from tfmmrec.models.item_tower import ItemTower
from tfmmrec.tasks.base import Task
from tfmmrec.tasks.loss_weighting import LossWeighting
from tfmmrec.tasks.rating_click import OutcomeTask, create_outcome
from tfmmrec.tasks.rating_click_head import OutcomeHead
from tfmmrec.tasks.retrieval import RetrievalTask


def task_weights(config: TrainConfig, outcomes: LabeledEvents) -> dict[str, float]:
    """The weights of what a config teaches, by name.

    Args:
        config: how to train.
        outcomes: all events that it is trained on.

    Raises:
        DataError: nothing of the kind stands in the log.
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


def create_tasks(
    config: TrainConfig,
    weights: dict[str, float],
    *,
    tower: ItemTower,
    histories: Histories,
    outcomes: LabeledEvents,
    num_items: int,
) -> tuple[list[Task], LossWeighting]:
    """Builds the tasks of a model, and what weighs them.

    Args:
        config: how to train.
        weights: as `task_weights` gives them.
        tower: of the items.
        histories: what each user chose in training.
        outcomes: the events that outcomes are taught by.
        num_items: rows of the catalogue.
    """
    tasks: list[Task] = []
    if "retrieval" in weights:
        tasks.append(
            RetrievalTask(
                config.loss,
                config.negatives,
                histories=histories,
                num_items=num_items,
                width=tower.width,
                fusion=tower.fusion,
                fixed_shapes=needs_static_shapes(config.strategy, config.jit_compile),
            )
        )
    names = [name for name in weights if name != "retrieval"]
    if names:
        num_users = len(histories.offsets) - 1
        heads = {
            name: OutcomeHead(
                width=tower.width,
                known_users=np.bincount(outcomes.user, minlength=num_users) > 0,
                known_items=np.bincount(outcomes.item, minlength=num_items) > 0,
                options=config.head,
            )
            for name in names
        }
        predicted = {name: create_outcome(name, outcomes) for name in names}
        rows_below = num_items if needs_static_shapes(config.strategy, config.jit_compile) else None
        tasks.append(OutcomeTask(predicted, heads, rows_below=rows_below))
    return tasks, LossWeighting(weights, learned=config.joint.uncertainty_weighting)
