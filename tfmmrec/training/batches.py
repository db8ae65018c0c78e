"""The batches that teach a model its tasks."""

import numpy as np
import tensorflow as tf

from tfmmrec.data.pipelines.examples import TrainingExamples
from tfmmrec.data.pipelines.sampled_nonclicks import Unchosen
from tfmmrec.data.pipelines.sequence_windows import TrainingWindows
from tfmmrec.errors import DataError
from tfmmrec.models.bundle import Assembly, draws_unchosen

Batches = TrainingExamples | TrainingWindows


class JointBatches:
    """Batches of retrieval, each with one of outcomes under the key `outcomes`.

    Args:
        retrieval: says how many an epoch has.
        outcomes: as many batches an epoch.
    """

    def __init__(self, retrieval: Batches, outcomes: TrainingExamples):
        self.steps_per_epoch = retrieval.steps_per_epoch
        self.batch_size = min(retrieval.batch_size, outcomes.batch_size)
        self._retrieval = retrieval
        self._outcomes = outcomes

    def epochs(self, first: int, step: int = 0) -> tf.data.Dataset:
        """Returns the batches of epoch `first`, from `step`, and of all that follow, endless."""
        both = (self._retrieval.epochs(first, step), self._outcomes.epochs(first, step))
        return tf.data.Dataset.zip(both).map(lambda batch, other: {**batch, "outcomes": other})


def create_batches(assembly: Assembly) -> Batches | JointBatches:
    """Chooses what suits the tasks, and the way in which the model reads users.

    Raises:
        DataError: there is nothing to train on.
    """
    ranks_by = assembly.model.ranks_by
    if ranks_by != "retrieval":
        if not len(assembly.outcomes):
            raise DataError(f"{assembly.dataset.folder}: no event to train on")
        return _outcomes(assembly)
    if not len(assembly.histories.items):
        raise DataError(f"{assembly.dataset.folder}: no positive interaction to train on")
    retrieval = _retrieval(assembly)
    if assembly.model.outcomes is None:
        return retrieval
    return JointBatches(retrieval, _outcomes(assembly, retrieval.steps_per_epoch))


def _retrieval(assembly: Assembly) -> Batches:
    config = assembly.config
    if assembly.model.query_tower.at_every_place:
        return TrainingWindows(
            assembly.histories,
            length=assembly.max_history,
            batch_size=config.batch_size,
            seed=config.seed,
        )
    return TrainingExamples(
        assembly.histories,
        max_history=assembly.max_history,
        batch_size=config.batch_size,
        seed=config.seed,
        context=config.context,
    )


def _outcomes(assembly: Assembly, steps_per_epoch: int | None = None) -> TrainingExamples:
    config, outcomes = assembly.config, assembly.outcomes
    unchosen = None
    if draws_unchosen(assembly):
        counts = assembly.histories.counts(len(assembly.dataset.item_ids))
        unchosen = Unchosen(assembly.histories, np.flatnonzero(counts), len(counts))
    return TrainingExamples(
        assembly.histories,
        max_history=assembly.max_history,
        batch_size=config.batch_size,
        seed=config.seed,
        context=config.context,
        outcomes=outcomes,
        unchosen=unchosen,
        steps_per_epoch=steps_per_epoch,
    )
