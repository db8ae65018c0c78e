"""What a training chooses between where its file leaves the choice to the data."""

import dataclasses

from tfmmrec.config.choices import AUTO
from tfmmrec.config.train_config import TrainConfig
from tfmmrec.models.bundle import ModelBundle


def candidates(config: TrainConfig, first: ModelBundle) -> dict[str, TrainConfig]:
    """The configs that `query: {kind: auto}` stands for, by the kind of reader.

    Whether the order of choices says anything no config can know: a transformer over histories is
    ahead of their mean where it does, and behind where it does not. So both are trained, and what
    is better on valid stays. It is the mean without a valid split, where order means nothing
    (`history_context: bidirectional`), where no choice is to be foretold (`task: rating` and
    `click`), and where encoders are trained, which takes too long to do it twice.

    Args:
        config: of a training.
        first: the model that it builds by itself.

    Returns:
        Configs that name their reader, that of the first model first.
    """
    kinds = [config.history_encoder["kind"]]
    in_order = config.history_context == "causal" and first.model.ranks_by == "retrieval"
    comparable = (
        first.dataset.has_validation_events(config.task) and not first.model.trainable_features
    )
    if config.query.get("kind") == AUTO and in_order and comparable:
        kinds.append("transformer")
    return {
        kind: dataclasses.replace(config, query={**config.query, "kind": kind}) for kind in kinds
    }
