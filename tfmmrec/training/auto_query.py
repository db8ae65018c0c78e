"""The candidates of `query: {kind: auto}`, among which the valid split decides."""

import dataclasses

from tfmmrec.config.choices import AUTO
from tfmmrec.config.train_config import TrainConfig
from tfmmrec.models.bundle import ModelBundle


def query_candidates(config: TrainConfig, first: ModelBundle) -> dict[str, TrainConfig]:
    """The configs to compare, by kind of query.

    Whether the order of events is informative depends on the data. If it is, a transformer over
    histories is better than their mean; if not, it is worse. With `auto`, both are trained. Only
    the mean is trained if there is nothing to validate on, if order has no meaning
    (`history_context: bidirectional`), if the task does not rank (`task: rating` and `click`), and
    if encoders are fine-tuned, which takes too long to do it twice.

    Args:
        config: of a training.
        first: the model of `config`.

    Returns:
        Configs with a definite kind of query; first the kind of `first`.
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
