"""Target items of a training batch: the events that the retrieval task learns to predict."""

import dataclasses
from collections.abc import Mapping

import tensorflow as tf

from tfmmrec.data.pipelines.sampled_dislikes import DISLIKED, DISLIKED_WEIGHT


@dataclasses.dataclass(frozen=True)
class Targets:
    """The events of a batch: one per row, or one per window position that has a target item.

    Attributes:
        item: int32 `[events]`, row of the target item in the catalog; -1 is padding, which only
            static shapes have.
        previous_item: int32 `[events]`, the last item of the history before the event; -1 is none.
        users: int32 `[batch]`, user of each row of the batch.
        batch_row: int32 `[events]`, row of the batch that each event belongs to.
        num_earlier: int32 `[events]`, number of earlier training events of the same user.
        valid: bool `[events]`, False for padding; None where no event is padding.
        positions: int `[events, 2]`, row of the batch and position in its window; None where each
            row of the batch is one event.
        weight: float32 `[events]`, weight of each event's loss, 1 on average; None where all are 1.
        disliked: int32 `[batch]`, an item that the user of each row disliked, -1 for none; None
            where nobody disliked any.
        disliked_weight: float32 `[batch]`, 0 for none.
    """

    item: tf.Tensor
    previous_item: tf.Tensor
    users: tf.Tensor
    batch_row: tf.Tensor
    num_earlier: tf.Tensor
    valid: tf.Tensor | None = None
    positions: tf.Tensor | None = None
    weight: tf.Tensor | None = None
    disliked: tf.Tensor | None = None
    disliked_weight: tf.Tensor | None = None


def flatten_targets(batch: Mapping[str, tf.Tensor], *, static_shapes: bool = False) -> Targets:
    """Flattens the target items of a batch to a list of events.

    Args:
        batch: a training batch, see `TwoTower.compute_loss`. `item` is `[batch]`, the target item
            of each history, or `[batch, n]`, the target item at each position of a window.
        static_shapes: whether the number of events must not depend on the contents of the batch.
    """
    history, item, num_earlier = batch["history"], batch["item"], batch["num_earlier"]
    weight = batch.get("weight")
    disliked = {"disliked": batch.get(DISLIKED), "disliked_weight": batch.get(DISLIKED_WEIGHT)}
    if item.shape.rank == 1:
        rows = tf.range(tf.size(item))
        return Targets(
            item, history[:, -1], batch["user"], rows, num_earlier, weight=weight, **disliked
        )
    positions, valid = target_positions(item, static_shapes=static_shapes)
    return Targets(
        tf.gather_nd(item, positions),
        tf.gather_nd(history, positions),
        batch["user"],
        tf.cast(positions[:, 0], tf.int32),
        tf.gather_nd(num_earlier, positions),
        valid,
        positions,
        weight=None if weight is None else tf.gather_nd(weight, positions),
        **disliked,
    )


def target_positions(
    item: tf.Tensor, *, static_shapes: bool = False
) -> tuple[tf.Tensor, tf.Tensor | None]:
    """Finds the positions of windows that have a target item.

    Args:
        item: int32 `[batch, n]`, target item at each position; -1 is none.
        static_shapes: whether the number of results must not depend on `item`. Then all positions
            are returned, and those without a target item follow the others as padding, so that
            each event has the same index as without static shapes.

    Returns:
        The positions in row-major order, int `[events, 2]`; and which of them have a target item,
        bool `[events]`, or None if all have one.

    Example:
        >>> positions, valid = target_positions(tf.constant([[-1, 7], [8, -1]]))
        >>> positions.numpy().tolist()
        [[0, 1], [1, 0]]
    """
    has_target = item >= 0
    if not static_shapes:
        return tf.where(has_target), None
    [num_windows, length] = item.shape
    total, has_target = num_windows * length, tf.reshape(has_target, [-1])
    numbers = tf.range(total)
    order = tf.sort(tf.where(has_target, numbers, numbers + total)) % total
    return tf.stack([order // length, order % length], axis=1), tf.gather(has_target, order)
