"""The training batches of each task."""

import numpy as np
import tensorflow as tf

from tfmmrec.data.pipelines.examples import TrainingExamples
from tfmmrec.data.pipelines.sampled_dislikes import DislikeSampler
from tfmmrec.data.pipelines.sampled_nonclicks import NonClickSampler
from tfmmrec.data.pipelines.sequence_windows import TrainingWindows
from tfmmrec.errors import DataError
from tfmmrec.models.bundle import ModelBundle, samples_nonclicks

Batches = TrainingExamples | TrainingWindows


class JointBatches:
    """Retrieval batches, each with a batch of labeled events under the key `outcomes`.

    Args:
        retrieval: defines the number of steps per epoch.
        outcomes: has the same number of steps per epoch.
    """

    def __init__(self, retrieval: Batches, outcomes: TrainingExamples):
        self.steps_per_epoch = retrieval.steps_per_epoch
        self.batch_size = min(retrieval.batch_size, outcomes.batch_size)
        self._retrieval = retrieval
        self._outcomes = outcomes

    def epochs(self, first: int, step: int = 0) -> tf.data.Dataset:
        """Returns the batches from `step` of epoch `first` on, without end."""
        both = (self._retrieval.epochs(first, step), self._outcomes.epochs(first, step))
        return tf.data.Dataset.zip(both).map(lambda batch, other: {**batch, "outcomes": other})


def create_batches(bundle: ModelBundle) -> Batches | JointBatches:
    """Creates the batches for the tasks and the history encoder of a model.

    Raises:
        DataError: there is nothing to train on.
    """
    ranks_by = bundle.model.ranks_by
    if ranks_by != "retrieval":
        if not len(bundle.outcomes):
            raise DataError(f"{bundle.dataset.folder}: no event to train on")
        return _outcomes(bundle)
    if not len(bundle.histories.items):
        raise DataError(f"{bundle.dataset.folder}: no positive interaction to train on")
    retrieval = _retrieval(bundle)
    if bundle.model.rating_click is None:
        return retrieval
    return JointBatches(retrieval, _outcomes(bundle, retrieval.steps_per_epoch))


def _retrieval(bundle: ModelBundle) -> Batches:
    config, dislikes = bundle.config, bundle.events.dislikes
    dislike_sampler = None if dislikes is None else DislikeSampler(dislikes)
    if bundle.model.query_tower.has_prefixes and config.history_context == "causal":
        strategy = bundle.model.distribute_strategy
        num_replicas = strategy.num_replicas_in_sync
        needs_equal_parts = isinstance(strategy, tf.distribute.TPUStrategy)
        return TrainingWindows(
            bundle.histories,
            length=bundle.model.query_tower.max_history,
            batch_size=config.batch_size,
            seed=config.seed,
            min_windows=num_replicas,
            multiple_of=num_replicas if needs_equal_parts else 1,
            dislike_sampler=dislike_sampler,
        )
    return TrainingExamples(
        bundle.histories,
        max_history=bundle.model.query_tower.max_history,
        batch_size=config.batch_size,
        seed=config.seed,
        history_context=config.history_context,
        dislike_sampler=dislike_sampler,
    )


def _outcomes(bundle: ModelBundle, steps_per_epoch: int | None = None) -> TrainingExamples:
    config, outcomes = bundle.config, bundle.outcomes
    nonclick_sampler = None
    if samples_nonclicks(bundle):
        counts = bundle.histories.counts(len(bundle.dataset.item_ids))
        nonclick_sampler = NonClickSampler(bundle.histories, np.flatnonzero(counts), len(counts))
    return TrainingExamples(
        bundle.histories,
        max_history=bundle.model.query_tower.max_history,
        batch_size=config.batch_size,
        seed=config.seed,
        history_context=config.history_context,
        outcomes=outcomes,
        nonclick_sampler=nonclick_sampler,
        steps_per_epoch=steps_per_epoch,
    )
